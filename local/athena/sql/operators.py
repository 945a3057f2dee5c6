"""Trino's operators on compiled expressions: the type of the result, and the DuckDB expression that gives its value."""

from __future__ import annotations

from collections.abc import Sequence

from local.athena.errors import QueryError
from local.athena.sql.coercion import Typed, as_decimal, coerce, common
from local.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    INTERVAL_DAY,
    INTERVAL_YEAR,
    UNKNOWN,
    VARCHAR,
    Type,
    array,
    decimal,
    to_duckdb,
)

Place = tuple[int, int] | None


def mismatch(message: str, where: Place) -> QueryError:
    return QueryError("TYPE_MISMATCH", message, where)


def _cannot(one: Typed, sign: str, other: Typed, where: Place) -> QueryError:
    return mismatch(f"Cannot apply operator: {one.type} {sign} {other.type}", where)


# ---- arithmetic ---------------------------------------------------------------------------------------------------


def arithmetic(sign: str, one: Typed, other: Typed, where: Place) -> Typed:
    if UNKNOWN in (one.type, other.type):
        known = other.type if one.type == UNKNOWN else one.type
        known = BIGINT if known == UNKNOWN else known
        one, other = coerce(one, known), coerce(other, known)
    if one.type.is_number and other.type.is_number:
        return _numbers(sign, one, other)
    if sign in ("+", "-"):
        found = _moments(sign, one, other)
        if found:
            return found
    intervals = (INTERVAL_DAY, INTERVAL_YEAR)
    if sign == "*" and one.type.is_number and other.type in intervals:
        return _scaled(other, one)
    if sign in ("*", "/") and one.type in intervals and other.type.is_number:
        return _scaled(one, other, sign)
    raise _cannot(one, sign, other, where)


def _scaled(interval: Typed, number: Typed, sign: str = "*") -> Typed:
    if interval.type == INTERVAL_YEAR:
        months = f"CAST(trunc(athena_months({interval.sql}) {sign} {number.sql}) AS INTEGER)"
        return Typed(f"to_months({months})", INTERVAL_YEAR)
    return Typed(
        f"to_microseconds(CAST(round(athena_microseconds({interval.sql}) {sign} {number.sql}) AS BIGINT))", INTERVAL_DAY
    )


def _numbers(sign: str, one: Typed, other: Typed) -> Typed:
    names = {one.type.name, other.type.name}
    wanted = common(one.type, other.type)
    assert wanted is not None
    if wanted.is_floating:
        one, other = coerce(one, wanted), coerce(other, wanted)
        return Typed(f"({one.sql} {sign} {other.sql})", wanted)
    if "decimal" in names:
        return _decimals(sign, coerce(one, as_decimal(one.type)), coerce(other, as_decimal(other.type)))
    one, other = coerce(one, wanted), coerce(other, wanted)
    return Typed(f"({one.sql} {'//' if sign == '/' else sign} {other.sql})", wanted)


def _decimals(sign: str, one: Typed, other: Typed) -> Typed:
    """Precision and scale after Trino's DecimalOperators."""
    (p1, s1), (p2, s2) = one.type.arguments, other.type.arguments
    scale = max(s1, s2)
    if sign == "/":
        result = decimal(p1 + s2 + max(0, s2 - s1), scale)
        return Typed(
            f"athena_decimal_quotient({one.sql}, {other.sql}, {s1}, {s2}, {scale})::{to_duckdb(result)}", result
        )
    result = {
        "+": decimal(max(p1 - s1, p2 - s2) + scale + 1, scale),
        "-": decimal(max(p1 - s1, p2 - s2) + scale + 1, scale),
        "*": decimal(p1 + p2, s1 + s2),
        "%": decimal(min(p1 - s1, p2 - s2) + scale, scale),
    }[sign]
    if sign == "%":
        wide = to_duckdb(decimal(max(p1 - s1, p2 - s2) + scale, scale))
        return Typed(f"CAST(CAST({one.sql} AS {wide}) % CAST({other.sql} AS {wide}) AS {to_duckdb(result)})", result)
    return Typed(f"CAST(({one.sql} {sign} {other.sql}) AS {to_duckdb(result)})", result)


def _moments(sign: str, one: Typed, other: Typed) -> Typed | None:  # noqa: PLR0911 - one return a pair of types
    intervals = (INTERVAL_DAY, INTERVAL_YEAR)
    first, second = one.type, other.type
    if first in intervals and second in intervals:
        return Typed(f"({one.sql} {sign} {other.sql})", first) if first == second else None
    if first in intervals and sign == "+":
        return _moments("+", other, one) if second not in intervals else None
    if second in intervals:
        moved = f"({one.sql} {sign} {other.sql})"
        if first == DATE:
            return Typed(f"CAST({moved} AS DATE)", DATE)
        if first.name == "time" and second == INTERVAL_DAY:
            return Typed(moved, first)
        if first.name.startswith("timestamp"):
            return Typed(moved, first, one.zone)
        return None
    if sign == "-" and {first.name, second.name} <= {"date", "timestamp", "timestamp with time zone"}:
        wanted = common(first, second)
        assert wanted is not None
        one, other = coerce(one, wanted), coerce(other, wanted)
        difference = f"(CAST({one.sql} AS TIMESTAMP) - CAST({other.sql} AS TIMESTAMP))"
        return Typed(f"to_microseconds(athena_microseconds({difference}))", INTERVAL_DAY)
    return None


