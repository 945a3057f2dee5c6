"""Formats of dates: MySQL's (date_format, date_parse) and Joda's (format_datetime, parse_datetime) as DuckDB's
strftime."""

from __future__ import annotations

import re

from local.athena.errors import QueryError

Place = tuple[int, int] | None

_MYSQL = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I", "I": "%I", "i": "%M",
    "j": "%j",
    "k": "%-H", "l": "%-I", "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S",
    "T": "%H:%M:%S", "v": "%V",
    "W": "%A", "x": "%G", "Y": "%Y", "y": "%y", "%": "%%",
}  # fmt: skip
_MYSQL_UNSUPPORTED = "DUuVwX"

_JODA = {
    "y": {2: "%y", 0: "%Y"}, "Y": {0: "%Y"}, "x": {0: "%G"}, "M": {1: "%-m", 2: "%m", 3: "%b", 0: "%B"},
    "d": {1: "%-d", 0: "%d"},
    "D": {0: "%j"}, "E": {4: "%A", 0: "%a"}, "e": {0: "%u"}, "w": {0: "%V"}, "H": {1: "%-H", 0: "%H"},
    "h": {1: "%-I", 0: "%I"},
    "m": {1: "%-M", 0: "%M"}, "s": {1: "%-S", 0: "%S"}, "S": {3: "%g", 6: "%f"}, "a": {0: "%p"}, "Z": {0: "%z"},
}  # fmt: skip


def mysql(written: str, where: Place) -> str:
    """%Y-%m-%d %H:%i:%s as strftime's. Raises QueryError for what Trino refuses too."""

    def one(found: re.Match[str]) -> str:
        letter = found.group(1)
        if letter in _MYSQL_UNSUPPORTED:
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"%{letter} not supported in date format string", where)
        return _MYSQL.get(letter, letter)

    return re.sub(r"%(.)", one, written, flags=re.S)


def joda(written: str, where: Place) -> str:
    """yyyy-MM-dd HH:mm:ss as strftime's. Raises QueryError for a letter that has no counterpart."""

    def one(found: re.Match[str]) -> str:
        token = found.group()
        if token == "''":
            return "'"
        if token.startswith("'"):
            return token[1:-1].replace("''", "'").replace("%", "%%")
        if not token[0].isalpha():
            return token.replace("%", "%%")
        known = _JODA.get(token[0], {})
        shown = known.get(len(token), known.get(0))
        if shown is None:
            raise QueryError(
                "NOT_SUPPORTED", f"The letters {token} of a date format are not supported on this machine", where
            )
        return shown

    return re.sub(r"''|'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+", one, written)
