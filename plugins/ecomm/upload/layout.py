"""Where the raw bucket keeps each form of a month."""

from __future__ import annotations

from datetime import date

from ecomm.contract import month_name, partition

# A change of what is written, not only of where, takes a new number: every month is then uploaded anew.
LAYOUT_VERSION = 1

ZIPPED = "ecomm_user_activity/"
UNCOMPRESSED = "ecomm_user_activity_uncompressed/"
SAMPLE = "ecomm_user_activity_sample/"
# Months that were taken out of the data set; ecomm.upload.taken_out says how.
TAKEN_OUT = "ecomm_user_activity_taken_out/"
ARCHIVED_DAY = "archive-"
LEDGER = "ecomm_user_activity_ledger.json"


def member_name(month: str) -> str:
    """2019-Nov.csv for 2019-11."""
    return f"{month_name(month)}.csv"


def zip_key(month: str) -> str:
    return f"{ZIPPED}{partition(month)}/{member_name(month)}.zip"


def csv_key(month: str) -> str:
    return f"{UNCOMPRESSED}{partition(month)}/{member_name(month)}"


def archived_day_name(day: date) -> str:
    return f"{ARCHIVED_DAY}{day}.csv"


def archived_day_key(month: str, day: date) -> str:
    """Clicks of a day of the stream's archive that were sent in that month."""
    return f"{UNCOMPRESSED}{partition(month)}/{archived_day_name(day)}"


def is_archived_day(key: str) -> bool:
    """Whether the file came from the archive and not with a data set."""
    return key.rpartition("/")[2].startswith(ARCHIVED_DAY)


def sample_key(month: str) -> str:
    return f"{SAMPLE}{month_name(month)}-sample.csv"
