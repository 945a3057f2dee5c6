"""Cuts the sample of months that were put into the raw bucket by hand: the upload brings one, `aws s3 cp` does not."""

from __future__ import annotations

import logging
import re

from ecomm.aws import client, list_objects
from ecomm.contract import HEADER
from ecomm.errors import DataError
from ecomm.raw_bucket import files_by_month, is_data
from ecomm.settings import settings
from ecomm.upload.beginning import FIRST_LOOK, check_beginning
from ecomm.upload.layout import SAMPLE, sample_key

log = logging.getLogger(__name__)

LINES = 1000
_ROW = re.compile(rb'(\xef\xbb\xbf)?"?\d{4}-\d\d-\d\d ')


def upload_missing_sample() -> str | None:
    """Puts a sample if there is none, cut from the latest month with a file that begins well; returns its key.

    A file without a header gets the contract's. Raises DataError if no file of the bucket begins well.
    """
    bucket = settings().raw_bucket
    samples = [found["Key"] for found in list_objects(bucket, SAMPLE) if is_data(found["Key"], found["Size"])]
    if samples:
        log.info("There is a sample: s3://%s/%s", bucket, samples[0])
        return None
    faults = []
    for month, files in sorted(files_by_month(bucket).items(), reverse=True):
        for file in files:
            beginning = _beginning(bucket, file.key)
            try:
                check_beginning(beginning, f"s3://{bucket}/{file.key}")
            except DataError as error:
                faults.append(str(error))
                continue
            # Not splitlines, which also ends a line at a carriage return.
            key, lines = sample_key(month), beginning.removesuffix(b"\n").split(b"\n")[:LINES]
            client("s3").put_object(Bucket=bucket, Key=key, Body=b"\n".join([*lines, b""]), ContentType="text/csv")
            log.info("s3://%s/%s: %d lines of %s", bucket, key, len(lines), file.key)
            return key
    if faults:
        raise DataError(f"No file of the raw bucket can be read as events, so there is no sample to crawl. {faults[0]}")
    return None


def _beginning(bucket: str, key: str) -> bytes:
    """The whole lines of the first bytes of an object, with a header."""
    response = client("s3").get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{FIRST_LOOK - 1}")
    beginning = bytes(response["Body"].read())
    if len(beginning) == FIRST_LOOK and b"\n" in beginning:
        beginning = beginning[: beginning.rindex(b"\n") + 1]
    return HEADER + beginning if _ROW.match(beginning) else beginning
