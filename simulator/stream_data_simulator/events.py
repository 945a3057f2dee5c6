"""Lines of the CSV as events of stream 1: the JSON text up to the time of sending, and what the sender must know of it.

Few rows need care: quotes, letters beyond ASCII, a broken number. The others are read by one regular expression and
become JSON by one format, in half of the time that `csv` and `json` take; reading the rows is the largest part of a
simulation's own work. The rules are those of the Glue job.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from .errors import RowError, SimulatorError
from .replays import Marks

# The simulator travels alone, so it carries its own copy of include/contract; a test holds the two equal.
COLUMNS = {
    "event_time": "timestamp",
    "event_type": "string",
    "product_id": "bigint",
    "category_id": "bigint",
    "category_code": "string",
    "brand": "string",
    "price": "decimal(10,2)",
    "user_id": "bigint",
    "user_session": "string",
}
EVENT_TYPES = ("view", "cart", "purchase", "remove_from_cart")
HEADERS = (",".join(COLUMNS).encode(), ",".join(f'"{name}"' for name in COLUMNS).encode())
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A record has 1 MiB at most, and JSON makes a line longer.
LONGEST_LINE = 256 << 10
LONGEST_KEY = 256

_USER = list(COLUMNS).index("user_id")
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_PRICE = r"-?\d{1,8}(?:\.\d{1,2})?"
# Ids that fit 64 bits by their length alone, and text that JSON writes as it is.
_PLAIN_ID = r"(0|[1-9]\d{0,17}|[1-8]\d{18})"
_PLAIN_TEXT = r"([ !#-+\--\[\]-~]*)"
_PLAIN_LINE = re.compile(
    ",".join(
        (
            r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC)",
            f"({'|'.join(EVENT_TYPES)})",
            _PLAIN_ID,
            _PLAIN_ID,
            _PLAIN_TEXT,
            _PLAIN_TEXT,
            r"((?:0|[1-9]\d{0,7})(?:\.\d{1,2})?)",
            _PLAIN_ID,
            f"({_UUID}|)",
        )
    ).encode()
)
_JSON = (
    b'{"event_time":"%b","event_type":"%b","product_id":%b,"category_id":%b,"category_code":%b,"brand":%b,'
    b'"price":%b,"user_id":%b,"user_session":%b,"txn_timestamp":"'
)
JSON_END = b'"}'


class Event(NamedTuple):
    """One event, ready but for the moment of its sending."""

    seconds: int  # event_time, since 1970
    key: bytes  # the partition key, UTF-8
    head: bytes  # JSON up to the value of txn_timestamp; `JSON_END` closes it


class EventReader:
    """Reads lines as events.

    key_column: the column whose value, as it is sent, is the partition key; a row without one is keyed by its user_id.
    marks: the users and sessions that the rows are sent under; without it they are sent under their own.
    """

    def __init__(self, key_column: str, marks: Marks | None = None) -> None:
        if key_column not in COLUMNS:
            raise SimulatorError(
                f"streaming_partition_key {key_column!r} is no column; choose one of {', '.join(COLUMNS)}."
            )
        self._key = list(COLUMNS).index(key_column)
        self._marks = marks
        self._time = b""
        self._seconds = 0

    def begin_pass(self) -> None:
        """Gives the sessions of the next rows marks of their own."""
        if self._marks:
            self._marks.begin_pass()

    def read(self, line: bytes) -> Event:
        """Raises RowError where the line is no event."""
        match = _PLAIN_LINE.fullmatch(line)
        if match is None or len(line) > LONGEST_KEY:
            return self._read_with_care(line)
        fields = match.groups()
        event_time, event_type, product, category, code, brand, price, user, session = fields
        if event_time != self._time:
            self._seconds = epoch_seconds(event_time.decode())
            self._time = event_time
        if self._marks:
            user, session = self._marks.users[user], self._marks.sessions[session]
        head = _JSON % (
            event_time,
            event_type,
            product,
            category,
            b'"%b"' % code if code else b"null",
            b'"%b"' % brand if brand else b"null",
            price,
            user,
            b'"%b"' % session if session else b"null",
        )
        key = fields[self._key] if self._key < _USER else (user, session)[self._key - _USER]
        return Event(self._seconds, key or user, head)

    def _read_with_care(self, line: bytes) -> Event:
        if len(line) > LONGEST_LINE:
            raise RowError(f"the line is longer than {LONGEST_LINE:,} bytes")
        fields = split(line)
        check(fields)
        event_time, event_type, product, category, code, brand, price, user, session = fields
        if self._marks:
            user, session = (
                self._marks.users[user.encode()].decode(),
                self._marks.sessions[session.encode()].decode(),
            )
        key = (*fields[:_USER], user, session)[self._key] or user
        if len(key) > LONGEST_KEY:
            raise RowError(f"its partition key is longer than {LONGEST_KEY} characters")
        head = _JSON % tuple(
            value.encode()
            for value in (
                *(event_time, event_type, product, category, _json_text(code), _json_text(brand)),
                *(f"{Decimal(price):f}", user, _json_text(session)),
            )
        )
        return Event(epoch_seconds(event_time), key.encode(), head)


def is_no_row(line: bytes) -> bool:
    """Whether a line is empty or a header, which may stand anywhere: files are often joined with theirs."""
    return not line.strip() or line.removeprefix(BYTE_ORDER_MARK).rstrip(b"\r") in HEADERS


def check_header(location: str, line: bytes) -> None:
    """Raises SimulatorError where a file begins with other columns than the contract's.

    A first line of which no field begins with a digit is a header: an event begins with its time.
    """
    text = line.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace")
    if not is_no_row(line) and not any(field.lstrip(' "')[:1].isdigit() for field in text.split(",")):
        raise SimulatorError(
            f"{location} begins with {text[:200]!r}; expected the columns {', '.join(COLUMNS)} in this order."
        )


def split(line: bytes) -> list[str]:
    """The nine fields of a line; raises RowError where it has not nine."""
    try:
        text = line.removeprefix(BYTE_ORDER_MARK).removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise RowError("the line is not UTF-8") from None
    try:
        fields = next(csv.reader([text], strict=True))
    except csv.Error:
        fields = []
    if len(fields) != len(COLUMNS):
        raise RowError("the line has not nine fields")
    return fields


def check(fields: Sequence[str]) -> None:
    """Raises RowError with the first rule of the contract that the nine fields break."""
    row = dict(zip(COLUMNS, fields, strict=True))
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", row["event_time"], re.ASCII):
        raise RowError("event_time is not a time as in 2019-11-01 00:00:00 UTC")
    epoch_seconds(row["event_time"])
    if row["event_type"] not in EVENT_TYPES:
        raise RowError(f"event_type is none of {', '.join(EVENT_TYPES)}")
    for name, kind in COLUMNS.items():
        if kind == "bigint" and not _is_bigint(row[name]):
            exponent = re.fullmatch(r"[\d.]+[eE]\+?\d+", row[name])
            raise RowError(
                f"{name} is written with an exponent and has lost digits"
                if exponent
                else f"{name} is not a whole number"
            )
    if not re.fullmatch(_PRICE, row["price"], re.ASCII):
        raise RowError("price is not a number with at most two decimals")
    if row["user_session"] and not re.fullmatch(_UUID, row["user_session"]):
        raise RowError("user_session is not a UUID")


def epoch_seconds(text: str) -> int:
    """Seconds since 1970 of a time as in `2019-11-01 00:00:00 UTC`; raises RowError where there is no such time."""
    try:
        return int(datetime.fromisoformat(text.removesuffix(" UTC")).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise RowError("event_time is not a time as in 2019-11-01 00:00:00 UTC") from None


def _is_bigint(text: str) -> bool:
    return bool(re.fullmatch(r"0|-?[1-9]\d{0,18}", text, re.ASCII)) and -(2**63) <= int(text) < 2**63


def _json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if text else "null"
