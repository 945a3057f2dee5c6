"""Reads a time that says its zone, as senders write it: ISO 8601 and its near relatives.

The rule is that of docs/streaming.md; Instants.java of the Flink application has the same.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from ecomm.streaming.malformed import MalformedError, shown

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d)(?:(:[0-5]\d)(?:[.,]\d+)?)?"
    r" ?(?:[Zz]|UTC|GMT|([+-])(\d\d)(?::?([0-5]\d))?)",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_MAX_OFFSET_MINUTES = 18 * 60
_REMEDIATION = "write a time of this century with its zone, such as 2026-11-24T00:00:00.123Z"


def to_second(text: str) -> str:
    """The time in UTC as the data set writes it: 2026-11-24 00:00:00. Raises MalformedError, which names the value."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise MalformedError(f"{shown(text)} {_fault(text)}; {_REMEDIATION}")
    day, minute, second, sign, hours, minutes = found.groups()
    if sign is None:
        result = f"{day} {minute}{second or ':00'}" if _exists(day) else None
    else:
        offset = int(hours) * 60 + int(minutes or 0)
        result = _shifted(f"{day} {minute}{second or ':00'}", -offset if sign == "+" else offset)
    if result is None or not result.startswith("20"):
        raise MalformedError(f"{shown(text)} is not a time; {_REMEDIATION}")
    return result


def _fault(text: str) -> str:
    if _NUMBER.fullmatch(text):
        return "is a number"
    return "has no zone" if _TIME.fullmatch(text + "Z") else "is not a time with a zone"


@lru_cache(maxsize=100)
def _exists(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _shifted(text: str, minutes: int) -> str | None:
    if abs(minutes) > _MAX_OFFSET_MINUTES:
        return None
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(minutes=minutes)
    except (ValueError, OverflowError):
        return None
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment.year >= 1000 else None
