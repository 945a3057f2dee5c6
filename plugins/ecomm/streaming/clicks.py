"""Which JSON object is a click, and what its line of CSV is: the rule of docs/streaming.md for the archive."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ecomm.contract import COLUMNS
from ecomm.streaming.instants import to_second
from ecomm.streaming.json_values import REPEATED
from ecomm.streaming.malformed import MalformedError, shown

SENT = "txn_timestamp"
# What Java's trim takes off, which reads numbers in the Flink application.
_BLANKS = "".join(map(chr, range(33)))
_WHOLE = re.compile(r"[+-]?[0-9]+")
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
# The contract's columns after event_time, whose value is the time of sending.
_COPIED = COLUMNS[1:]
_USER = _COPIED.index("user_id")
_READ = frozenset((*COLUMNS, SENT))


class Click(NamedTuple):
    """One click: its month (2026-11), its user, and its fields in the contract's order."""

    month: str
    user: int
    fields: list[str]


def read_click(value: Any) -> Click:
    """The click that a JSON value is. Raises MalformedError.

    A value of another column than user and time may be anything but an object or a list: the conversion judges it.
    """
    if not isinstance(value, dict):
        raise MalformedError("an element of a list that is not an object")
    if REPEATED in value and (repeated := next((name for name in value[REPEATED] if name in _READ), None)):
        raise MalformedError(f"{repeated}: more than once in one object")
    fields = [_text(name, value.get(name)) for name in _COPIED]
    _text(COLUMNS[0], value.get(COLUMNS[0]))
    sent = _required(SENT, value)
    try:
        second = to_second(sent)
    except MalformedError as error:
        raise MalformedError(f"{SENT}: {error}") from None
    user = _whole("user_id", _required("user_id", value))
    fields[_USER] = str(user)
    return Click(second[:7], user, [f"{second} UTC", *fields])


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        # A row of the data set is one line.
        return value if "\n" not in value and "\r" not in value else _LINE_ENDS.sub(" ", value)
    if value is True or value is False:
        return "true" if value else "false"
    raise MalformedError(f"{name}: an object or a list instead of one value")


def _required(name: str, value: dict[Any, Any]) -> str:
    found = value.get(name)
    if found is None:
        raise MalformedError(f"{name}: missing")
    return found if isinstance(found, str) else _text(name, found)


def _whole(name: str, text: str) -> int:
    digits = text.strip(_BLANKS)
    # 64 bits have 19 digits; int() itself refuses text of more than 4,300.
    if _WHOLE.fullmatch(digits) and len(digits.lstrip("+-").lstrip("0")) <= 19:
        number = int(digits.lstrip("+-").lstrip("0") or 0) * (-1 if digits[0] == "-" else 1)
        if -(2**63) <= number < 2**63:
            return number
    raise MalformedError(f"{name}: {shown(text)} is not a whole number of 64 bits, written as digits alone")
