"""Takes a month's uploaded files out of the data set, and puts them back: nothing is deleted (python -m … --help)."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from ecomm.aws import client, delete_objects, list_objects
from ecomm.contract import is_month, partition
from ecomm.errors import DataError
from ecomm.raw_bucket import is_data
from ecomm.settings import settings
from ecomm.upload.layout import TAKEN_OUT, UNCOMPRESSED, is_archived_day

log = logging.getLogger(__name__)


def take_out(months: Sequence[str]) -> list[str]:
    """Moves the uploaded files of these months aside, and returns their new keys; the next run drops the months.

    Files that came from the stream's archive stay. May be repeated: a month without a file is left alone. Raises
    DataError for what is no month.
    """
    return _move(months, UNCOMPRESSED, TAKEN_OUT)


def put_back(months: Sequence[str]) -> list[str]:
    """Undoes `take_out`, and returns the keys; the next run converts the months again.

    May be repeated. Raises DataError for a month that was uploaded again since: its rows would count twice.
    """
    for month in filter(is_month, months):
        _require_none_since(month)
    return _move(months, TAKEN_OUT, UNCOMPRESSED)


def _require_none_since(month: str) -> None:
    """Raises DataError if the month has uploaded files that are not copies of those that were taken out."""
    bucket, folder = settings().raw_bucket, f"{partition(month)}/"
    aside = {each["Key"].removeprefix(TAKEN_OUT): each["Size"] for each in list_objects(bucket, TAKEN_OUT + folder)}
    for each in list_objects(bucket, UNCOMPRESSED + folder):
        key, size = each["Key"], each["Size"]
        copied = aside.get(key.removeprefix(UNCOMPRESSED)) == size
        if aside and is_data(key, size) and not is_archived_day(key) and not copied:
            raise DataError(
                f"{month} was uploaded again after it was taken out: s3://{bucket}/{key}. Nothing was put back. Remove "
                f"that file first to have the earlier ones, or leave them in s3://{bucket}/{TAKEN_OUT}{folder}."
            )


def _move(months: Sequence[str], source: str, target: str) -> list[str]:
    bucket, s3 = settings().raw_bucket, client("s3")
    for month in months:
        if not is_month(month):
            raise DataError(f"{month!r} is not a month; write it as 2019-11.")
    moved = []
    for month in sorted(set(months)):
        keys = [each["Key"] for each in list_objects(bucket, f"{source}{partition(month)}/")]
        for key in (key for key in keys if not is_archived_day(key)):
            copy = target + key.removeprefix(source)
            # Not copy_object, which AWS refuses for more than 5 GB.
            s3.copy({"Bucket": bucket, "Key": key}, bucket, copy)
            delete_objects(bucket, [key])
            log.info("Moved s3://%s/%s to %s", bucket, key, copy)
            moved.append(copy)
        if not keys:
            log.info("s3://%s/%s%s/ holds no file; nothing to move.", bucket, source, partition(month))
    return moved


def main(words: Sequence[str] | None = None) -> int:
    """0 when the files are moved, 1 with a sentence on standard error if not."""
    parser = argparse.ArgumentParser(
        prog="python -m ecomm.batch.take_out",
        description=f"Moves the uploaded files of months from {UNCOMPRESSED} to {TAKEN_OUT} of the raw bucket, so that "
        "the next run of ecomm_batch_kpis drops these months from every table.",
        epilog="docs/guides/take-a-month-out.md says when, and what else there is.",
    )
    parser.add_argument("months", nargs="+", metavar="MONTH", help="for example 2020-03")
    parser.add_argument("--put-back", action="store_true", help="the other way round: the month comes back")
    arguments = parser.parse_args(words)
    try:
        moved = (put_back if arguments.put_back else take_out)(arguments.months)
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    place = f"s3://{settings().raw_bucket}/"
    sys.stdout.write("".join(f"moved to {place}{key}\n" for key in moved) or "There is no file to move.\n")
    if moved:
        sys.stdout.write("Now start the DAG ecomm_batch_kpis; it compares the bucket with what it serves.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
