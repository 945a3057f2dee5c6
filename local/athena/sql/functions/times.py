"""Dates and times. A timestamp with time zone is a moment for DuckDB; the zone it is shown in travels beside its
SQL."""

from __future__ import annotations

import re

from local.athena.errors import QueryError
from local.athena.sql import time_formats
from local.athena.sql.calls import Call
from local.athena.sql.casts import cast
from local.athena.sql.coercion import UTC, Typed, coerce
from local.athena.sql.signatures import Builder
from local.athena.types import BIGINT, DATE, DOUBLE, TIMESTAMP, TIMESTAMP_TZ, VARCHAR, Type, text, to_duckdb

DECLARED = {
    "now() -> timestamp(3) with time zone": "date_trunc('millisecond', now())",
    "current_timestamp() -> timestamp(3) with time zone": "date_trunc('millisecond', now())",
    "current_timestamp(integer) -> timestamp(3) with time zone": "date_trunc('millisecond', now())",
    "last_day_of_month(date) -> date": "last_day({0})",
    "last_day_of_month(timestamp(3)) -> date": "last_day({0})",
    "from_iso8601_date(varchar) -> date": "CAST(athena_checked({0}, '[0-9]+-[0-9][0-9]-[0-9][0-9]') AS DATE)",
    "to_milliseconds(interval day to second) -> bigint": "CAST(athena_microseconds({0}) // 1000 AS BIGINT)",
}

_PARTS = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "week_of_year": "week", "day": "day",
    "day_of_month": "day", "day_of_week": "isodow", "dow": "isodow", "day_of_year": "dayofyear", "doy": "dayofyear",
    "year_of_week": "isoyear", "yow": "isoyear",
}  # fmt: skip
_CLOCK = {"hour": "hour", "minute": "minute", "second": "second", "millisecond": "millisecond"}
_DATE_UNITS = ("day", "week", "month", "quarter", "year")
_UNITS = ("millisecond", "second", "minute", "hour", *_DATE_UNITS)


def local(value: Typed) -> Typed:
    """A date or timestamp without zone: what a clock in the value's zone shows."""
    if value.type.name == "timestamp with time zone":
        return Typed(f"timezone({value.zone}, {value.sql})", TIMESTAMP)
    return value


def _moment(call: Call, value: Typed) -> Typed:
    if value.type.name not in ("date", "timestamp", "timestamp with time zone"):
        raise call.unexpected("a date or timestamp")
    return local(value)


def _part(function: str, clock: bool) -> Builder:
    def build(call: Call) -> Typed:
        value = call.expect(1)[0]
        if clock and value.type.name == "time":
            return Typed(f"CAST({function}({value.sql}) AS BIGINT)", BIGINT)
        if value.type.name.startswith("interval") and call.name in ("day", "hour", "minute", "second", "millisecond"):
            return Typed(f"athena_interval_{call.name}({value.sql})", BIGINT)
        moment = _moment(call, value)
        if clock and moment.type == DATE:
            raise call.unexpected("a timestamp")
        rest = " % 1000" if function == "millisecond" else ""
        return Typed(f"CAST({function}({moment.sql}){rest} AS BIGINT)", BIGINT)

    return build


def _date(call: Call) -> Typed:
    return cast(call.expect(1)[0], DATE, False)


def _unit(call: Call, type_: Type) -> str:
    unit = call.word(0).lower()
    known = _DATE_UNITS if type_ == DATE else _UNITS
    if unit not in known:
        kind = "DATE" if type_ == DATE else "TIMESTAMP"
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"'{call.word(0)}' is not a valid {kind} field")
    return unit


def _date_trunc(call: Call) -> Typed:
    _, value = call.expect(2)
    moment = _moment(call, value)
    unit = _unit(call, value.type)
    truncated = f"date_trunc('{unit}', {moment.sql})"
    if value.type.name == "timestamp with time zone":
        return Typed(f"timezone({value.zone}, {truncated})", value.type, value.zone)
    return Typed(f"CAST({truncated} AS {to_duckdb(value.type)})", value.type)


