"""Takes a month's uploaded files out of the data set, and puts them back: nothing is deleted (python -m … --help)."""

from __future__ import annotations

import argparse
import logging
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from ecomm.aws import client, delete_objects, list_objects
from ecomm.contract import is_month, partition
from ecomm.errors import DataError
from ecomm.raw_bucket import is_data
from ecomm.settings import settings
from ecomm.upload.layout import TAKEN_OUT, UNCOMPRESSED, is_archived_day

log = logging.getLogger(__name__)

# Written last into the folder of what was taken out.
DONE = "_done"


def take_out(months: Sequence[str], name: str) -> list[str]:
    """Moves the uploaded files of these months aside, and returns their new keys; the next run drops the months.

    name: of this taking out; a word of it is the folder that the files get, so that it never meets another's. Repeated
    under the same name it completes what was begun, and then moves nothing more. Files that came from the stream's
    archive stay. Raises DataError for what is no month.
    """
    bucket, word = settings().raw_bucket, re.sub(r"[^a-zA-Z0-9]+", "-", name).strip("-")
    _check(months)
    moved = []
    for month in sorted(set(months)):
        folder = f"{TAKEN_OUT}{partition(month)}/{word}/"
        if any(found["Key"] == folder + DONE for found in list_objects(bucket, folder)):
            log.info("%s was taken out under this name before; what was uploaded since stays.", month)
            continue
        source = f"{UNCOMPRESSED}{partition(month)}/"
        keys = [found["Key"] for found in list_objects(bucket, source) if not is_archived_day(found["Key"])]
        moved += [_move(bucket, key, folder + key.removeprefix(source)) for key in keys]
        client("s3").put_object(Bucket=bucket, Key=folder + DONE, Body=b"")
        log.info("%s: %d files moved to s3://%s/%s", month, len(keys), bucket, folder)
    return moved


def put_back(months: Sequence[str]) -> list[str]:
    """Undoes the last `take_out` of each month, and returns the keys; the next run converts the months again.

    Raises DataError for what is no month, for one that was not taken out, and for one that was uploaded again since.
    """
    bucket = settings().raw_bucket
    _check(months)
    moved = []
    for month in sorted(set(months)):
        source, target = f"{TAKEN_OUT}{partition(month)}/", f"{UNCOMPRESSED}{partition(month)}/"
        taken = [found for found in list_objects(bucket, source) if found["Key"].rpartition("/")[2] != DONE]
        if not taken:
            raise DataError(f"s3://{bucket}/{source} holds no file; {month} was not taken out.")
        latest = max(taken, key=lambda found: found["LastModified"])["Key"].removeprefix(source).partition("/")[0]
        folder = f"{source}{latest}/"
        copies = {key: target + key.removeprefix(folder) for found in taken if (key := found["Key"]).startswith(folder)}
        for found in list_objects(bucket, target):
            if is_data(found["Key"], found["Size"]) and not is_archived_day(found["Key"]):
                raise DataError(
                    f"{month} was uploaded again after it was taken out: s3://{bucket}/{found['Key']}. Nothing was put "
                    "back, since its rows would count twice; take it out first, or leave it as it is."
                )
        moved += [_move(bucket, key, copy) for key, copy in copies.items()]
        delete_objects(bucket, [folder + DONE])
    return moved


def _check(months: Sequence[str]) -> None:
    for month in months:
        if not is_month(month):
            raise DataError(f"{month!r} is not a month; write it as 2019-11.")


def _move(bucket: str, key: str, copy: str) -> str:
    # Not copy_object, which AWS refuses for more than 5 GB.
    client("s3").copy({"Bucket": bucket, "Key": key}, bucket, copy)
    delete_objects(bucket, [key])
    return copy


def main(words: Sequence[str] | None = None) -> int:
    """0 when the files are moved, 1 with a sentence on standard error if not."""
    parser = argparse.ArgumentParser(
        prog="make take-out",
        description=f"Moves the uploaded files of months from {UNCOMPRESSED} to {TAKEN_OUT} of the raw bucket, so that "
        "the next run of ecomm_batch_kpis drops these months from every table.",
        epilog="docs/guides/take-a-month-out.md says when, and what else there is.",
    )
    parser.add_argument("months", nargs="+", metavar="MONTH", help="for example 2020-03")
    parser.add_argument("--put-back", action="store_true", help="the other way round: the month comes back")
    arguments = parser.parse_args(words)
    try:
        name = f"by-hand-{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"
        moved = put_back(arguments.months) if arguments.put_back else take_out(arguments.months, name)
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
