"""CAST and TRY_CAST: what Trino reads and prints, which is not always what DuckDB does."""

from __future__ import annotations

from local.athena.sql.coercion import UTC, Typed, common
from local.athena.types import JSON, TIMESTAMP_TZ, UNKNOWN, VARCHAR, Type, text, to_duckdb


def castable(given: Type, wanted: Type) -> bool:  # noqa: PLR0911 - one return a kind of type
    """Whether Trino has a CAST from one to the other."""
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


def _cast_sql(given: Typed, wanted: Type, keyword: str) -> str:  # noqa: PLR0911 - one return a kind of type
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
