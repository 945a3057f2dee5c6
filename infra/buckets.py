"""The buckets of a stage: their names, whose they are, what lies in them, and their end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from infra.failures import DeployError

# The first word of their names, where nobody chose another.
DEFAULT_PREFIX = "ecommerce"
# What the deploy command itself brings, and brings again: by purpose of the bucket, the beginnings of keys.
BROUGHT = {"raw": (), "curated": (), "artifacts": ("glue_scripts/", "flink/", "functions/"), "airflow": ("",)}


def names(prefix: str, region: str, stage: str) -> dict[str, str]:
    """By purpose; as storage.yaml names them."""
    return {purpose: f"{prefix}-{purpose}-{region}-{stage}" for purpose in BROUGHT}


def owner(client: Any, bucket: str) -> str:
    """Whose the name is: "nobody", "us" or "somebody else"."""
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == 404:
            return "nobody"
        if status in (301, 403):
            return "somebody else"
        raise
    return "us"


def data(client: Any, bucket: str, purpose: str) -> tuple[int, int, str] | None:
    """How many objects a new deployment would not bring again, their bytes, and the key of one; None for no object."""
    count, size, key = 0, 0, ""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page.get("Contents", []):
            if not found["Key"].startswith(BROUGHT[purpose]):
                count, size, key = count + 1, size + found["Size"], found["Key"]
    return (count, size, key) if count else None


def delete(client: Any, bucket: str) -> None:
    """Deletes the bucket with every version of every object. Raises DeployError naming one that would not go."""
    for upload in _unfinished(client, bucket):
        client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [
            {"Key": found["Key"], "VersionId": found["VersionId"]}
            for found in page.get("Versions", []) + page.get("DeleteMarkers", [])
        ]
        if versions:
            answer = client.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
            for failure in answer.get("Errors", []):
                raise DeployError(f"s3://{bucket}/{failure['Key']} could not be deleted: {failure['Message']}.")
    client.delete_bucket(Bucket=bucket)


def _unfinished(client: Any, bucket: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        yield from page.get("Uploads", [])
