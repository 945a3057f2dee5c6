"""The sample of a data set: the first lines of its latest month, as `head` would cut them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ecomm.aws import client, delete_objects, error_code, list_objects
from ecomm.raw_bucket import is_data
from ecomm.upload.layout import SAMPLE, csv_key, sample_key

log = logging.getLogger(__name__)

CHUNK = 64 * 1024


def upload_sample(bucket: str, months: Sequence[str], lines: int, replace: bool) -> str:
    """Puts the first `lines` lines (header included) of the latest month's uncompressed CSV; returns the key.

    Nothing is written where the same sample is there already. `replace` removes all other samples.
    """
    latest = max(months)
    key = sample_key(latest)
    sample = _head(bucket, csv_key(latest), lines)
    if _contents(bucket, key) == sample:
        log.info("s3://%s/%s is there already, with the same contents.", bucket, key)
    else:
        client("s3").put_object(Bucket=bucket, Key=key, Body=sample, ContentType="text/csv")
        log.info("s3://%s/%s: %d lines", bucket, key, sample.count(b"\n"))
    others = [
        found["Key"]
        for found in list_objects(bucket, SAMPLE)
        if found["Key"] != key and is_data(found["Key"], found["Size"])
    ]
    if replace and others:
        delete_objects(bucket, others)
        log.info("Removed %s", ", ".join(others))
    return key


def _head(bucket: str, key: str, lines: int) -> bytes:
    """Reads little more of the object than its first lines."""
    head = b""
    with client("s3").get_object(Bucket=bucket, Key=key)["Body"] as body:
        while head.count(b"\n") < lines and (chunk := body.read(CHUNK)):
            head += chunk
    return b"".join(line + b"\n" for line in head.split(b"\n")[:lines]) if head.count(b"\n") >= lines else head


def _contents(bucket: str, key: str) -> bytes | None:
    try:
        return bytes(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    except client("s3").exceptions.ClientError as error:
        if error_code(error) == "NoSuchKey":
            return None
        raise
