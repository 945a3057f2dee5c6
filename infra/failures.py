"""What went wrong, as sentences that name the way out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)


class DeployError(Exception):
    """The deployment can not go on; the message says why and what to do."""


@dataclass(frozen=True)
class Failure:
    """One resource that CloudFormation could not make, change or remove, and its reason."""

    logical_id: str
    resource_type: str
    reason: str


class StackError(DeployError):
    """A stack did not come to the state asked for, because of the failures."""

    def __init__(self, message: str, failures: list[Failure]) -> None:
        super().__init__(message)
        self.failures = failures


def ended(stack: str, status: str) -> str:
    """What the last status of an operation means, and what to do."""
    return f"{stack} ended as {status}. {_AFTERWARDS.get(status) or stuck(stack, status) or ''}".rstrip()


def stuck(stack: str, status: str | None) -> str | None:
    """How to get a stack out of a status in which CloudFormation takes no change; None for any other status."""
    if status == "UPDATE_ROLLBACK_FAILED":
        return f"Correct the cause, then: aws cloudformation continue-update-rollback --stack-name {stack}"
    if status in ("ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED"):
        return (
            f"See in its events what could not be deleted, then: aws cloudformation delete-stack --stack-name {stack}"
        )
    return None


_AFTERWARDS = {
    "ROLLBACK_COMPLETE": "Nothing that it made is left. Correct the cause and run the same command again.",
    "UPDATE_ROLLBACK_COMPLETE": "It is as it was before. Correct the cause and run the same command again.",
}

_NOT_ACTIVE = (
    "AWS has not activated the account for this service: a new account takes up to a day, and wants a means of payment."
)

_WAYS_OUT = (
    (
        "AWS::S3::Bucket",
        r"already exists|already owned|BucketAlready|not available",
        "Names of buckets are unique among all of AWS. Choose another first word with --prefix; or, where the bucket is"
        " yours and was kept when an earlier stack was deleted, empty and delete it, or import it into the stack.",
    ),
    (
        "AWS::IAM::ManagedPolicy",
        r"attached|DeleteConflict",
        "Somebody attached it to an identity of his own. Detach it there, then run the same command again.",
    ),
    (
        "AWS::Glue::",
        r"Lake ?Formation",
        "Lake Formation of this account decides about databases and tables; `make doctor` says how to leave it to IAM.",
    ),
    ("", r"needs a subscription|OptInRequired|SubscriptionRequired", _NOT_ACTIVE),
    (
        "",
        r"not authorized|AccessDenied|Access Denied|UnauthorizedOperation",
        "Ask for that permission for the identity named at the top (docs/deploy.md lists what a deployment needs).",
    ),
    (
        "",
        r"already exists|AlreadyExists",
        "Something outside of this stack has the name. Delete it, or deploy under another --stage.",
    ),
    ("", r"[Ll]imit ?[Ee]xceeded|[Qq]uota", "Ask for a higher quota in the console of Service Quotas."),
)


def way_out(failure: Failure) -> str | None:
    """What to do about a failed resource; None where its reason has to speak for itself."""
    for resource_type, pattern, advice in _WAYS_OUT:
        if failure.resource_type.startswith(resource_type) and re.search(pattern, failure.reason):
            return advice
    return None


def explain(error: BotoCoreError | ClientError, region: str, endpoint: str | None) -> str:
    """An error of the AWS client as a sentence with the way out.

    endpoint: the address that replaces AWS's own (AWS_ENDPOINT_URL); None on AWS.
    """
    match error:
        case ClientError():
            text = _explain_answer(error)
        case ProfileNotFound():
            text = f"{error}. Name one of ~/.aws/config in AWS_PROFILE, or unset it."
        case NoCredentialsError() | PartialCredentialsError() if endpoint:
            text = f"{endpoint} wants credentials, any: export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local."
        case SSOError() | TokenRetrievalError():
            text = f"{error} Log in again (aws sso login), then run the same command."
        case NoCredentialsError() | PartialCredentialsError():
            text = "No AWS credentials found. Log in (aws sso login, aws configure), or name a profile in AWS_PROFILE."
        case EndpointConnectionError() if endpoint:
            text = f"Nothing answers at {endpoint}. Start the local platform (make up), or unset AWS_ENDPOINT_URL."
        case EndpointConnectionError():
            text = f"{error} Is the network up, and is {region} the region you mean?"
        case _:
            text = str(error)
    return text


def _explain_answer(error: ClientError) -> str:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", str(error))
    if code in ("ExpiredToken", "ExpiredTokenException", "RequestExpired"):
        return "The AWS credentials have expired. Log in again (aws sso login), then run the same command."
    if code in ("OptInRequired", "SubscriptionRequiredException"):
        return f"{error.operation_name}: {message} {_NOT_ACTIVE}"
    if code in ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure"):
        return f"AWS does not accept the credentials ({code}). Check AWS_PROFILE and the AWS_* variables."
    if code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"):
        return f"AWS denies {error.operation_name}: {message} docs/deploy.md lists what a deployment needs."
    return message if code == "ValidationError" else f"{error.operation_name}: {message} ({code})"
