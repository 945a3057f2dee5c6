"""The event contract: the columns of a CSV event, in order, and how its months are named."""

from __future__ import annotations

import json
import re

from ecomm.resources import INCLUDE

_CONTRACT = json.loads((INCLUDE / "contract/ecomm_user_activity.json").read_text())

# Each column's kind of values: catalogue, traffic or measure, as the contract explains.
DOMAINS: dict[str, str] = {column["name"]: column["domain"] for column in _CONTRACT["columns"]}
COLUMNS = tuple(DOMAINS)
# Exact in a JavaScript number, and beyond every id of the data set and its generator.
_RESERVED = {
    name: range(users["first"], users["last"] + 1)
    for name, users in _CONTRACT["reserved_users"].items()
    if name != "description"
}
DRILL_USERS = _RESERVED["drill"]
# From the first of them to the last: ids that no test uses yet are no customer's either.
RESERVED_USERS = range(
    min(users.start for users in _RESERVED.values()), max(users.stop for users in _RESERVED.values())
)
HEADER = ",".join(COLUMNS).encode() + b"\n"

MONTH_PATTERN = r"20\d\d-(0[1-9]|1[0-2])"
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def is_month(text: str) -> bool:
    """Whether the text is a month such as 2019-11."""
    return re.fullmatch(MONTH_PATTERN, text) is not None


def month_name(month: str) -> str:
    """The month as the data set's own files are named: 2019-Nov for 2019-11."""
    year, number = month.split("-")
    return f"{year}-{MONTH_NAMES[int(number) - 1]}"


def partition(month: str) -> str:
    """The month as a Hive partition: p_year=2019/p_month=11 for 2019-11."""
    year, number = month.split("-")
    return f"p_year={year}/p_month={number}"


def month_of_partition(path: str) -> str | None:
    """The month of a path that holds such a partition, or None."""
    found = re.search(r"p_year=(\d{4})/p_month=(\d{2})/", path)
    return f"{found[1]}-{found[2]}" if found else None
