"""Literals: numbers, texts, intervals, the moment of the query."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql import operators
from local.athena.sql.coercion import Typed
from local.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL_DAY,
    INTERVAL_YEAR,
    JSON,
    TIMESTAMP,
    TIMESTAMP_TZ,
    UNKNOWN,
    VARBINARY,
    Type,
    decimal,
    text,
)

if TYPE_CHECKING:
    from local.athena.sql.expressions import Expressions


def literal(compiler: Expressions, node: exp.Literal) -> Typed:
    if node.is_string:
        return Typed(text(node.this), Type("varchar", (len(node.this),)), literal=node.this)
    return _number(node.this, compiler.place(node))


def _number(written: str, where: tuple[int, int] | None) -> Typed:
    if re.fullmatch(r"-?\d+", written):
        value = int(written)
        if not -(2**63) <= value < 2**63:
            raise QueryError("INVALID_LITERAL", f"Invalid numeric literal: {written}", where)
        type_ = INTEGER if -(2**31) <= value < 2**31 else BIGINT
        return Typed(f"CAST({written} AS {type_.name.upper()})", type_, literal=value)
    if re.fullmatch(r"-?\d*\.\d*", written):
        whole, _, fraction = written.lstrip("-").partition(".")
        whole = whole.lstrip("0")
        type_ = decimal(max(1, len(whole) + len(fraction)), len(fraction))
        return Typed(
            f"CAST({text(written)} AS DECIMAL({type_.arguments[0]},{type_.arguments[1]}))", type_, literal=written
        )
    return Typed(f"CAST({text(written)} AS DOUBLE)", DOUBLE, literal=float(written))


def negative(compiler: Expressions, node: exp.Neg) -> Typed:
    if isinstance(node.this, exp.Literal) and not node.this.is_string:
        return _number("-" + node.this.this, compiler.place(node))
    return operators.negate(compiler.compile(node.this), compiler.place(node))


def truth(compiler: Expressions, node: exp.Boolean) -> Typed:
    return Typed("true" if node.this else "false", BOOLEAN)


def null(compiler: Expressions, node: exp.Null) -> Typed:
    return Typed("NULL", UNKNOWN)


def binary(compiler: Expressions, node: exp.HexString) -> Typed:
    return Typed(f"from_hex({text(node.name)})", VARBINARY)


def json_literal(compiler: Expressions, node: exp.ParseJSON) -> Typed:
    return Typed(f"json({compiler.compile(node.this).sql})", JSON)


def interval(compiler: Expressions, node: exp.Interval) -> Typed:
    unit, sign, value = node.args.get("unit"), "", node.this
    if isinstance(value, exp.Neg):
        sign, value = "-", value.this
    written = sign + value.name
    if isinstance(unit, exp.IntervalSpan):
        raise QueryError(
            "NOT_SUPPORTED",
            "Intervals from one unit to another are not supported on this machine: write one unit",
            compiler.place(node),
        )
    name = (unit.name if unit is not None else "").upper().rstrip("S")
    if not re.fullmatch(r"[+-]*\d+(\.\d+)?", written) or name not in (
        "YEAR",
        "MONTH",
        "WEEK",
        "DAY",
        "HOUR",
        "MINUTE",
        "SECOND",
    ):
        raise QueryError("INVALID_LITERAL", f"'{written}' is not a valid INTERVAL literal", compiler.place(node))
    type_ = INTERVAL_YEAR if name in ("YEAR", "MONTH") else INTERVAL_DAY
    return Typed(f"CAST('{written.replace('--', '')} {name.lower()}' AS INTERVAL)", type_)


def moment(compiler: Expressions, node: exp.Expr) -> Typed:
    if isinstance(node, exp.CurrentDate):
        return Typed("CAST(timezone('UTC', now()) AS DATE)", DATE)
    if isinstance(node, exp.Localtimestamp):
        return Typed("date_trunc('millisecond', timezone('UTC', now()))", TIMESTAMP)
    return Typed("date_trunc('millisecond', now())", TIMESTAMP_TZ)
