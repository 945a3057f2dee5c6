"""Answers which months of data sets the raw bucket holds, and which of them hold made-up rows alone."""

from __future__ import annotations

from typing import Any

from ecomm.aws import client, error_code, list_objects
from ecomm.contract import month_of_partition
from ecomm.raw_bucket import is_data
from ecomm.upload.layout import UNCOMPRESSED, ZIPPED, is_archived_day
from ecomm.upload.ledger import Ledger
from ecomm.upload.objects import MARK


def origins(bucket: str, s3: Any = None) -> dict[str, bool]:
    """Returns each month of the bucket with whether all of its objects, zip and CSV, hold made-up rows.

    An object does if the ledger says so of exactly the version that is there, or if it has the mark that an upload of
    made-up rows noted for its key before it was killed. A file outside the months' folders stands for itself, under its
    key. Days that the stream's archive brought count for nothing. s3: a client of the caller's own.
    """
    s3 = s3 or client("s3")
    ledger = Ledger.read(bucket, s3)
    made_up_files = {
        key: etag for record in ledger.months.values() if record.made_up for key, etag in record.files.items()
    }
    months: dict[str, bool] = {}
    for prefix in (ZIPPED, UNCOMPRESSED):
        for listed in list_objects(bucket, prefix, s3):
            key = listed["Key"]
            if is_data(key, listed["Size"]) and not is_archived_day(key):
                month = month_of_partition(key) or key
                made_up = made_up_files.get(key) == listed["ETag"] or _mark(s3, bucket, key, ledger)
                months[month] = months.get(month, True) and made_up
    return dict(sorted(months.items()))


def _mark(s3: Any, bucket: str, key: str, ledger: Ledger) -> bool:
    """Whether the object has a mark that was noted for it."""
    marks = ledger.begun.get(key)
    if not marks:
        return False
    try:
        return s3.head_object(Bucket=bucket, Key=key)["Metadata"].get(MARK) in marks
    except s3.exceptions.ClientError as error:
        if error_code(error) in ("404", "NoSuchKey"):
            return True
        raise