def negate(given: Typed, where: Place) -> Typed:
    if given.type.is_number or given.type in (INTERVAL_DAY, INTERVAL_YEAR):
        return Typed(f"(- {given.sql})", given.type)
    raise mismatch(f"Cannot negate {given.type}", where)


# ---- comparison ---------------------------------------------------------------------------------------------------


def compare(sign: str, one: Typed, other: Typed, where: Place) -> Typed:
    """=, <>, <, <=, >, >=, IS DISTINCT FROM, IS NOT DISTINCT FROM."""
    wanted = common(one.type, other.type)
    if wanted is None or (sign in ("<", "<=", ">", ">=") and wanted.name in ("map", "json")):
        shown = {"<>": "<>", "IS DISTINCT FROM": "IS DISTINCT FROM", "IS NOT DISTINCT FROM": "IS DISTINCT FROM"}.get(
            sign, sign
        )
        raise _cannot(one, shown, other, where)
    one, other = coerce(one, wanted), coerce(other, wanted)
    if wanted.name == "row" and sign in ("=", "<>"):
        fields = [
            compare("=", _field(one, number), _field(other, number), where).sql
            for number in range(len(wanted.children))
        ]
        return Typed(f"({'' if sign == '=' else 'NOT '}({' AND '.join(fields)}))", BOOLEAN)
    if wanted.is_floating and not sign.startswith("IS"):
        return Typed(_compare_floating(sign, one, other), BOOLEAN)
    return Typed(f"({one.sql} {sign} {other.sql})", BOOLEAN)


def _compare_floating(sign: str, one: Typed, other: Typed) -> str:
    """NaN is equal to nothing and in no order for Trino; for DuckDB it is the greatest number."""
    suspect = other if sign in ("<", "<=") else one
    if suspect.literal is not None:
        return f"({one.sql} {sign} {other.sql})"
    if sign == "<>":
        return f"({one.sql} <> {other.sql} OR isnan({one.sql}))"
    return f"({one.sql} {sign} {other.sql} AND NOT isnan({suspect.sql}))"


def _field(row: Typed, number: int) -> Typed:
    return Typed(f"struct_extract_at({row.sql}, {number + 1})", row.type.children[number])


def unify(values: Sequence[Typed], what: str, where: Place) -> tuple[list[Typed], Type]:
    """The values as one type. Raises QueryError (TYPE_MISMATCH): all `what` must have the same type."""
    wanted = UNKNOWN
    for value in values:
        found = common(wanted, value.type)
        if found is None:
            raise mismatch(
                f"All {what} must be the same type or coercible to a common type. Cannot find common type between "
                f"{wanted} and {value.type}",
                where,
            )
        wanted = found
    return [coerce(value, wanted) if wanted != UNKNOWN else value for value in values], wanted


def boolean(given: Typed, what: str, where: Place) -> str:
    """The SQL of an expression that must be a boolean; what: how Trino calls its place."""
    if given.type == UNKNOWN:
        return f"CAST({given.sql} AS BOOLEAN)"
    if given.type != BOOLEAN:
        shown = (
            f": actual type {given.type}"
            if what in ("WHERE clause", "HAVING clause", "JOIN ON clause")
            else f" (actual: {given.type})"
        )
        raise mismatch(f"{what} must evaluate to a boolean{shown}", where)
    return given.sql


# ---- the rest -----------------------------------------------------------------------------------------------------


def concatenate(one: Typed, other: Typed, where: Place) -> Typed:
    if one.type.is_text and other.type.is_text:
        return Typed(f"({one.sql} || {other.sql})", VARCHAR)
    if UNKNOWN in (one.type, other.type) and (one.type.is_text or other.type.is_text or one.type == other.type):
        return Typed(f"(CAST({one.sql} AS VARCHAR) || CAST({other.sql} AS VARCHAR))", VARCHAR)
    if one.type.name == "array" and other.type.name == "array":
        wanted = common(one.type, other.type)
        if wanted:
            return Typed(f"athena_array_concat({coerce(one, wanted).sql}, {coerce(other, wanted).sql})", wanted)
    elif "array" in (one.type.name, other.type.name):
        listed = one if one.type.name == "array" else other
        element = other if listed is one else one
        wanted = common(listed.type, array(element.type))
        if wanted:
            single = f"[{coerce(element, wanted.children[0]).sql}]"
            pair = (coerce(listed, wanted).sql, single) if listed is one else (single, coerce(listed, wanted).sql)
            return Typed(f"athena_array_concat({pair[0]}, {pair[1]})", wanted)
    raise QueryError(
        "FUNCTION_NOT_FOUND",
        f"Unexpected parameters ({one.type}, {other.type}) for function concat. Expected: texts, arrays of one type",
        where,
    )


def subscript(given: Typed, index: Typed, where: Place) -> Typed:
    """a[i] of an array (an error beyond its end), m[k] of a map (an error for a missing key), r[n] of a row."""
    if given.type.name == "array" and index.type.is_integer:
        return Typed(f"athena_subscript({given.sql}, {coerce(index, BIGINT).sql})", given.type.children[0])
    if given.type.name == "map":
        key, value = given.type.children
        if common(key, index.type) == key:
            return Typed(f"athena_map_subscript({given.sql}, {coerce(index, key).sql})", value)
    if given.type.name == "row" and isinstance(index.literal, int):
        if not 1 <= index.literal <= len(given.type.children):
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"ROW index out of bounds: {index.literal}", where)
        return Typed(f"struct_extract_at({given.sql}, {index.literal})", given.type.children[index.literal - 1])
    raise mismatch(f"Cannot use {index.type} for subscript of {given.type}", where)
