"""Takes a month's uploaded files out of the data set, and puts them back: nothing is deleted (python -m … --help).

Both may be killed anywhere and repeated: a manifest in the folder of what was taken out says what was begun.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ecomm.aws import client, delete_objects, list_objects
from ecomm.contract import is_month
from ecomm.errors import DataError
from ecomm.raw_bucket import is_data
from ecomm.settings import settings
from ecomm.upload.layout import TAKEN_OUT, UNCOMPRESSED, ZIPPED, is_archived_day
from ecomm.upload.ledger import Ledger
from ecomm.upload.taken_out import (
    LEAVING,
    MANIFEST,
    OUT,
    RETURNING,
    Removal,
    folder_of,
    homes,
    removals,
)

log = logging.getLogger(__name__)


def take_out(months: Sequence[str], name: str) -> list[str]:
    """Moves the uploaded files of these months aside, zip and CSV, and returns their new keys.

    A month that was taken out leaves every table with the next run, and comes back only when it is put back or uploaded
    again: days that the stream's archive brought stay where they are, and wait. name: of this taking out; its files get
    a folder of that name. What an earlier taking out was killed at is completed first, under whichever name. Repeated
    under the same name it moves nothing more. Raises DataError for what is no month.
    """
    bucket = settings().raw_bucket
    _check(months)
    moved: list[str] = []
    for month in sorted(set(months)):
        earlier = removals(bucket, month)
        for removal in earlier:
            if removal.state != OUT:
                moved += _leave(bucket, _turned_around(bucket, removal))
        folder = folder_of(month, name)
        if any(removal.folder == folder for removal in earlier):
            log.info("%s was taken out under this name before; what was uploaded since stays.", month)
            continue
        files = _uploaded(bucket, month)
        if files or (not earlier and _has_archived_days(bucket, month)):
            record = Ledger.read(bucket).months.get(month)
            if record and not record.files.items() <= files.items():
                record = None
            removal = Removal(month, folder, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}", LEAVING, files, {}, record)
            removal.write(bucket)
            moved += _leave(bucket, removal)
    return moved


def put_back(months: Sequence[str]) -> list[str]:
    """Undoes the last `take_out` of each month, and returns the keys; the next run converts the months again.

    Raises DataError, before anything is moved, for what is no month, for one that was not taken out, and for one that
    was uploaded again since.
    """
    bucket = settings().raw_bucket
    _check(months)
    chosen = [removal for month in sorted(set(months)) if (removal := _last(bucket, month))]
    return [key for removal in chosen for key in _return(bucket, removal)]


def _leave(bucket: str, removal: Removal) -> list[str]:
    """Moves those of the files that are in their place still, and returns their new keys."""
    present, copies, moved = _uploaded(bucket, removal.month), _copies(bucket, removal), []
    for key, etag in removal.files.items():
        # Another version is another upload's.
        if present.get(key) == etag:
            if key not in copies:
                _copy(bucket, key, removal.copy_key(key), etag)
            delete_objects(bucket, [key])
            moved.append(removal.copy_key(key))
    Ledger.change(bucket, lambda ledger: _forget(ledger, removal))
    replace(removal, state=OUT).write(bucket)
    log.info("%s: %d files moved to s3://%s/%s", removal.month, len(moved), bucket, removal.folder)
    return moved


def _turned_around(bucket: str, removal: Removal) -> Removal:
    """The removal as it leaves again, if it was killed while it returned."""
    if removal.state == LEAVING:
        return removal
    present = {key: etag for key, etag in _uploaded(bucket, removal.month).items() if removal.accounts_for(key, etag)}
    removal = replace(removal, state=LEAVING, files={**removal.files, **present}, copies={})
    removal.write(bucket)
    return removal


def _last(bucket: str, month: str) -> Removal | None:
    """The removal of the month that is to be undone; None if that was done before.

    Raises DataError if there is none, or if it cannot be undone.
    """
    found, present = removals(bucket, month), _uploaded(bucket, month)
    if not found:
        if present:
            log.info("%s is in its place already.", month)
            return None
        raise DataError(f"s3://{bucket}/{TAKEN_OUT} holds no files of {month}; it was not taken out.")
    # One that was begun comes first, and there is one such at most.
    removal = next((removal for removal in found if removal.state == RETURNING), found[-1])
    copies = removal.copies or _copies(bucket, removal)
    removal = replace(removal, state=RETURNING, copies=copies)
    for key, etag in present.items():
        if not removal.accounts_for(key, etag):
            raise DataError(
                f"{month} was uploaded again after it was taken out: s3://{bucket}/{key}. Nothing was put back, since "
                "its rows would count twice; take it out first, or leave it as it is."
            )
    return removal


def _return(bucket: str, removal: Removal) -> list[str]:
    """Moves the files back that are not, and returns their keys."""
    removal.write(bucket)
    present, copies, moved = _uploaded(bucket, removal.month), _copies(bucket, removal), []
    for key, etag in copies.items():
        if not removal.accounts_for(key, present.get(key)):
            _copy(bucket, removal.copy_key(key), key, etag)
        delete_objects(bucket, [removal.copy_key(key)])
        moved.append(key)
    if removal.record:
        present = _uploaded(bucket, removal.month)
        # A large copy has another ETag than the file that was uploaded.
        record = replace(removal.record, files={key: present.get(key, "") for key in removal.record.files})
        Ledger.change(bucket, lambda ledger: ledger.enter(removal.month, record))
    delete_objects(bucket, [removal.folder + MANIFEST])
    log.info("%s: %d files moved back from s3://%s/%s", removal.month, len(moved), bucket, removal.folder)
    return moved


def _forget(ledger: Ledger, removal: Removal) -> None:
    if removal.record and ledger.months.get(removal.month) == removal.record:
        del ledger.months[removal.month]


def _uploaded(bucket: str, month: str) -> dict[str, str]:
    """The ETag of each uploaded file of the month that is in its place, by key."""
    return {
        found["Key"]: found["ETag"]
        for prefix in homes(month)
        for found in list_objects(bucket, prefix)
        if is_data(found["Key"], found["Size"]) and not is_archived_day(found["Key"])
    }


def _has_archived_days(bucket: str, month: str) -> bool:
    return any(is_archived_day(found["Key"]) for prefix in homes(month) for found in list_objects(bucket, prefix))


def _copies(bucket: str, removal: Removal) -> dict[str, str]:
    """The ETag of each copy in the removal's folder, by the key that its file had."""
    listed = {found["Key"]: found["ETag"] for found in list_objects(bucket, removal.folder)}
    return {key: etag for key in removal.files if (etag := listed.get(removal.copy_key(key)))}


def _copy(bucket: str, key: str, copy: str, etag: str) -> None:
    # Not copy_object, which AWS refuses for more than 5 GB.
    client("s3").copy({"Bucket": bucket, "Key": key}, bucket, copy, ExtraArgs={"CopySourceIfMatch": etag})


def _check(months: Sequence[str]) -> None:
    for month in months:
        if not is_month(month):
            raise DataError(f"{month!r} is not a month; write it as 2019-11.")


def main(words: Sequence[str] | None = None) -> int:
    """0 when the files are moved, 1 with a sentence on standard error if not."""
    parser = argparse.ArgumentParser(
        prog="make take-out",
        description=f"Moves the uploaded files of months from {ZIPPED} and {UNCOMPRESSED} to {TAKEN_OUT} of the raw "
        "bucket, so that the next run of ecomm_batch_kpis drops these months from every table.",
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
    sys.stdout.write("Now start the DAG ecomm_batch_kpis; it compares the bucket with what it serves.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
