"""Clients of AWS, as Airflow's connection says; imports stay inside, so that a DAG file is parsed without boto3."""

from __future__ import annotations

from functools import cache
from typing import Any

from ecomm.settings import settings

CONNECTION = "aws_default"


@cache
def client(service: str) -> Any:
    """A boto3 client of the connection `aws_default`, in the platform's region; safe to share between threads.

    Where there is no such connection, boto3's own search finds the credentials: the execution role on MWAA.
    """
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    return AwsBaseHook(aws_conn_id=CONNECTION, client_type=service, region_name=settings().region).get_conn()


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/key` as (bucket, key); raises ValueError for anything else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"{uri!r} is not an S3 location; write s3://bucket/key.")
    return bucket, key


def error_code(error: Exception) -> str:
    """AWS's name of a ClientError, such as NoSuchKey or 404; empty for any other exception."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def list_objects(bucket: str, prefix: str, s3: Any = None) -> list[dict[str, Any]]:
    """Every object under the prefix, as ListObjectsV2 describes it (Key, Size, ETag, LastModified), by key.

    s3: a client of the caller's own, if it is no task of Airflow's.
    """
    pages = (s3 or client("s3")).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [found for page in pages for found in page.get("Contents", [])]


def delete_objects(bucket: str, keys: list[str]) -> None:
    """Deletes the objects, a thousand a request; raises RuntimeError naming the first that would not go."""
    for start in range(0, len(keys), 1000):
        batch = [{"Key": key} for key in keys[start : start + 1000]]
        answer = client("s3").delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        for failure in answer.get("Errors", []):
            raise RuntimeError(f"s3://{bucket}/{failure['Key']} could not be deleted: {failure['Message']}.")
