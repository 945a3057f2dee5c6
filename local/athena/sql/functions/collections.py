"""Arrays, maps and rows, with the functions that take lambdas."""

from __future__ import annotations

import re
from collections.abc import Sequence

from local.athena.sql.calls import Call
from local.athena.sql.casts import cast, castable
from local.athena.sql.coercion import Typed, coerce, common
from local.athena.sql.signatures import Builder
from local.athena.types import BIGINT, DATE, INTERVAL_DAY, INTERVAL_YEAR, VARCHAR, Type, array, map_of, to_duckdb

DECLARED = {
    "cardinality(array(T)) -> bigint": "len({0})",
    "cardinality(map(K, V)) -> bigint": "CAST(cardinality({0}) AS BIGINT)",
    "contains(array(T), T) -> boolean": "athena_contains({0}, {1})",
    "array_distinct(array(T)) -> array(T)": "athena_array_distinct({0})",
    "array_sort(array(T)) -> array(T)": "list_sort({0}, 'ASC', 'NULLS LAST')",
    "array_max(array(T)) -> T": "CASE WHEN len(list_filter({0}, lambda e: e IS NULL)) = 0 THEN list_max({0}) END",
    "array_min(array(T)) -> T": "CASE WHEN len(list_filter({0}, lambda e: e IS NULL)) = 0 THEN list_min({0}) END",
    "array_position(array(T), T) -> bigint": "CAST(coalesce(list_position({0}, {1}), 0) AS BIGINT)",
    "array_remove(array(T), T) -> array(T)": "list_filter({0}, lambda e: e IS DISTINCT FROM {1})",
    "array_union(array(T), array(T)) -> array(T)": "athena_array_distinct(list_concat({0}, {1}))",
    "array_intersect(array(T), array(T)) -> array(T)": "athena_array_both({0}, {1})",
    "array_except(array(T), array(T)) -> array(T)": "athena_array_without({0}, {1})",
    "arrays_overlap(array(T), array(T)) -> boolean": "list_has_any({0}, {1})",
    "slice(array(T), bigint, bigint) -> array(T)": "athena_slice({0}, {1}, {2})",
    "flatten(array(array(T))) -> array(T)": "flatten({0})",
    "repeat(T, integer) -> array(T)": "list_transform(range({1}), lambda i: {0})",
    "trim_array(array(T), bigint) -> array(T)": "{0}[1:len({0}) - {1}]",
    "element_at(array(T), bigint) -> T": "athena_element_at({0}, {1})",
    "element_at(map(K, V), K) -> V": "{0}[{1}]",
    "map() -> map(unknown, unknown)": "MAP {}",
    "map(array(K), array(V)) -> map(K, V)": "map({0}, {1})",
    "map_keys(map(K, V)) -> array(K)": "map_keys({0})",
    "map_values(map(K, V)) -> array(V)": "map_values({0})",
    "map_entries(map(K, V)) -> array(row(K, V))": "athena_entries({0})",
    "map_from_entries(array(row(K, V))) -> map(K, V)": "map_from_entries({0})",
    "map_concat(map(K, V), map(K, V)...) -> map(K, V)": "map_concat({*})",
    "transform(array(T), lambda(T, U)) -> array(U)": "list_transform({0}, {1})",
    "filter(array(T), lambda(T, boolean)) -> array(T)": "list_filter({0}, {1})",
    "any_match(array(T), lambda(T, boolean)) -> boolean": "list_bool_or(list_transform({0}, {1}))",
    "all_match(array(T), lambda(T, boolean)) -> boolean": "coalesce(list_bool_and(list_transform({0}, {1})), {0} = [])",
    "none_match(array(T), lambda(T, boolean)) -> boolean": "athena_none(list_transform({0}, {1}))",
}


def row(values: Sequence[Typed]) -> Typed:
    """A row of fields without names."""
    fields = ", ".join(f"'field{number}': {value.sql}" for number, value in enumerate(values))
    return Typed(f"{{{fields}}}", Type("row", (), tuple(value.type for value in values), ("",) * len(values)))


