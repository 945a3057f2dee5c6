"""format(): Java's format strings for literal formats, piece by piece."""

from __future__ import annotations

import re
from collections.abc import Sequence

from local.athena.errors import QueryError
from local.athena.sql.casts import cast, castable
from local.athena.sql.coercion import Typed, coerce
from local.athena.types import BIGINT, DOUBLE, VARCHAR, text

_PIECE = re.compile(r"%(?P<flags>[-,0+ ]*)(?P<width>\d*)(?:\.(?P<precision>\d+))?(?P<kind>[a-zA-Z%])")


def formatted(pattern: str, values: Sequence[Typed], where: tuple[int, int] | None) -> str:
    """The SQL of the formatted text. Raises QueryError for a piece that is not known here, or a missing value."""
    shown, end, number = [], 0, 0
    for found in _PIECE.finditer(pattern):
        if found.start() > end:
            shown.append(text(pattern[end : found.start()]))
        end = found.end()
        if found["kind"] in ("%", "n"):
            shown.append(text("%" if found["kind"] == "%" else "\n"))
            continue
        if number >= len(values):
            raise QueryError(
                "INVALID_FUNCTION_ARGUMENT", f"Invalid format string: {pattern} (MissingFormatArgument)", where
            )
        shown.append(_padded(found, _piece(found, values[number], pattern, where)))
        number += 1
    if end < len(pattern):
        shown.append(text(pattern[end:]))
    if "%" in _PIECE.sub("", pattern):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Invalid format string: {pattern}", where)
    return f"({' || '.join(shown)})" if shown else "''"


def _piece(found: re.Match[str], value: Typed, pattern: str, where: tuple[int, int] | None) -> str:
    kind, precision = found["kind"], found["precision"]
    grouped = "," if "," in found["flags"] else ""
    if kind in "sS" and castable(value.type, VARCHAR):
        shown = f"athena_java_text({value.sql})" if value.type.is_floating else cast(value, VARCHAR, False).sql
        shown = f"coalesce({shown}, 'null')"
        return f"left({shown}, {precision})" if precision else shown
    if kind == "d" and value.type.is_integer:
        return _signed(found, f"format('{{:{grouped}}}', {coerce(value, BIGINT).sql})", value)
    if kind in "xX" and value.type.is_integer:
        return f"{'lower' if kind == 'x' else 'upper'}(to_base({coerce(value, BIGINT).sql}, 16))"
    if kind == "f" and value.type.is_number and not value.type.is_integer:
        digits = int(precision or 6)
        # Java rounds the shortest decimal digits half up; C's printf would round the binary value.
        exact = f"CAST(CAST({value.sql} AS VARCHAR) AS DECIMAL(38,{digits}))"
        plain = f"CAST({exact} AS VARCHAR)"
        if grouped:
            whole, fraction = f"split_part({plain}, '.', 1)", f"'.' || split_part({plain}, '.', 2)" if digits else "''"
            plain = f"athena_thousands({whole}) || {fraction}"
        return _signed(found, f"({plain})", value)
    if kind in "eE" and value.type.is_number and not value.type.is_integer:
        return f"printf('%.{precision or 6}{kind}', {coerce(value, DOUBLE).sql})"
    if kind in "bB" and value.type.name == "boolean":
        return cast(value, VARCHAR, False).sql
    raise QueryError(
        "NOT_SUPPORTED",
        f"{found.group()} of the format {pattern!r} is not supported for {value.type} on this machine",
        where,
    )


def _signed(found: re.Match[str], shown: str, value: Typed) -> str:
    return f"CASE WHEN {value.sql} >= 0 THEN '+' ELSE '' END || {shown}" if "+" in found["flags"] else shown


def _padded(found: re.Match[str], shown: str) -> str:
    if not found["width"]:
        return shown
    width = int(found["width"])
    if "-" in found["flags"]:
        return f"({shown} || repeat(' ', greatest(0, {width} - length({shown}))))"
    if "0" in found["flags"]:
        zeros = f"repeat('0', greatest(0, {width} - length({shown})))"
        negative = f"'-' || {zeros} || substring({shown}, 2)"
        return f"(CASE WHEN starts_with({shown}, '-') THEN {negative} ELSE {zeros} || {shown} END)"
    return f"(repeat(' ', greatest(0, {width} - length({shown}))) || {shown})"
