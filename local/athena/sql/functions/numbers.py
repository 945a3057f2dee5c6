"""Numbers: rounding, powers, bits."""

from __future__ import annotations

from local.athena.sql import operators
from local.athena.sql.calls import Call
from local.athena.sql.coercion import Typed, coerce
from local.athena.sql.signatures import Builder
from local.athena.types import INTEGER, decimal, to_duckdb

DECLARED = {
    **{f"{name}(double) -> double": f"{name}({{0}})" for name in (
        "sqrt", "exp", "ln", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
        "degrees", "radians",
    )},
    "cbrt(double) -> double": "athena_cbrt({0})",
    "atan2(double, double) -> double": "atan2({0}, {1})",
    "log(double, double) -> double": "(ln({1}) / ln({0}))",
    "power(double, double) -> double": "pow({0}, {1})",
    "pow(double, double) -> double": "pow({0}, {1})",
    "pi() -> double": "pi()",
    "e() -> double": "exp(1)",
    "nan() -> double": "CAST('NaN' AS DOUBLE)",
    "infinity() -> double": "CAST('Infinity' AS DOUBLE)",
    "is_nan(double) -> boolean": "isnan({0})",
    "is_finite(double) -> boolean": "isfinite({0})",
    "is_infinite(double) -> boolean": "isinf({0})",
    "random() -> double": "random()",
    "rand() -> double": "random()",
    "random(integer) -> integer": "CAST(floor(random() * {0}) AS INTEGER)",
    "rand(integer) -> integer": "CAST(floor(random() * {0}) AS INTEGER)",
    "random(bigint) -> bigint": "CAST(floor(random() * {0}) AS BIGINT)",
    "rand(bigint) -> bigint": "CAST(floor(random() * {0}) AS BIGINT)",
    "bitwise_and(bigint, bigint) -> bigint": "({0} & {1})",
    "bitwise_or(bigint, bigint) -> bigint": "({0} | {1})",
    "bitwise_xor(bigint, bigint) -> bigint": "xor({0}, {1})",
    "bitwise_not(bigint) -> bigint": "(~ {0})",
    "bitwise_left_shift(integer, integer) -> integer": "({0} << {1})",
    "bitwise_left_shift(bigint, integer) -> bigint": "({0} << {1})",
    "bitwise_right_shift_arithmetic(integer, integer) -> integer": "({0} >> {1})",
    "bitwise_right_shift_arithmetic(bigint, integer) -> bigint": "({0} >> {1})",
    "bit_count(bigint, bigint) -> bigint": "CAST(bit_count({0}) AS BIGINT)",
    "width_bucket(double, double, double, bigint) -> bigint": "athena_width_bucket({0}, {1}, {2}, {3})",
    "from_base(varchar, bigint) -> bigint": "athena_from_base(lower({0}), {1})",
    "to_base(bigint, bigint) -> varchar": "lower(to_base({0}, CAST({1} AS INTEGER)))",
}  # fmt: skip


def _number(call: Call, *counts: int) -> list[Typed]:
    values = call.expect(*counts)
    if not values[0].type.is_number:
        raise call.unexpected("a number")
    return values


def _abs(call: Call) -> Typed:
    value = _number(call, 1)[0]
    return Typed(f"abs({value.sql})", value.type)


def _sign(call: Call) -> Typed:
    value = _number(call, 1)[0]
    result = decimal(1, 0) if value.type.name == "decimal" else value.type
    return Typed(f"CAST(sign({value.sql}) AS {to_duckdb(result)})", result)


def _whole(function: str) -> Builder:
    """ceil, floor: a decimal loses its scale, everything else keeps its type."""

    def build(call: Call) -> Typed:
        value = _number(call, 1)[0]
        if value.type.is_integer:
            return value
        result = value.type
        if result.name == "decimal":
            precision, scale = result.arguments
            result = decimal(precision - scale + min(1, scale), 0)
        return Typed(f"CAST({function}({value.sql}) AS {to_duckdb(result)})", result)

    return build


def _round(call: Call) -> Typed:
    """Halves go away from zero; a decimal keeps its scale where a number of digits is given."""
    values = _number(call, 1, 2)
    value = values[0]
    if len(values) == 1:
        if value.type.name == "decimal":
            precision, scale = value.type.arguments
            result = decimal(precision - scale + min(1, scale), 0)
            return Typed(f"CAST(round({value.sql}) AS {to_duckdb(result)})", result)
        return (
            value
            if value.type.is_integer
            else Typed(f"CAST(round({value.sql}) AS {to_duckdb(value.type)})", value.type)
        )
    digits = coerce(values[1], INTEGER).sql
    result = value.type
    if result.name == "decimal":
        precision, scale = result.arguments
        result = decimal(precision + 1, scale)
    return Typed(f"CAST(round({value.sql}, {digits}) AS {to_duckdb(result)})", result)


def _truncate(call: Call) -> Typed:
    """Towards zero."""
    values = _number(call, 1, 2)
    value = values[0]
    if len(values) == 1:
        if value.type.name == "decimal":
            precision, scale = value.type.arguments
            result = decimal(max(1, precision - scale), 0)
            return Typed(f"CAST(trunc({value.sql}) AS {to_duckdb(result)})", result)
        return value if value.type.is_integer else Typed(f"trunc({value.sql})", value.type)
    if value.type.name != "decimal":
        raise call.unexpected("a decimal and a number of digits")
    return Typed(f"CAST(trunc({value.sql}, {coerce(values[1], INTEGER).sql}) AS {to_duckdb(value.type)})", value.type)


def _mod(call: Call) -> Typed:
    one, other = call.expect(2)
    return operators.arithmetic("%", one, other, call.where)


BUILT: dict[str, Builder] = {
    "abs": _abs,
    "sign": _sign,
    "ceil": _whole("ceil"),
    "ceiling": _whole("ceil"),
    "floor": _whole("floor"),
    "round": _round,
    "truncate": _truncate,
    "mod": _mod,
}
