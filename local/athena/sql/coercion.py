"""Trino's conversions between types: which it makes by itself, and what an explicit CAST gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from local.athena.types import (
    DATE,
    DOUBLE,
    REAL,
    UNKNOWN,
    VARCHAR,
    Type,
    decimal,
    to_duckdb,
)

UTC = "'UTC'"


@dataclass(frozen=True)
class Typed:
    """A compiled expression.

    zone: the SQL of the zone in which a timestamp with time zone is shown; DuckDB keeps the moment alone. literal: the
    value of a literal, which some functions need when they are compiled; None where it is none.
    """

    sql: str
    type: Type
    zone: str = UTC
    literal: Any = None


_INTEGER_ORDER = ("tinyint", "smallint", "integer", "bigint")
_INTEGER_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}


def as_decimal(type_: Type) -> Type:
    """The decimal that holds every value of an integer type."""
    return type_ if type_.name == "decimal" else decimal(_INTEGER_DIGITS[type_.name], 0)


def common(one: Type, other: Type) -> Type | None:  # noqa: PLR0911 - one return a kind of type
    """The type to which Trino converts both by itself, or None."""
    if other in (one, UNKNOWN):
        return one
    if one == UNKNOWN:
        return other
    if one.is_number and other.is_number:
        return _common_number(one, other)
    if one.is_text and other.is_text:
        lengths = (*one.arguments, *other.arguments)
        if one.name == other.name == "char":
            return Type("char", (max(lengths),))
        return Type("varchar", (max(lengths),)) if one.arguments and other.arguments else VARCHAR
    moments = ("date", "timestamp", "timestamp with time zone")
    if one.name in moments and other.name in moments:
        widest = moments[max(moments.index(one.name), moments.index(other.name))]
        return Type(widest, (max((*one.arguments, *other.arguments, 0)),)) if widest != "date" else DATE
    if one.name == other.name and len(one.children) == len(other.children) and one.children:
        children = tuple(common(a, b) for a, b in zip(one.children, other.children, strict=True))
        if all(children):
            fields = tuple(a if a == b else "" for a, b in zip(one.fields, other.fields, strict=True))
            return Type(one.name, (), tuple(child for child in children if child), fields)
        return None
    if one.name == other.name and one.name.startswith("time"):
        return Type(one.name, (max((*one.arguments, *other.arguments, 0)),))
    return None


def _common_number(one: Type, other: Type) -> Type:
    names = (one.name, other.name)
    if "double" in names:
        return DOUBLE
    if "real" in names:
        return REAL
    if "decimal" in names:
        (p1, s1), (p2, s2) = as_decimal(one).arguments, as_decimal(other).arguments
        return decimal(max(p1 - s1, p2 - s2) + max(s1, s2), max(s1, s2))
    return Type(_INTEGER_ORDER[max(map(_INTEGER_ORDER.index, names))])


def coercible(given: Type, wanted: Type) -> bool:
    """Whether Trino converts one to the other by itself."""
    if wanted.name == "varchar" and not wanted.arguments:
        return given.is_text or given == UNKNOWN
    found = common(given, wanted)
    if found is None:
        return False
    if wanted.name == "decimal" and given.is_number:
        return found.name == "decimal" and found.arguments == wanted.arguments
    if wanted.name == "row":
        return (
            all(coercible(a, b) for a, b in zip(given.children, wanted.children, strict=True))
            if given.children
            else True
        )
    return found.name == wanted.name and all(map(_same_or_wider, found.children, wanted.children))


def _same_or_wider(found: Type, wanted: Type) -> bool:
    return found == wanted or coercible(found, wanted)


def coerce(given: Typed, wanted: Type) -> Typed:
    """The expression as a type that it converts to by itself."""
    if to_duckdb(given.type) == to_duckdb(wanted) or given.type == wanted:
        return replace(given, type=wanted)
    if given.type == UNKNOWN:
        return Typed(f"CAST({given.sql} AS {to_duckdb(wanted)})", wanted)
    if wanted.name == "timestamp with time zone":
        return Typed(f"timezone('UTC', CAST({given.sql} AS TIMESTAMP))", wanted)
    if given.type.name == "timestamp with time zone":
        return Typed(f"timezone({given.zone}, {given.sql})", wanted)
    return Typed(f"CAST({given.sql} AS {to_duckdb(wanted)})", wanted, given.zone)