def _row(call: Call) -> Typed:
    return row(call.values)


def _array_join(call: Call) -> Typed:
    values = call.expect(2, 3)
    if values[0].type.name != "array":
        raise call.unexpected("an array")
    if not castable(values[0].type, array(VARCHAR)):
        raise call.unexpected("an array of simple values")
    texts = cast(values[0], array(VARCHAR), False).sql
    if len(values) == 3:
        null = values[2].sql
        texts = f"list_transform({texts}, lambda e: coalesce(e, {null}))"
    return Typed(f"athena_array_join({texts}, {values[1].sql})", VARCHAR)


def _sequence(call: Call) -> Typed:
    """Numbers, days or moments from one to the other, both included."""
    values = call.expect(2, 3)
    start, stop = values[:2]
    if start.type.is_integer and stop.type.is_integer:
        step = (
            coerce(values[2], BIGINT).sql
            if len(values) == 3
            else f"CASE WHEN {start.sql} <= {stop.sql} THEN 1 ELSE -1 END"
        )
        return Typed(
            f"generate_series({coerce(start, BIGINT).sql}, {coerce(stop, BIGINT).sql}, CAST({step} AS BIGINT))",
            array(BIGINT),
        )
    wanted = common(start.type, stop.type)
    if wanted is None or wanted.name not in ("date", "timestamp"):
        raise call.unexpected("numbers, dates or timestamps")
    if len(values) == 3 and values[2].type not in (INTERVAL_DAY, INTERVAL_YEAR):
        raise call.unexpected("an interval as the step")
    if len(values) == 2 and wanted != DATE:
        raise call.unexpected("an interval as the step")
    step = values[2].sql if len(values) == 3 else "INTERVAL 1 DAY"
    moments = f"generate_series(CAST({start.sql} AS TIMESTAMP), CAST({stop.sql} AS TIMESTAMP), {step})"
    if len(values) == 3 and values[2].type == INTERVAL_YEAR:
        # Each step counts from the start: 31 January plus two months is 31 March.
        moments = (
            f"athena_month_series(CAST({start.sql} AS TIMESTAMP), CAST({stop.sql} AS TIMESTAMP), athena_months({step}))"
        )
    return Typed(f"CAST({moments} AS {to_duckdb(wanted)}[])", array(wanted))


def _reduce(call: Call) -> Typed:
    """reduce(array, start, (state, element) -> state, state -> result)"""
    if len(call.arguments) != 4 or call.arguments[0] is None or call.arguments[1] is None:
        raise call.unexpected("an array, a start and two lambdas")
    items, state = call.arguments[0], call.arguments[1]
    if items.type.name != "array":
        raise call.unexpected("an array, a start and two lambdas")
    element = items.type.children[0]
    _, body = call.lambda_(2, [state.type, element])
    wanted = common(state.type, body.type) or body.type
    names, step = call.compiler.lambda_body(call.nodes[2], [wanted, element])
    final_names, final = call.compiler.lambda_body(call.nodes[3], [wanted])
    # DuckDB reduces a list to one of its own elements, so states and elements travel side by side in one struct.
    one, other = call.compiler.queries.names.new("x"), call.compiler.queries.names.new("x")
    stepped = _substitute(coerce(step, wanted).sql, {names[0]: f"{one}.s", names[1]: f"{other}.e"})
    no_state, no_element = f"CAST(NULL AS {to_duckdb(wanted)})", f"CAST(NULL AS {to_duckdb(element)})"
    pairs = f"list_transform({items.sql}, lambda {names[1]}: {{'s': {no_state}, 'e': {names[1]}}})"
    first = f"{{'s': {coerce(state, wanted).sql}, 'e': {no_element}}}"
    reduced = f"list_reduce({pairs}, lambda {one}, {other}: {{'s': {stepped}, 'e': {no_element}}}, {first}).s"
    return Typed(f"list_transform([{reduced}], lambda {final_names[0]}: {final.sql})[1]", final.type)


