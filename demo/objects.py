"""Reads whole objects of S3, however often the platform is too busy to send one to its end."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import HTTPClientError, IncompleteReadError, ResponseStreamingError

from demo import DemoError

MAX_TRIES = 20


def read(s3: Any, bucket: str, key: str) -> bytes:
    """The object's bytes; asks again if they stop in the middle. Raises DemoError if they do so every time."""
    for _ in range(MAX_TRIES):
        try:
            return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except (HTTPClientError, IncompleteReadError, ResponseStreamingError) as error:
            last = error
    raise DemoError(f"s3://{bucket}/{key} cannot be read to its end ({last}); is the disk full? See `make logs`.")
