"""Days of the clicks' archive: which one a run is for, and which the data set has not, or not wholly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ecomm.aws import client, list_objects
from ecomm.errors import DataError
from ecomm.settings import settings
from ecomm.streaming import YESTERDAY
from ecomm.upload.layout import UNCOMPRESSED, archived_day_name

ARCHIVE = "ecomm_user_activity_archive/"
# What each day's files in the data set were made of; written after their months were announced.
LEDGER = "ecomm_user_activity_archive_ledger.json"
# A change of what a click is takes a new number: the days that are looked at are then taken again.
RULES_VERSION = 2


def chosen_day(asked: str, run_date: datetime) -> date:
    """The day of the form; `yesterday` is the one before `run_date`, in UTC.

    Raises DataError for what is no day, and for a day or a run's date that has not begun.
    """
    today = datetime.now(UTC).date()
    if asked == YESTERDAY:
        date_of_run = run_date.astimezone(UTC).date()
        if date_of_run > today:
            raise DataError(
                f"The run's date, {date_of_run}, has not begun yet; it is {today} in UTC. Run it for a date that has, "
                "or name the day."
            )
        return date_of_run - timedelta(days=1)
    try:
        day = date.fromisoformat(asked)
    except ValueError as error:
        raise DataError(f"{asked!r} is not a day; write it as 2019-11-30.") from error
    if day > today:
        raise DataError(f"{day} has not begun yet; it is {today} in UTC.")
    return day


def day_prefix(day: date) -> str:
    """Where Firehose puts what arrives on that day of UTC; the template's Prefix says the same."""
    return f"{ARCHIVE}year={day:%Y}/month={day:%m}/day={day:%d}/"


def behind(day: date, days: int) -> list[date]:
    """Of so many days before `day`, those of which the archive has something that the data set has not, in order.

    Firehose goes on for 24 hours to deliver what S3 did not take, and Airflow may have rested for some nights.
    """
    bucket = settings().raw_bucket
    data_set, ledger = list_objects(bucket, UNCOMPRESSED), _read_ledger(bucket)
    found = []
    for each in (day - timedelta(days=number) for number in range(days, 0, -1)):
        objects = archived_objects(bucket, each)
        if objects and ledger.get(str(each)) != entry(objects, files_of(each, data_set)):
            found.append(each)
    return found


def files_of(day: date, data_set: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The day's files among the objects of the data set: the ETag of each, by key."""
    name = archived_day_name(day)
    return {found["Key"]: found["ETag"] for found in data_set if found["Key"].rpartition("/")[2] == name}


def archived_objects(bucket: str, day: date) -> list[dict[str, Any]]:
    """What Firehose has put into the archive of the day."""
    return [found for found in list_objects(bucket, day_prefix(day)) if found["Size"]]


def entry(objects: Sequence[Mapping[str, Any]], files: Mapping[str, str]) -> dict[str, Any]:
    """What the ledger says of a day when these files, the ETag of each by key, hold all of these archived objects."""
    archived = "".join(f"{found['Key']} {found['ETag']}\n" for found in objects)
    return {
        "archived": hashlib.sha256(archived.encode()).hexdigest(),
        "files": dict(sorted(files.items())),
        "rules": RULES_VERSION,
    }


def enter(entries: Mapping[str, Any]) -> None:
    """Notes in the bucket's ledger that these days were taken, by day; what it says of others stays."""
    bucket = settings().raw_bucket
    content = json.dumps({**_read_ledger(bucket), **entries}, indent=1)
    client("s3").put_object(Bucket=bucket, Key=LEDGER, Body=content.encode(), ContentType="application/json")


def _read_ledger(bucket: str) -> dict[str, Any]:
    s3 = client("s3")
    try:
        return dict(json.loads(s3.get_object(Bucket=bucket, Key=LEDGER)["Body"].read()))
    except s3.exceptions.NoSuchKey:
        return {}