def _substitute(sql: str, names: dict[str, str]) -> str:
    """Variables replaced by expressions; they are unique words of the compiler's own."""
    return re.sub(r"\bx\d+\b", lambda found: names.get(found.group(), found.group()), sql)


def _zip(call: Call) -> Typed:
    values = call.values
    if len(values) < 2 or any(value.type.name != "array" for value in values):
        raise call.unexpected("arrays")
    element = Type("row", (), tuple(value.type.children[0] for value in values), ("",) * len(values))
    zipped = f"list_zip({', '.join(value.sql for value in values)})"
    fields = ", ".join(f"'field{number}': struct_extract_at(e, {number + 1})" for number in range(len(values)))
    return Typed(f"list_transform({zipped}, lambda e: {{{fields}}})", array(element))


def _zip_with(call: Call) -> Typed:
    one, other = call.arguments[0], call.arguments[1]
    if len(call.arguments) != 3 or one is None or other is None or {one.type.name, other.type.name} != {"array"}:
        raise call.unexpected("two arrays and a lambda")
    types = [one.type.children[0], other.type.children[0]]
    names, body = call.compiler.lambda_body(call.nodes[2], types)
    pair = call.compiler.queries.names.new("x")
    shown = _substitute(
        body.sql, {name: f"struct_extract_at({pair}, {number})" for number, name in enumerate(names, 1)}
    )
    return Typed(f"list_transform(list_zip({one.sql}, {other.sql}), lambda {pair}: {shown})", array(body.type))


def _over_entries(call: Call, number: int) -> tuple[Typed, str, Typed]:
    """A map, the variable of its entries, and a lambda over (key, value) written for that variable."""
    given = call.arguments[0] if call.arguments else None
    if given is None or given.type.name != "map" or len(call.arguments) != 2:
        raise call.unexpected("a map and a lambda")
    names, body = call.compiler.lambda_body(call.nodes[number], given.type.children)
    entry = call.compiler.queries.names.new("x")
    shown = _substitute(body.sql, {names[0]: f"{entry}.key", names[1]: f"{entry}.value"})
    return given, entry, Typed(shown, body.type)


def _map_filter(call: Call) -> Typed:
    given, entry, body = _over_entries(call, 1)
    return Typed(f"map_from_entries(list_filter(map_entries({given.sql}), lambda {entry}: {body.sql}))", given.type)


def _transform_values(call: Call) -> Typed:
    given, entry, body = _over_entries(call, 1)
    entries = f"list_transform(map_entries({given.sql}), lambda {entry}: {{'key': {entry}.key, 'value': {body.sql}}})"
    return Typed(f"map_from_entries({entries})", map_of(given.type.children[0], body.type))


def _transform_keys(call: Call) -> Typed:
    given, entry, body = _over_entries(call, 1)
    entries = f"list_transform(map_entries({given.sql}), lambda {entry}: {{'key': {body.sql}, 'value': {entry}.value}})"
    return Typed(f"map_from_entries({entries})", map_of(body.type, given.type.children[1]))


def _array_sort(call: Call) -> Typed:
    values = call.expect(1)
    if values[0].type.name != "array":
        raise call.unexpected("an array; an order of its own (a lambda) is not supported on this machine")
    return Typed(f"list_sort({values[0].sql}, 'ASC', 'NULLS LAST')", values[0].type)


BUILT: dict[str, Builder] = {
    "row": _row,
    "array_join": _array_join,
    "sequence": _sequence,
    "reduce": _reduce,
    "zip": _zip,
    "zip_with": _zip_with,
    "map_filter": _map_filter,
    "transform_values": _transform_values,
    "transform_keys": _transform_keys,
    "array_sort": _array_sort,
}