def _date_add(call: Call) -> Typed:
    _, count, value = call.expect(3)
    if not count.type.is_integer:
        raise call.unexpected("a unit, a whole number and a date or timestamp")
    moment = _moment(call, value)
    unit = _unit(call, value.type)
    number = coerce(count, BIGINT).sql
    interval = {
        "millisecond": f"to_milliseconds({number})",
        "second": f"to_seconds({number})",
        "minute": f"to_minutes({number})",
        "hour": f"to_hours({number})",
        "day": f"to_days(CAST({number} AS INTEGER))",
        "week": f"to_days(CAST({number} * 7 AS INTEGER))",
        "month": f"to_months(CAST({number} AS INTEGER))",
        "quarter": f"to_months(CAST({number} * 3 AS INTEGER))",
        "year": f"to_months(CAST({number} * 12 AS INTEGER))",
    }[unit]
    moved = f"({moment.sql} + {interval})"
    if value.type.name == "timestamp with time zone":
        return Typed(f"timezone({value.zone}, {moved})", value.type, value.zone)
    return Typed(f"CAST({moved} AS {to_duckdb(value.type)})", value.type)


def _date_diff(call: Call) -> Typed:
    """Whole units from the first to the second."""
    _, one, other = call.expect(3)
    first, second = _moment(call, one), _moment(call, other)
    unit = _unit(call, DATE if one.type == other.type == DATE else TIMESTAMP)
    return Typed(f"date_sub('{unit}', CAST({first.sql} AS TIMESTAMP), CAST({second.sql} AS TIMESTAMP))", BIGINT)


def _date_format(call: Call) -> Typed:
    value = call.expect(2)[0]
    moment = _moment(call, value)
    return Typed(f"strftime({moment.sql}, {text(time_formats.mysql(call.word(1), call.where))})", VARCHAR)


def _format_datetime(call: Call) -> Typed:
    value = call.expect(2)[0]
    moment = _moment(call, value)
    pattern = call.word(1)
    if value.type.name != "timestamp with time zone" and re.search(r"[Zz]", re.sub(r"'[^']*'", "", pattern)):
        raise QueryError(
            "INVALID_FUNCTION_ARGUMENT",
            "format_datetime for TIMESTAMP type, cannot use 'Z' nor 'z' in format, as this type does not contain TZ "
            "information",
        )
    return Typed(f"strftime({moment.sql}, {text(time_formats.joda(pattern, call.where))})", VARCHAR)


def _parsed(written: str, value: Typed) -> str:
    """strptime; a text without a year means 1970, as in Trino."""
    if "%Y" in written or "%y" in written or "%G" in written:
        return f"strptime({value.sql}, {text(written)})"
    return f"strptime('1970 ' || {value.sql}, {text('%Y ' + written)})"


def _date_parse(call: Call) -> Typed:
    value = call.expect(2)[0]
    if not value.type.is_text:
        raise call.unexpected("a text and a format")
    return Typed(_parsed(time_formats.mysql(call.word(1), call.where), value), TIMESTAMP)


def _parse_datetime(call: Call) -> Typed:
    value = call.expect(2)[0]
    if not value.type.is_text:
        raise call.unexpected("a text and a format")
    written = time_formats.joda(call.word(1), call.where)
    if "%z" in written:
        # The offset is read into the moment; which offset it was is not kept, so only UTC may be shown as it came.
        return Typed(
            f"CAST(athena_utc_only({value.sql}, strptime({value.sql}, {text(written)})) AS TIMESTAMPTZ)", TIMESTAMP_TZ
        )
    return Typed(f"timezone('UTC', {_parsed(written, value)})", TIMESTAMP_TZ)


def _from_iso8601_timestamp(call: Call) -> Typed:
    value = call.expect(1)[0]
    if not value.type.is_text:
        raise call.unexpected("a text")
    if isinstance(value.literal, str):
        zone = re.search(r"T.*([+-]\d{2}:?\d{2})$", value.literal)
        if zone and zone.group(1).replace(":", "") not in ("+0000", "-0000"):
            return Typed(f"athena_iso8601({value.sql})", TIMESTAMP_TZ, _offset_zone(zone.group(1)))
        return Typed(f"athena_iso8601({value.sql})", TIMESTAMP_TZ)
    return Typed(f"athena_utc_only({value.sql}, athena_iso8601({value.sql}))", TIMESTAMP_TZ)


