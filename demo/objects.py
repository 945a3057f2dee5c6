"""Reads whole objects of S3, however often the platform is too busy to send one to its end."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import HTTPClientError, IncompleteReadError, ResponseStreamingError


def read(s3: Any, bucket: str, key: str) -> bytes:
    """The object's bytes. Asks again where they stop in the middle: while the platform lives, they come."""
    while True:
        try:
            return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except (HTTPClientError, IncompleteReadError, ResponseStreamingError):
            continue
