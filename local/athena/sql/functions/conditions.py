"""COALESCE and its like: functions whose arguments must share a type, and those that look at the query itself."""

from __future__ import annotations

from local.athena.errors import QueryError
from local.athena.sql import operators
from local.athena.sql.calls import Call
from local.athena.sql.coercion import Typed, common
from local.athena.sql.signatures import Builder
from local.athena.types import INTEGER, VARCHAR, text

DECLARED: dict[str, str] = {
    "current_timezone() -> varchar": "'UTC'",
    "version() -> varchar": "'Athena engine version 3'",
}


def _coalesce(call: Call) -> Typed:
    if len(call.arguments) < 2:
        raise QueryError("INVALID_ARGUMENTS", "The 'coalesce' function must have at least two arguments", call.where)
    values, type_ = operators.unify(call.values, "COALESCE operands", call.where)
    return Typed(f"coalesce({', '.join(value.sql for value in values)})", type_, values[0].zone)


def _nullif(call: Call) -> Typed:
    one, other = call.expect(2)
    wanted = common(one.type, other.type)
    if wanted is None:
        raise operators.mismatch(f"Types are not comparable with NULLIF: {one.type} vs {other.type}", call.where)
    equal = operators.compare("=", one, other, call.where).sql
    return Typed(f"CASE WHEN {equal} THEN NULL ELSE {one.sql} END", one.type, one.zone)


def _extreme(function: str) -> Builder:
    """greatest and least: NULL where any argument is."""

    def build(call: Call) -> Typed:
        values, type_ = operators.unify(call.values, f"{call.name.upper()} operands", call.where)
        shown = [value.sql for value in values]
        missing = " OR ".join(f"{one} IS NULL" for one in shown)
        return Typed(f"CASE WHEN NOT ({missing}) THEN {function}({', '.join(shown)}) END", type_)

    return build


def _try(call: Call) -> Typed:
    value = call.expect(1)[0]
    return Typed(f"TRY({value.sql})", value.type, value.zone)


def _typeof(call: Call) -> Typed:
    value = call.expect(1)[0]
    return Typed(text(str(value.type)), VARCHAR)


def _grouping(call: Call) -> Typed:
    values = call.values
    for value in values:
        if value.sql not in call.compiler.grouping:
            raise QueryError(
                "INVALID_ARGUMENTS",
                "The arguments to GROUPING() must be expressions referenced by the GROUP BY",
                call.where,
            )
    return Typed(f"CAST(grouping({', '.join(value.sql for value in values)}) AS INTEGER)", INTEGER)


BUILT: dict[str, Builder] = {
    "coalesce": _coalesce,
    "nullif": _nullif,
    "greatest": _extreme("greatest"),
    "least": _extreme("least"),
    "try": _try,
    "typeof": _typeof,
    "grouping": _grouping,
}