def _offset_zone(offset: str) -> str:
    sign, hours, minutes = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", offset).groups()  # type: ignore[union-attr]
    if minutes == "00":
        # ICU's fixed zones have the sign of POSIX: Etc/GMT-2 is two hours east of Greenwich.
        return text(f"Etc/GMT{'-' if sign == '+' else '+'}{int(hours)}") if int(hours) else UTC
    raise QueryError("NOT_SUPPORTED", f"The zone {offset} is not supported on this machine: convert to UTC first")


def zoned_literal(written: str, wanted: Type, where: tuple[int, int] | None) -> Typed:
    """TIMESTAMP '2019-10-01 00:00:00 America/New_York', or a cast of such a text."""
    found = re.fullmatch(
        r"\s*(\d{1,4}-\d{1,2}-\d{1,2}(?: \d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d+)?)?)?)\s*(.*?)\s*", written
    )
    if found is None:
        raise QueryError("INVALID_CAST_ARGUMENT", f"Value cannot be cast to timestamp with time zone: {written}", where)
    moment, zone = found.groups()
    shown = text(zone or "UTC") if not re.fullmatch(r"[+-]\d{2}:?\d{2}", zone) else _offset_zone(zone)
    return Typed(f"timezone({shown}, CAST({text(moment)} AS TIMESTAMP))", wanted, shown)


def _to_iso8601(call: Call) -> Typed:
    value = call.expect(1)[0]
    if value.type == DATE:
        return Typed(f"CAST({value.sql} AS VARCHAR)", VARCHAR)
    moment = _moment(call, value)
    fraction = {0: "", 3: ".%g"}.get((value.type.arguments or (3,))[0], ".%f")
    if value.type.name == "timestamp with time zone" and value.zone != UTC:
        raise QueryError(
            "NOT_SUPPORTED", "to_iso8601 of another zone than UTC is not supported on this machine", call.where
        )
    zone = " || 'Z'" if value.type.name == "timestamp with time zone" else ""
    return Typed(f"(strftime({moment.sql}, '%Y-%m-%dT%H:%M:%S{fraction}'){zone})", VARCHAR)


def _to_unixtime(call: Call) -> Typed:
    value = call.expect(1)[0]
    if not value.type.name.startswith("timestamp"):
        raise call.unexpected("a timestamp")
    return Typed(f"epoch({coerce(value, TIMESTAMP_TZ).sql})", DOUBLE)


def _from_unixtime(call: Call) -> Typed:
    values = call.expect(1, 2)
    if not values[0].type.is_number:
        raise call.unexpected("seconds since 1970")
    # Rounded to milliseconds, as a timestamp(3) is.
    moment = f"timezone('UTC', make_timestamp_ms(CAST(round({coerce(values[0], DOUBLE).sql} * 1000) AS BIGINT)))"
    zone = text(call.word(1)) if len(values) == 2 else UTC
    return Typed(moment, TIMESTAMP_TZ, zone)


def _at_timezone(call: Call) -> Typed:
    value = call.expect(2)[0]
    if value.type.name != "timestamp with time zone":
        raise call.unexpected("a timestamp with time zone and a zone")
    return Typed(value.sql, value.type, text(call.word(1)))


def _with_timezone(call: Call) -> Typed:
    value = call.expect(2)[0]
    if value.type.name != "timestamp":
        raise call.unexpected("a timestamp and a zone")
    zone = text(call.word(1))
    return Typed(f"timezone({zone}, {value.sql})", TIMESTAMP_TZ, zone)


BUILT: dict[str, Builder] = {
    **{name: _part(function, False) for name, function in _PARTS.items()},
    **{name: _part(function, True) for name, function in _CLOCK.items()},
    "date": _date,
    "date_trunc": _date_trunc,
    "date_add": _date_add,
    "date_diff": _date_diff,
    "date_format": _date_format,
    "format_datetime": _format_datetime,
    "date_parse": _date_parse,
    "parse_datetime": _parse_datetime,
    "from_iso8601_timestamp": _from_iso8601_timestamp,
    "to_iso8601": _to_iso8601,
    "to_unixtime": _to_unixtime,
    "from_unixtime": _from_unixtime,
    "at_timezone": _at_timezone,
    "with_timezone": _with_timezone,
}
