"""Calls of functions, with the syntax of their own that some have, and with FILTER, OVER and DISTINCT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql import functions
from local.athena.sql.calls import Call
from local.athena.sql.coercion import Typed
from local.athena.sql.windows import over

if TYPE_CHECKING:
    from local.athena.sql.expressions import Expressions


def function(compiler: Expressions, node: exp.Anonymous) -> Typed:
    if not isinstance(node.this, str):
        raise QueryError("FUNCTION_NOT_FOUND", f"Function '{node.name}' not registered", compiler.place(node))
    return _function(compiler, node.this.lower(), node.expressions, node)


def extract(compiler: Expressions, node: exp.Extract) -> Typed:
    return _function(compiler, node.name.lower(), [node.expression], node)


def substring(compiler: Expressions, node: exp.Substring) -> Typed:
    parts = [node.this, node.args.get("start"), node.args.get("length")]
    return _function(compiler, "substring", [part for part in parts if part is not None], node)


def position(compiler: Expressions, node: exp.StrPosition) -> Typed:
    return _function(compiler, "strpos", [node.this, node.args["substr"]], node)


def trim(compiler: Expressions, node: exp.Trim) -> Typed:
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
    characters = node.args.get("expression")
    return _function(compiler, name, [node.this] + ([characters] if characters is not None else []), node)


def list_aggregate(compiler: Expressions, node: exp.GroupConcat) -> Typed:
    value, order = node.this, []
    if isinstance(value, exp.Order):
        value, order = value.this, value.expressions
    distinct = isinstance(value, exp.Distinct)
    value = value.expressions[0] if isinstance(value, exp.Distinct) else value
    separator = node.args.get("separator")
    nodes = [value] + ([separator] if separator is not None else [])
    return _aggregate(compiler, Call("listagg", nodes, compiler, compiler.place(node), distinct, order))


def filtered(compiler: Expressions, node: exp.Filter) -> Typed:
    return _modified(compiler, node, None)


def window(compiler: Expressions, node: exp.Window) -> Typed:
    if compiler.windows is None:
        raise _misplaced(compiler, node)
    return _modified(compiler, node.this, node)


def nulls(compiler: Expressions, node: exp.Expr) -> Typed:
    return _modified(compiler, node, None)


def _modified(compiler: Expressions, node: exp.Expr, window: exp.Window | None) -> Typed:
    """A function with FILTER, IGNORE NULLS or OVER around it."""
    condition, nulls = None, ""
    while isinstance(node, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
        if isinstance(node, exp.Filter):
            condition = node.expression.this
        elif isinstance(node, exp.IgnoreNulls):
            nulls = " IGNORE NULLS"
        node = node.this
    if isinstance(node, exp.GroupConcat) or not isinstance(node, exp.Anonymous):
        raise QueryError("NOT_SUPPORTED", "FILTER and OVER need an aggregate or window function", compiler.place(node))
    return _function(
        compiler, node.name.lower(), node.expressions, node, condition=condition, nulls=nulls, window=window
    )


def _function(
    compiler: Expressions,
    name: str,
    nodes: Sequence[exp.Expr],
    node: exp.Expr,
    *,
    condition: exp.Expr | None = None,
    nulls: str = "",
    window: exp.Window | None = None,
) -> Typed:
    where = compiler.place(node)
    call = Call(name, nodes, compiler, where, nulls=nulls)
    _take_modifiers(call)
    if window is None and condition is None and functions.is_scalar(name):
        return functions.build(call)
    if not functions.exists(name):
        raise QueryError("FUNCTION_NOT_FOUND", f"Function '{name}' not registered", where)
    before = set(compiler.scope.loose)
    if condition is not None:
        with compiler.within(name):
            call.suffix = f" FILTER (WHERE {compiler.boolean(condition, 'FILTER clause')})"
    if window is not None and condition is not None:
        raise QueryError("NOT_SUPPORTED", "FILTER is not yet supported for window functions", where)
    if window is not None:
        return _windowed(compiler, call, window)
    compiler.scope.loose.intersection_update(before)
    if functions.is_window_only(name):
        raise QueryError("MISSING_OVER", f"Window function {name} requires an OVER clause", where)
    return _aggregate(compiler, call)


def _windowed(compiler: Expressions, call: Call, window: exp.Window) -> Typed:
    if functions.is_scalar(call.name):
        raise QueryError("FUNCTION_NOT_WINDOW", f"Not a window function: {call.name}", call.where)
    call.suffix += over(compiler, window)
    call.compile()
    return functions.build(call)


def _aggregate(compiler: Expressions, call: Call) -> Typed:
    if not compiler.aggregates:
        raise _misplaced(compiler, call)
    if compiler.within_aggregate:
        raise QueryError(
            "NESTED_AGGREGATION",
            f"Cannot nest aggregations inside aggregation '{compiler.within_aggregate}': [{call.name}]",
            call.where,
        )
    before = set(compiler.scope.loose)
    with compiler.within(call.name):
        call.compile()
        found = functions.build(call)
    compiler.scope.loose.intersection_update(before)
    compiler.aggregated = True
    return found


def _misplaced(compiler: Expressions, call: Any) -> QueryError:
    return QueryError(
        "EXPRESSION_NOT_SCALAR",
        f"{compiler.clause} cannot contain aggregations, window functions or grouping operations: "
        f"[{call.name if isinstance(call, Call) else 'window function'}]",
        call.where if isinstance(call, Call) else compiler.place(call),
    )


def _take_modifiers(call: Call) -> None:
    """DISTINCT, ORDER BY and IGNORE NULLS from inside of the parentheses."""
    nodes = list(call.nodes)
    if nodes and isinstance(nodes[-1], exp.Order):
        call.order = nodes[-1].expressions
        nodes[-1] = nodes[-1].this
    for number, node in enumerate(nodes):
        if isinstance(node, exp.IgnoreNulls):
            call.nulls, nodes[number] = " IGNORE NULLS", node.this
    if nodes and isinstance(nodes[0], exp.Distinct):
        call.distinct = True
        nodes = [*nodes[0].expressions, *nodes[1:]]
    if nodes and isinstance(nodes[0], exp.Star):
        nodes = nodes[1:]
    call.nodes = nodes
