"""Where the raw bucket keeps each form of a month."""

from __future__ import annotations

from ecomm.contract import month_name, partition

# A change of what is written, not only of where, takes a new number: every month is then uploaded anew.
LAYOUT_VERSION = 1

ZIPPED = "ecomm_user_activity/"
UNCOMPRESSED = "ecomm_user_activity_uncompressed/"
SAMPLE = "ecomm_user_activity_sample/"
LEDGER = "ecomm_user_activity_ledger.json"


def member_name(month: str) -> str:
    """2019-Nov.csv for 2019-11."""
    return f"{month_name(month)}.csv"


def zip_key(month: str) -> str:
    return f"{ZIPPED}{partition(month)}/{member_name(month)}.zip"


def csv_key(month: str) -> str:
    return f"{UNCOMPRESSED}{partition(month)}/{member_name(month)}"


def sample_key(month: str) -> str:
    return f"{SAMPLE}{month_name(month)}-sample.csv"
