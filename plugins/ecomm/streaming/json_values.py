"""Reads the JSON values of a text one after another and passes over what cannot be read, as docs/streaming.md says.

The archive has no borders of records, so the rule knows of none. JsonValues.java of the Flink application reads a
record by the same one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

# The key of an object under which the keys are listed that it has more than once.
REPEATED = object()
MAX_DEPTH = 500
# No record of Kinesis is larger.
MAX_VALUE_CHARACTERS = 10 * 1024 * 1024
# A literal that is cut at the end of the text begins at most so far before it.
_LONGEST_LITERAL = len("-Infinity")

_BLANKS = re.compile("[ \t\r\n\ufeff]*")
_COMMA = re.compile("[ \t\r\n]*,?[ \t\r\n]*")
# A line feed, unless the next line goes on: indented, or the closing bracket of what was indented.
_RESUMES = re.compile(r"\n(?=[^ \t}\]]|[ \t]+[{\[])")


# A value, the reason if there is none, and where it begins and ends.
type _Span = tuple[Any, str, int, int]


class Value(NamedTuple):
    """A JSON value, or None with the reason if there is none; the line where it begins, and its text."""

    value: Any
    reason: str
    line: int
    text: str


def _object(pairs: list[tuple[str, Any]]) -> dict[Any, Any]:
    value: dict[Any, Any] = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        value[REPEATED] = [name for name in value if names.count(name) > 1]
    return value


# Numbers keep the digits they came with; NaN, as Python itself writes it, is no value.
_DECODE = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=str, parse_float=str, parse_constant=lambda _: None
).raw_decode


class _UnreadableError(Exception):
    """There is no whole value here; `cut`: the text may only end too early."""

    def __init__(self, reason: str, cut: bool = False) -> None:
        super().__init__(reason)
        self.cut = cut


def read_values(blocks: Iterable[str]) -> Iterator[Value]:
    """The values of a text that comes in blocks; bytes that are not UTF-8 are lone surrogates (surrogateescape)."""
    more = iter(blocks)
    text, start, line, counted, ended = "", 0, 1, 0, False
    while True:
        start = _end(_BLANKS, text, start)
        try:
            if start == len(text):
                raise _UnreadableError("the end", cut=True)
            found, end = _scan(text, start)
            values: Iterable[_Span] = (
                [(found, "", start, end)] if isinstance(found, dict) else _elements(text, start, end)
            )
        except _UnreadableError as error:
            whole = ended or len(text) - start >= MAX_VALUE_CHARACTERS
            resumes = _RESUMES.search(text, start) if whole or not error.cut else None
            if resumes is None and not whole:
                line, counted = line + text.count("\n", counted, start), 0
                # Twice as much each time, as all of it is read again.
                text = text[start:]
                blocks_ahead = [text]
                while len(text) >= sum(map(len, blocks_ahead[1:])) and not ended:
                    blocks_ahead.append(next(more, ""))
                    ended = not blocks_ahead[-1]
                text, start = "".join(blocks_ahead), 0
                continue
            if start == len(text):
                return
            end = resumes.end() if resumes else len(text)
            values = [(None, str(error), start, end)]
        for found, reason, begin, stop in values:
            line, counted = line + text.count("\n", counted, begin), begin
            yield Value(found, reason, line, text[begin:stop])
        start = end


def _scan(text: str, start: int) -> tuple[Any, int]:
    """The object or list that begins at `start`, and its end. Raises _UnreadableError."""
    if text[start] not in "{[":
        raise _UnreadableError("not a JSON object")
    try:
        value, end = _DECODE(text, start)
    except json.JSONDecodeError as error:
        cut = error.msg.startswith("Unterminated string") or error.pos >= len(text) - _LONGEST_LITERAL
        raise _UnreadableError(f"not JSON: {error.msg}, at character {error.pos - start + 1}", cut) from None
    except RecursionError:
        raise _UnreadableError(f"more than {MAX_DEPTH} objects or lists within each other") from None
    if end - start >= 2 * MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _UnreadableError(f"more than {MAX_DEPTH} objects or lists within each other")
    if not text.isascii() and _has_other_encoding(text[start:end]):
        raise _UnreadableError("bytes that are not UTF-8")
    return value, end


def _elements(text: str, start: int, end: int) -> Iterator[_Span]:
    """The elements of a list that is known to be whole."""
    position = _end(_COMMA, text, start + 1)
    if text[position] == "]":
        yield None, "an empty list", start, end
    while text[position] != "]":
        value, stop = _DECODE(text, position)
        yield value, "", position, stop
        position = _end(_COMMA, text, stop)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [inner for inner in level if isinstance(inner, dict | list)]:
        depth += 1
        level = [item for inner in level for item in (inner.values() if isinstance(inner, dict) else inner)]
    return depth


def _has_other_encoding(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
