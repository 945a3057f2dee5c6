"""Values made of other values: arithmetic, CASE, CAST, arrays and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql import functions, operators
from local.athena.sql.casts import cast as converted
from local.athena.sql.casts import castable
from local.athena.sql.coercion import UTC, Typed, coerce
from local.athena.sql.parser import operator_place
from local.athena.types import (
    TIMESTAMP_TZ,
    UNKNOWN,
)
from local.athena.types import array as array_of
from local.athena.types import parse as parse_type

if TYPE_CHECKING:
    from local.athena.sql.expressions import Expressions

_SIGNS = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}


def arithmetic(compiler: Expressions, node: exp.Binary) -> Typed:
    one, other = compiler.compile(node.this), compiler.compile(node.expression)
    return operators.arithmetic(_SIGNS[type(node)], one, other, operator_place(compiler.queries.text, node))


def concatenation(compiler: Expressions, node: exp.DPipe) -> Typed:
    return operators.concatenate(
        compiler.compile(node.this), compiler.compile(node.expression), operator_place(compiler.queries.text, node)
    )


def subscript(compiler: Expressions, node: exp.Bracket) -> Typed:
    return operators.subscript(compiler.compile(node.this), compiler.compile(node.expressions[0]), compiler.place(node))


def at_time_zone(compiler: Expressions, node: exp.AtTimeZone) -> Typed:
    value = compiler.compile(node.this)
    zone = compiler.compile(node.args["zone"])
    if not value.type.name.startswith("timestamp"):
        raise operators.mismatch(
            f"Type of value must be a time or timestamp with or without time zone (actual {value.type})",
            compiler.place(node),
        )
    return Typed(coerce(value, TIMESTAMP_TZ).sql, TIMESTAMP_TZ, zone.sql)


def array(compiler: Expressions, node: exp.Array) -> Typed:
    values, element = operators.unify(
        [compiler.compile(one) for one in node.expressions], "ARRAY elements", compiler.place(node)
    )
    return Typed(f"[{', '.join(value.sql for value in values)}]", array_of(element))


def row(compiler: Expressions, node: exp.Tuple) -> Typed:
    return functions.row([compiler.compile(one) for one in node.expressions])


def case(compiler: Expressions, node: exp.Case) -> Typed:
    subject = compiler.compile(node.this) if node.this is not None else None
    conditions, results = [], []
    for branch in node.args["ifs"]:
        if subject is None:
            conditions.append(compiler.boolean(branch.this, "CASE WHEN clause"))
        else:
            value = compiler.compile(branch.this)
            conditions.append(operators.compare("=", subject, value, compiler.place(branch.this)).sql)
        results.append(compiler.compile(branch.args["true"]))
    default = node.args.get("default")
    results.append(compiler.compile(default) if default is not None else Typed("NULL", UNKNOWN))
    unified, type_ = operators.unify(results, "CASE results", compiler.place(node))
    branches = " ".join(
        f"WHEN {condition} THEN {value.sql}" for condition, value in zip(conditions, unified[:-1], strict=True)
    )
    return Typed(f"CASE {branches} ELSE {unified[-1].sql} END", type_, _zone(results))


def choice(compiler: Expressions, node: exp.If) -> Typed:
    results = [compiler.compile(node.args["true"])]
    otherwise = node.args.get("false")
    results.append(compiler.compile(otherwise) if otherwise is not None else Typed("NULL", UNKNOWN))
    condition = compiler.boolean(node.this, "IF condition")
    unified, type_ = operators.unify(results, "IF results", compiler.place(node))
    return Typed(f"CASE WHEN {condition} THEN {unified[0].sql} ELSE {unified[1].sql} END", type_, _zone(results))


def cast(compiler: Expressions, node: exp.Cast) -> Typed:
    given = compiler.compile(node.this)
    written = node.args["to"].sql(dialect="trino")
    try:
        wanted = parse_type(written)
    except ValueError:
        raise operators.mismatch(f"Unknown type: {written.lower()}", compiler.place(node)) from None
    if wanted.name == "char":
        raise QueryError("NOT_SUPPORTED", "char is not supported on this machine: use varchar", compiler.place(node))
    if wanted.name == "timestamp with time zone" and isinstance(given.literal, str):
        return functions.zoned_literal(given.literal, wanted, compiler.place(node))
    if not castable(given.type, wanted):
        raise operators.mismatch(f"Cannot cast {given.type} to {wanted}", compiler.place(node))
    return converted(given, wanted, isinstance(node, exp.TryCast))


def parentheses(compiler: Expressions, node: exp.Paren) -> Typed:
    return compiler.compile(node.this)


def _zone(values: Sequence[Typed]) -> str:
    zones = {value.zone for value in values if value.type.name == "timestamp with time zone"}
    return zones.pop() if len(zones) == 1 else UTC
