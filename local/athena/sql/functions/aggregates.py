"""Aggregates, alone or over a window. <name|arguments> marks what takes DISTINCT, ORDER BY, FILTER and OVER."""

from __future__ import annotations

from local.athena.errors import QueryError
from local.athena.sql.calls import Call
from local.athena.sql.coercion import Typed, coerce
from local.athena.sql.signatures import Builder
from local.athena.types import BIGINT, DOUBLE, REAL, VARCHAR, array, decimal, to_duckdb

_DOUBLES = {
    "stddev": "stddev_samp", "stddev_samp": "stddev_samp", "stddev_pop": "stddev_pop", "variance": "var_samp",
    "var_samp": "var_samp", "var_pop": "var_pop",
}  # fmt: skip

DECLARED = {
    "count() -> bigint": "<count|*>",
    "count(T) -> bigint": "<count|{0}>",
    "count_if(boolean) -> bigint": "<count|CASE WHEN {0} THEN 1 END>",
    "arbitrary(T) -> T": "<any_value|{0}>",
    "any_value(T) -> T": "<any_value|{0}>",
    "bool_and(boolean) -> boolean": "<bool_and|{0}>",
    "every(boolean) -> boolean": "<bool_and|{0}>",
    "bool_or(boolean) -> boolean": "<bool_or|{0}>",
    "array_agg(T) -> array(T)": "<list|{0}>",
    "approx_distinct(T) -> bigint": "<count|DISTINCT {0}>",
    "approx_distinct(T, double) -> bigint": "<count|DISTINCT {0}>",
    "map_agg(K, V) -> map(K, V)": "athena_map_of(<list|{'key': {0}, 'value': {1}}>)",
    "multimap_agg(K, V) -> map(K, array(V))": "athena_multimap_of(<list|{'key': {0}, 'value': {1}}>)",
    "map_union(map(K, V)) -> map(K, V)": "athena_map_of(flatten(<list|map_entries({0})>))",
    "histogram(T) -> map(T, bigint)": "athena_histogram(<list|{0}>)",
    "min(T) -> T": "<min|{0}>",
    "max(T) -> T": "<max|{0}>",
    "min(T, bigint) -> array(T)": "<min|{0}, {1}>",
    "max(T, bigint) -> array(T)": "<max|{0}, {1}>",
    "max_by(T, K) -> T": "<arg_max_null|{0}, {1}>",
    "min_by(T, K) -> T": "<arg_min_null|{0}, {1}>",
    "max_by(T, K, bigint) -> array(T)": "<list|{0} ORDER BY {1} DESC NULLS LAST>[1:{2}]",
    "min_by(T, K, bigint) -> array(T)": "<list|{0} ORDER BY {1} ASC NULLS LAST>[1:{2}]",
    "corr(double, double) -> double": "<corr|{0}, {1}>",
    "covar_pop(double, double) -> double": "<covar_pop|{0}, {1}>",
    "covar_samp(double, double) -> double": "<covar_samp|{0}, {1}>",
    "regr_slope(double, double) -> double": "<regr_slope|{0}, {1}>",
    "regr_intercept(double, double) -> double": "<regr_intercept|{0}, {1}>",
    "geometric_mean(double) -> double": "exp(<avg|ln({0})>)",
    "bitwise_and_agg(bigint) -> bigint": "<bit_and|{0}>",
    "bitwise_or_agg(bigint) -> bigint": "<bit_or|{0}>",
    **{f"{name}(double) -> double": f"<{function}|{{0}}>" for name, function in _DOUBLES.items()},
}


def _sum(call: Call) -> Typed:
    value = call.expect(1)[0]
    if value.type.is_integer:
        return Typed(f"CAST({call.aggregate('sum', value.sql)} AS BIGINT)", BIGINT)
    if value.type.name == "decimal":
        result = decimal(38, value.type.arguments[1])
        return Typed(f"CAST({call.aggregate('sum', value.sql)} AS {to_duckdb(result)})", result)
    if value.type.is_floating:
        return Typed(f"CAST({call.aggregate('sum', value.sql)} AS {to_duckdb(value.type)})", value.type)
    if value.type.name.startswith("interval"):
        return Typed(call.aggregate("sum", value.sql), value.type)
    raise call.unexpected("a number")


def _avg(call: Call) -> Typed:
    """The mean of decimals is a decimal of the same scale, rounded half up; of integers a double."""
    value = call.expect(1)[0]
    if value.type.name == "decimal":
        scale = value.type.arguments[1]
        total, count = call.aggregate("sum", value.sql), call.aggregate("count", value.sql)
        return Typed(f"CAST(athena_decimal_mean({total}, {count}, {scale}) AS {to_duckdb(value.type)})", value.type)
    if value.type.is_integer:
        return Typed(call.aggregate("avg", f"CAST({value.sql} AS DOUBLE)"), DOUBLE)
    if value.type.is_floating:
        return Typed(f"CAST({call.aggregate('avg', value.sql)} AS {to_duckdb(value.type)})", value.type)
    raise call.unexpected("a number")


def _approx_percentile(call: Call) -> Typed:
    """The exact value at that place: a good approximation of what Athena approximates."""
    values = call.expect(2)
    value, share = values
    if not value.type.is_number:
        raise call.unexpected("a number and a share")
    wanted = BIGINT if value.type.is_integer else REAL if value.type.name == "decimal" else value.type
    sql = coerce(value, wanted).sql
    if share.type.name == "array":
        shares = call.nodes[1].expressions
        listed = [call.compiler.compile(one).literal for one in shares]
        if any(one is None for one in listed):
            raise QueryError(
                "NOT_SUPPORTED", "The shares of approx_percentile must be literals on this machine", call.where
            )
        return Typed(call.aggregate("quantile_disc", f"{sql}, [{', '.join(map(_share, listed))}]"), array(wanted))
    if share.literal is None:
        raise QueryError(
            "NOT_SUPPORTED", "The share of approx_percentile must be a literal on this machine", call.where
        )
    return Typed(call.aggregate("quantile_disc", f"{sql}, {_share(share.literal)}"), wanted)


def _share(literal: object) -> str:
    """Of an even number of values, Trino takes the upper one of the two in the middle, DuckDB the lower."""
    return str(min(1.0, float(str(literal)) + 1e-10))


def _listagg(call: Call) -> Typed:
    values = call.expect(1, 2)
    if not values[0].type.is_text:
        raise call.unexpected("a text")
    separator = values[1].sql if len(values) == 2 else "''"
    return Typed(call.aggregate("string_agg", f"{values[0].sql}, {separator}", ordered=True), VARCHAR)


BUILT: dict[str, Builder] = {
    "sum": _sum,
    "avg": _avg,
    "approx_percentile": _approx_percentile,
    "listagg": _listagg,
}
