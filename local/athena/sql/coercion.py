"""Trino's conversions between types: which it makes by itself, and what an explicit CAST gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from local.athena.types import (
    BIGINT,
    DATE,
    DOUBLE,
    JSON,
    REAL,
    TIMESTAMP_TZ,
    UNKNOWN,
    VARCHAR,
    Type,
    decimal,
    text,
    to_duckdb,
)

UTC = "'UTC'"


@dataclass(frozen=True)
class Typed:
    """A compiled expression.

    zone: the SQL of the zone in which a timestamp with time zone is shown; DuckDB keeps the moment alone.
    literal: the value of a literal, which some functions need when they are compiled; None where it is none.
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


def common(one: Type, other: Type) -> Type | None:
    """The type to which Trino converts both by itself, or None."""
    if one == other or other == UNKNOWN:
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


# ---- CAST ---------------------------------------------------------------------------------------------------------


def castable(given: Type, wanted: Type) -> bool:
    if given in (UNKNOWN, wanted) or common(given, wanted) is not None:
        return True
    if given.children and given.name == wanted.name and len(given.children) == len(wanted.children):
        return all(map(castable, given.children, wanted.children))
    if JSON in (given, wanted):
        other = wanted if given == JSON else given
        return other.name not in ("varbinary",) and not other.name.startswith("interval")
    if wanted.is_text:
        return not given.children and given.name != "varbinary"
    if given.is_text:
        return not wanted.children and wanted.name != "varbinary" and not wanted.name.startswith("interval")
    if {given.name, wanted.name} <= {
        "boolean",
        "tinyint",
        "smallint",
        "integer",
        "bigint",
        "real",
        "double",
        "decimal",
    }:
        return True
    moments = {"date", "time", "timestamp", "timestamp with time zone"}
    return {given.name, wanted.name} <= moments and (given.name, wanted.name) not in (
        ("date", "time"),
        ("time", "date"),
    )


def cast(given: Typed, wanted: Type, safe: bool) -> Typed:
    """CAST, or TRY_CAST where `safe`. The caller has asked `castable`."""
    sql = _cast_sql(given, wanted, "TRY_CAST" if safe else "CAST")
    zone = given.zone if given.type.name == wanted.name == "timestamp with time zone" else UTC
    return Typed(sql, wanted, zone)


def _cast_sql(given: Typed, wanted: Type, keyword: str) -> str:
    source, target = given.type, to_duckdb(wanted)
    plain = f"{keyword}({given.sql} AS {target})"
    if source in (UNKNOWN, wanted):
        return plain if source == UNKNOWN else given.sql
    if JSON in (source, wanted):
        return _json_cast(given, wanted, keyword)
    if source.children:
        return _nested_cast(given, wanted, keyword)
    if wanted.is_text:
        return _to_text(given, wanted)
    if source.is_text:
        return _from_text(given, wanted, keyword)
    if source.is_floating and wanted.is_integer:
        return f"{keyword}(round({given.sql}) AS {target})"
    if source.is_floating and wanted.name == "decimal":
        # Trino rounds the shortest decimal digits of the number, not its binary value.
        return f"{keyword}(CAST({given.sql} AS VARCHAR) AS {target})"
    if source.name == "timestamp with time zone":
        return f"CAST(timezone({given.zone}, {given.sql}) AS {target})"
    if wanted == TIMESTAMP_TZ or wanted.name == "timestamp with time zone":
        return f"timezone('UTC', CAST({given.sql} AS TIMESTAMP))"
    return plain


def _to_text(given: Typed, wanted: Type) -> str:
    source = given.type
    if source.is_floating:
        shown = f"athena_double_text({given.sql})"
    elif source.name.startswith("timestamp"):
        digits = source.arguments[0] if source.arguments else 3
        moment = given.sql if source.name == "timestamp" else f"timezone({given.zone}, {given.sql})"
        shown = f"strftime({moment}, '%Y-%m-%d %H:%M:%S')"
        if digits:
            shown += f" || '.' || left(strftime({moment}, '%f'), {digits})"
        if source.name != "timestamp":
            shown += f" || ' ' || {given.zone}"
    elif source.name == "time":
        shown = f"strftime(DATE '1970-01-01' + {given.sql}, '%H:%M:%S.%g')"
    else:
        shown = f"CAST({given.sql} AS VARCHAR)"
    if wanted.arguments and (not source.arguments or not source.is_text or source.arguments[0] > wanted.arguments[0]):
        return f"left({shown}, {wanted.arguments[0]})"
    return f"({shown})"


