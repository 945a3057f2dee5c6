"""Answers of AWS that no local endpoint gives, as sentences."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, TokenRetrievalError

from infra.failures import Failure, ended, explain, stuck, way_out


@pytest.mark.parametrize(
    ("code", "message", "sentence"),
    [
        ("ExpiredToken", "The token has expired", "The AWS credentials have expired. Log in again (aws sso login)"),
        (
            "InvalidClientTokenId",
            "Not valid",
            "AWS does not accept the credentials (InvalidClientTokenId). Check AWS_PROFILE",
        ),
        (
            "AccessDenied",
            "User x is not authorized.",
            "AWS denies CreateChangeSet: User x is not authorized. docs/deploy.md",
        ),
        ("ValidationError", "Parameter 'Stage' must be short", "Parameter 'Stage' must be short"),
        ("Throttling", "Rate exceeded", "CreateChangeSet: Rate exceeded (Throttling)"),
        (
            "OptInRequired",
            "You need a subscription.",
            "CreateChangeSet: You need a subscription. AWS has not activated",
        ),
    ],
)
def test_an_answer_is_explained(code: str, message: str, sentence: str) -> None:
    error = ClientError({"Error": {"Code": code, "Message": message}}, "CreateChangeSet")
    assert explain(error, "us-east-1", None).startswith(sentence)


def test_missing_credentials_name_the_log_in() -> None:
    assert "aws sso login" in explain(NoCredentialsError(), "us-east-1", None)


def test_a_session_that_is_over_names_the_log_in() -> None:
    error = TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed")
    assert explain(error, "us-east-1", None).endswith("Log in again (aws sso login), then run the same command.")


def test_no_connection_to_aws_names_the_region() -> None:
    error = EndpointConnectionError(endpoint_url="https://sts.eu-north-9.amazonaws.com")
    assert "is eu-north-9 the region you mean?" in explain(error, "eu-north-9", None)


@pytest.mark.parametrize(
    ("resource_type", "reason", "advice"),
    [
        ("AWS::S3::Bucket", "The requested bucket name is not available", "--prefix"),
        ("AWS::Glue::Job", "x is not authorized to perform: glue:CreateJob", "permission"),
        ("AWS::Logs::LogGroup", "/aws-glue/jobs/x already exists", "--stage"),
        ("AWS::IAM::ManagedPolicy", "Cannot delete a policy attached to entities.", "Detach it there"),
        ("AWS::Glue::Table", "Insufficient Lake Formation permission(s): Required Create Table", "make doctor"),
        ("AWS::Kinesis::Stream", "The AWS Access Key Id needs a subscription for the service", "has not activated"),
        ("AWS::IAM::Role", "LimitExceeded: Cannot exceed quota for RolesPerAccount", "Service Quotas"),
    ],
)
def test_a_failed_resource_has_a_way_out(resource_type: str, reason: str, advice: str) -> None:
    assert advice in (way_out(Failure("Thing", resource_type, reason)) or "")


def test_an_unknown_reason_speaks_for_itself() -> None:
    assert way_out(Failure("Thing", "AWS::Glue::Job", "Worker type is not supported")) is None


def test_a_stuck_stack_names_the_command_that_frees_it() -> None:
    assert "continue-update-rollback --stack-name ours" in ended("ours", "UPDATE_ROLLBACK_FAILED")
    assert "delete-stack --stack-name ours" in str(stuck("ours", "DELETE_FAILED"))
    assert stuck("ours", "UPDATE_COMPLETE") is None
