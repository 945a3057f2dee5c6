"""Values as Athena prints them into result files, as DuckDB expressions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from local.athena.types import Type, text

UTC = "'UTC'"


def as_text(expression: str, type_: Type, zone: str = UTC) -> str:  # noqa: PLR0911 - one return a type
    """The DuckDB expression that prints this one; NULL stays NULL. zone: in which a timestamp with time zone is
    shown."""
    if type_.is_text or type_.name in ("json", "unknown", "ipaddress"):
        return f"CAST({expression} AS VARCHAR)"
    if type_.is_floating:
        return f"athena_java_text({expression})"
    if type_.name == "timestamp":
        return f"strftime({expression}, '%Y-%m-%d %H:%M:%S.%g')"
    if type_.name == "timestamp with time zone":
        return f"strftime(timezone({zone}, {expression}), '%Y-%m-%d %H:%M:%S.%g') || ' ' || {_zone_text(zone)}"
    if type_.name == "interval day to second":
        return f"athena_interval_text(CAST(epoch_us({expression}) AS BIGINT))"
    if type_.name == "interval year to month":
        return f"athena_months_text(datepart('year', {expression}) * 12 + datepart('month', {expression}))"
    if type_.name == "time":
        return f"strftime(DATE '1970-01-01' + {expression}, '%H:%M:%S.%g')"
    if type_.name == "varbinary":
        return f"rtrim(regexp_replace(lower(hex({expression})), '(..)', '\\1 ', 'g'))"
    if type_.children:
        return _nested(expression, type_)
    return f"CAST({expression} AS VARCHAR)"


def _nested(expression: str, type_: Type) -> str:
    variable = f"v{_depth(type_)}"
    if type_.name == "array":
        inner = _element(variable, type_.children[0])
        printed = f"'[' || array_to_string(list_transform({expression}, lambda {variable}: {inner}), ', ') || ']'"
    elif type_.name == "map":
        key = _element(f"{variable}.key", type_.children[0])
        value = _element(f"{variable}.value", type_.children[1])
        entries = f"list_transform(map_entries({expression}), lambda {variable}: {key} || '=' || {value})"
        printed = f"'{{' || array_to_string({entries}, ', ') || '}}'"
    else:
        fields = [
            (f"{text(f'{name}=')} || " if name else "") + _element(f"struct_extract_at({expression}, {number})", child)
            for number, (name, child) in enumerate(zip(type_.fields, type_.children, strict=True), 1)
        ]
        printed = "'{' || " + " || ', ' || ".join(fields) + " || '}'"
    return f"CASE WHEN {expression} IS NOT NULL THEN {printed} END"


def _element(expression: str, type_: Type) -> str:
    return f"coalesce({as_text(expression, type_)}, 'null')"


def _depth(type_: Type) -> int:
    return 1 + max((_depth(child) for child in type_.children), default=0)


def _zone_text(zone: str) -> str:
    """A fixed zone is shown as its offset: Etc/GMT-2, which lies east of Greenwich, as +02:00."""
    found = re.fullmatch(r"'Etc/GMT([+-])(\d+)'", zone)
    return f"'{'-' if found[1] == '+' else '+'}{int(found[2]):02d}:00'" if found else zone


def columns(types: Sequence[Type], zones: Sequence[str]) -> str:
    """The printed columns of a relation whose columns are named c1, c2, …"""
    return ", ".join(
        as_text(f"c{number}", type_, zone) for number, (type_, zone) in enumerate(zip(types, zones, strict=True), 1)
    )