_INTEGER_TEXT = "[+-]?[0-9]+"
_FLOATING_TEXT = r"\s*[+-]?(NaN|Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)[dDfF]?\s*"
_DECIMAL_TEXT = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE_TEXT = r"\s*[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}\s*"
_TIME_TEXT = r"[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]{1,12})?)?"


def _from_text(given: Typed, wanted: Type, keyword: str) -> str:
    """DuckDB reads more spellings than Trino: what Trino refuses is made unreadable before it is cast."""
    target = to_duckdb(wanted)
    if wanted.name == "boolean":
        return f"{keyword}(athena_checked(lower({given.sql}), 't|true|1|f|false|0') AS BOOLEAN)"
    if wanted.name == "timestamp with time zone":
        return f"athena_zoned({given.sql})" if keyword == "CAST" else f"TRY(athena_zoned({given.sql}))"
    if wanted.name == "timestamp":
        return f"{keyword}(athena_unzoned({given.sql}) AS TIMESTAMP)"
    patterns = {"date": _DATE_TEXT, "time": _TIME_TEXT, "decimal": _DECIMAL_TEXT}
    pattern = patterns.get(wanted.name) or (_FLOATING_TEXT if wanted.is_floating else _INTEGER_TEXT)
    checked = f"athena_checked({given.sql}, {text(pattern)})"
    if wanted.is_floating:
        checked = f"rtrim({checked}, 'dDfF ')"
    return f"{keyword}({checked} AS {target})"


def _nested_cast(given: Typed, wanted: Type, keyword: str) -> str:
    """Element by element, so that each element is cast as Trino casts it."""
    source = given.type
    if source.name == "row":
        fields = [
            f"{text(_field(wanted, number))}: "
            + _cast_sql(Typed(f"struct_extract_at({given.sql}, {number + 1})", child), wanted.children[number], keyword)
            for number, child in enumerate(source.children)
        ]
        return f"CASE WHEN {given.sql} IS NOT NULL THEN {{{', '.join(fields)}}} END"
    variable = f"e{_depth(source)}"
    if source.name == "array":
        inner = _cast_sql(Typed(variable, source.children[0]), wanted.children[0], keyword)
        return f"list_transform({given.sql}, lambda {variable}: {inner})"
    key = _cast_sql(Typed(f"{variable}.key", source.children[0]), wanted.children[0], keyword)
    value = _cast_sql(Typed(f"{variable}.value", source.children[1]), wanted.children[1], keyword)
    entries = f"list_transform(map_entries({given.sql}), lambda {variable}: {{'key': {key}, 'value': {value}}})"
    return f"map_from_entries({entries})"


def _depth(type_: Type) -> int:
    return 1 + max((_depth(child) for child in type_.children), default=0)


def _field(type_: Type, number: int) -> str:
    return type_.fields[number] or f"field{number}"


def _json_cast(given: Typed, wanted: Type, keyword: str) -> str:
    if wanted == JSON:
        if given.type.name.startswith("timestamp") or given.type.is_text:
            return f"to_json({_to_text(given, VARCHAR)})"
        return f"to_json({given.sql})"
    if wanted.is_text:
        return f"json_extract_string({given.sql}, '$')"
    if wanted.name in ("bigint", "integer", "smallint", "tinyint", "double", "real", "boolean", "decimal"):
        shown = Typed(f"json_extract_string({given.sql}, '$')", VARCHAR)
        return _from_text(shown, wanted, keyword)
    return f"{keyword}({given.sql} AS {to_duckdb(wanted)})"


def to_bigint(given: Typed) -> str:
    return coerce(given, BIGINT).sql
