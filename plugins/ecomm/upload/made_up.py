"""Keeps made-up rows from replacing others: invented data never takes the place of a month that holds anything else."""

from __future__ import annotations

from collections.abc import Collection

from ecomm.aws import list_objects
from ecomm.contract import month_of_partition
from ecomm.errors import DataError
from ecomm.raw_bucket import is_data
from ecomm.upload.layout import UNCOMPRESSED, ZIPPED, is_archived_day
from ecomm.upload.ledger import Ledger


def refuse_to_replace(bucket: str, months: Collection[str], replace: bool) -> None:
    """Raises DataError naming the months of the bucket that made-up rows would replace or, with `replace`, remove.

    months: those that the rows are of. A month is made up if the ledger says so of exactly the objects that are there
    now. A file outside the months' folders goes with `replace` as they do, so it is named too. The days that the
    stream's archive brought are left alone in any case.
    """
    records = Ledger.read(bucket).months
    objects: dict[str, dict[str, str]] = {}
    for prefix in (ZIPPED, UNCOMPRESSED):
        for listed in list_objects(bucket, prefix):
            key = listed["Key"]
            month = month_of_partition(key) or key
            if is_data(key, listed["Size"]) and not is_archived_day(key):
                objects.setdefault(month, {})[key] = listed["ETag"]
    others = [
        month
        for month, files in sorted(objects.items())
        if (replace or month in months)
        and not (month in records and records[month].made_up and files.items() <= records[month].files.items())
    ]
    if others:
        raise DataError(
            f"s3://{bucket}/ holds {', '.join(others)} of other data, and made-up rows never take its place. Name your "
            "files in `sources`, take these months out (docs/guides/take-a-month-out.md), or use another stage."
        )
