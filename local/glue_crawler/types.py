"""Hive types as the crawler handles them: inferred from values, merged between records and files, written as text.

A type is a name (`bigint`), a Struct or an Array; UNKNOWN stands for a column in which no value was seen, which takes
whatever another file knows of it and is a string in the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

UNKNOWN = ""
_INTEGER = re.compile(r"[+-]?\d{1,19}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_JSON_NAMES = {type(None): UNKNOWN, bool: "boolean", float: "double", str: "string"}
_WIDER_NUMBER = ("int", "bigint", "double")


@dataclass(frozen=True)
class Struct:
    fields: tuple[tuple[str, Type], ...]


@dataclass(frozen=True)
class Array:
    element: Type


type Type = str | Struct | Array


def of_text(values: Iterable[str]) -> Type:
    """The type of a CSV column as Glue's built-in classifier sees it: bigint, double or string.

    Dates and times stay strings, as their many formats do on Glue; empty fields say nothing.
    """
    found: Type = UNKNOWN
    for value in values:
        text = value.strip()
        if not text:
            continue
        found = merge(found, _of_word(text))
        if found == "string":
            break
    return found


def _of_word(text: str) -> str:
    if _INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63:
        return "bigint"
    return "double" if _NUMBER.fullmatch(text) else "string"


def of_json(value: Any) -> Type:
    """The type of a parsed JSON value; whole numbers are int where they fit 32 bits, else bigint."""
    if isinstance(value, dict):
        return Struct(tuple((name.lower(), of_json(item)) for name, item in value.items()))
    if isinstance(value, list):
        element: Type = UNKNOWN
        for item in value:
            element = merge(element, of_json(item))
        return Array(element)
    if isinstance(value, int) and not isinstance(value, bool):
        return "int" if -(2**31) <= value < 2**31 else "bigint"
    return _JSON_NAMES[type(value)]


def merge(first: Type, second: Type) -> Type:
    """The narrowest type that holds both; a string where nothing else does."""
    if second in (UNKNOWN, first):
        return first
    if first == UNKNOWN:
        return second
    if isinstance(first, Struct) and isinstance(second, Struct):
        fields = dict(first.fields)
        for name, kind in second.fields:
            fields[name] = merge(fields.get(name, UNKNOWN), kind)
        return Struct(tuple(fields.items()))
    if isinstance(first, Array) and isinstance(second, Array):
        return Array(merge(first.element, second.element))
    if first in _WIDER_NUMBER and second in _WIDER_NUMBER:
        return max(first, second, key=lambda name: _WIDER_NUMBER.index(str(name)))
    return "string"


def to_hive(kind: Type) -> str:
    """The type as the catalog writes it: `struct<a:int,b:array<string>>`."""
    if isinstance(kind, Struct):
        return f"struct<{','.join(f'{name}:{to_hive(field)}' for name, field in kind.fields)}>"
    if isinstance(kind, Array):
        return f"array<{to_hive(kind.element)}>"
    return kind or "string"
