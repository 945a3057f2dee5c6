"""The properties of AWS::S3::Bucket that ministack's CloudFormation leaves out, as requests of the S3 API.

Source of the names: the resource's page in the CloudFormation template reference, and S3's own API model (botocore).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import botocore.session
from botocore.serialize import create_serializer

Properties = dict[str, Any]

# By property: the operation that sets it, the operation's member, and how the property is written there.
_REQUESTS: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "BucketEncryption": (
        "PutBucketEncryption",
        "ServerSideEncryptionConfiguration",
        lambda value: {"Rules": [_encryption_rule(rule) for rule in value["ServerSideEncryptionConfiguration"]]},
    ),
    "LifecycleConfiguration": (
        "PutBucketLifecycleConfiguration",
        "LifecycleConfiguration",
        lambda value: {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]},
    ),
    "OwnershipControls": ("PutBucketOwnershipControls", "OwnershipControls", lambda value: value),
    "Tags": ("PutBucketTagging", "Tagging", lambda value: {"TagSet": value}),
}
ADDED = tuple(_REQUESTS)
# Carried out by ministack itself, or saying nothing about a bucket.
STOCK = (
    "BucketName",
    "VersioningConfiguration",
    "NotificationConfiguration",
    "CorsConfiguration",
    "PublicAccessBlockConfiguration",
    "WebsiteConfiguration",
)


def refuse_unknown(properties: Properties) -> None:
    """Raises ValueError for a property that neither ministack nor this module carries out."""
    unknown = sorted(set(properties) - set(ADDED) - set(STOCK))
    if unknown:
        raise ValueError(f"The local platform does not carry out {', '.join(unknown)} of AWS::S3::Bucket.")


def request_body(name: str, value: Any) -> bytes:
    """The XML body of the S3 request that sets the property `name` (one of ADDED) to `value`."""
    operation, member, translate = _REQUESTS[name]
    model = _s3_model().operation_model(operation)
    serializer = create_serializer("rest-xml", include_validation=True)
    body = serializer.serialize_to_request({"Bucket": "bucket", member: translate(value)}, model)["body"]
    return bytes(body)


@cache
def _s3_model() -> Any:
    return botocore.session.get_session().get_service_model("s3")


def _encryption_rule(rule: Properties) -> Properties:
    return {
        ("ApplyServerSideEncryptionByDefault" if name == "ServerSideEncryptionByDefault" else name): value
        for name, value in rule.items()
    }


def _lifecycle_rule(rule: Properties) -> Properties:
    expiration = {
        "Days": _number(rule, "ExpirationInDays"),
        "Date": rule.get("ExpirationDate"),
        "ExpiredObjectDeleteMarker": rule.get("ExpiredObjectDeleteMarker"),
    }
    noncurrent = rule.get("NoncurrentVersionExpiration") or {
        "NoncurrentDays": rule.get("NoncurrentVersionExpirationInDays")
    }
    transitions = [*rule.get("Transitions", []), *([rule["Transition"]] if "Transition" in rule else [])]
    abort = rule.get("AbortIncompleteMultipartUpload", {})
    return _given(
        {
            "ID": rule.get("Id"),
            "Status": rule["Status"],
            "Filter": _filter(rule),
            "Expiration": _given(expiration),
            "NoncurrentVersionExpiration": _numbers(noncurrent),
            "AbortIncompleteMultipartUpload": _numbers(abort),
            "Transitions": [
                _given(
                    {
                        "StorageClass": one["StorageClass"],
                        "Days": _number(one, "TransitionInDays"),
                        "Date": one.get("TransitionDate"),
                    }
                )
                for one in transitions
            ],
            "NoncurrentVersionTransitions": [
                _given(
                    {
                        "StorageClass": one["StorageClass"],
                        "NoncurrentDays": _number(one, "TransitionInDays"),
                        "NewerNoncurrentVersions": _number(one, "NewerNoncurrentVersions"),
                    }
                )
                for one in rule.get("NoncurrentVersionTransitions", [])
            ],
        }
    )


def _filter(rule: Properties) -> Properties:
    """One condition stands alone, several are joined by And; none is the empty prefix."""
    tags = rule.get("TagFilters", [])
    conditions = _given(
        {
            "Prefix": rule.get("Prefix"),
            "ObjectSizeGreaterThan": _number(rule, "ObjectSizeGreaterThan"),
            "ObjectSizeLessThan": _number(rule, "ObjectSizeLessThan"),
        }
    )
    if len(conditions) + len(tags) > 1:
        return {"And": conditions | _given({"Tags": tags})}
    if tags:
        return {"Tag": tags[0]}
    return conditions or {"Prefix": ""}


def _given(values: Properties) -> Properties:
    return {name: value for name, value in values.items() if value not in (None, {}, [])}


def _number(values: Properties, name: str) -> int | None:
    return int(values[name]) if name in values else None


def _numbers(values: Properties) -> Properties:
    return {name: int(value) for name, value in values.items() if value is not None}
