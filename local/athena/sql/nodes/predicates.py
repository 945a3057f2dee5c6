"""Comparisons, logic and the questions that subqueries answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql import operators
from local.athena.sql.coercion import Typed, coerce, common
from local.athena.sql.parser import operator_place
from local.athena.types import (
    BOOLEAN,
    UNKNOWN,
    Type,
)

if TYPE_CHECKING:
    from local.athena.sql.expressions import Expressions
    from local.athena.sql.model import Compiled

_SIGNS = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}


def comparison(compiler: Expressions, node: exp.Binary) -> Typed:
    where = operator_place(compiler.queries.text, node)
    sign = _SIGNS[type(node)]
    one, right = compiler.compile(node.this), node.expression
    if isinstance(right, (exp.Any, exp.All)):
        return _quantified(compiler, one, f"{sign} {type(right).__name__.upper()}", right.this, where)
    if isinstance(right, exp.Anonymous) and right.name.lower() in ("all", "some"):
        quantifier = {"all": "ALL", "some": "ANY"}[right.name.lower()]
        return _quantified(compiler, one, f"{sign} {quantifier}", right.expressions[0], where)
    return operators.compare(sign, one, compiler.compile(right), where)


def _quantified(compiler: Expressions, one: Typed, sign: str, query: exp.Expr, where: tuple[int, int] | None) -> Typed:
    """= ANY (query), > ALL (query) and their like."""
    left, subquery = _of_same_type(compiler, one, sign, query, where)
    return Typed(f"({left} {sign} ({subquery}))", BOOLEAN)


def _of_same_type(
    compiler: Expressions, one: Typed, sign: str, query: exp.Expr, where: tuple[int, int] | None
) -> tuple[str, str]:
    """A value and a subquery of one column, both as their common type."""
    subquery = compiler.queries.nested(query.unnest() if isinstance(query, exp.Subquery) else query, compiler.scope)
    if sign == "IN" and len(subquery.columns) != 1:
        raise _of_other_rows(Type("row", (), (one.type,), ("",)), subquery, where)
    other = subquery.single(where)
    wanted = common(one.type, other.type)
    if wanted is None:
        raise operators.mismatch(f"Cannot apply operator: {one.type} {sign} {other.type}", where)
    column = coerce(replace(other, sql="q.c1"), wanted).sql
    return coerce(one, wanted).sql, f"SELECT {column} FROM ({subquery.sql}) AS q"


def distinct_from(compiler: Expressions, node: exp.Binary) -> Typed:
    sign = "IS NOT DISTINCT FROM" if isinstance(node, exp.NullSafeEQ) else "IS DISTINCT FROM"
    return operators.compare(
        sign,
        compiler.compile(node.this),
        compiler.compile(node.expression),
        operator_place(compiler.queries.text, node),
    )


def connector(compiler: Expressions, node: exp.Connector) -> Typed:
    sign = "AND" if isinstance(node, exp.And) else "OR"
    terms = [compiler.boolean(term, "Logical expression term") for term in node.flatten(unnest=False)]
    return Typed(f"({f' {sign} '.join(terms)})", BOOLEAN)


def negation(compiler: Expressions, node: exp.Not) -> Typed:
    return Typed(f"(NOT {compiler.boolean(node.this, 'Value of logical NOT expression')})", BOOLEAN)


def is_null(compiler: Expressions, node: exp.Is) -> Typed:
    if not isinstance(node.expression, exp.Null):
        raise QueryError("SYNTAX_ERROR", "mismatched input. Expecting: 'NULL', 'DISTINCT FROM'", compiler.place(node))
    sign = "IS NOT NULL" if node.args.get("negate") else "IS NULL"
    return Typed(f"({compiler.compile(node.this).sql} {sign})", BOOLEAN)


def between(compiler: Expressions, node: exp.Between) -> Typed:
    where = compiler.place(node)
    values = [compiler.compile(node.this), compiler.compile(node.args["low"]), compiler.compile(node.args["high"])]
    wanted = common(values[0].type, values[1].type)
    wanted = common(wanted, values[2].type) if wanted else None
    if wanted is None:
        types = " and ".join(str(value.type) for value in values[1:])
        raise operators.mismatch(f"Cannot check if {values[0].type} is BETWEEN {types}", where)
    value, low, high = (coerce(one, wanted).sql for one in values)
    return Typed(f"({value} BETWEEN {low} AND {high})", BOOLEAN)


def contained(compiler: Expressions, node: exp.In) -> Typed:
    where = compiler.place(node)
    value = compiler.compile(node.this)
    query = node.args.get("query")
    if query is not None and value.type.name == "row":
        return _row_contained(compiler, value, query, where)
    if query is not None:
        left, subquery = _of_same_type(compiler, value, "IN", query, where)
        return Typed(f"({left} IN ({subquery}))", BOOLEAN)
    values = [value, *map(compiler.compile, node.expressions)]
    unified, type_ = operators.unify(values, "IN value and list items", where)
    if type_.name == "row":
        equal = [operators.compare("=", unified[0], one, where).sql for one in unified[1:]]
        return Typed(f"({' OR '.join(equal)})", BOOLEAN)
    return Typed(f"({unified[0].sql} IN ({', '.join(one.sql for one in unified[1:])}))", BOOLEAN)


def _row_contained(compiler: Expressions, value: Typed, query: exp.Expr, where: tuple[int, int] | None) -> Typed:
    """(a, b) IN (query): unknown where a NULL stands in the way, as SQL has it."""
    subquery = compiler.queries.nested(query.unnest() if isinstance(query, exp.Subquery) else query, compiler.scope)
    if len(subquery.columns) != len(value.type.children):
        raise _of_other_rows(value.type, subquery, where)
    equal, possible = [], []
    for number, (child, column) in enumerate(zip(value.type.children, subquery.columns, strict=True), 1):
        one = Typed(f"struct_extract_at({value.sql}, {number})", child)
        other = Typed(f"q.c{number}", column.type, column.zone)
        equal.append(operators.compare("=", one, other, where).sql)
        possible.append(f"({equal[-1]} OR {one.sql} IS NULL OR {other.sql} IS NULL)")
    rows = f"SELECT 1 FROM ({subquery.sql}) AS q WHERE "
    return Typed(
        f"CASE WHEN EXISTS ({rows}{' AND '.join(equal)}) THEN true "
        f"WHEN NOT EXISTS ({rows}{' AND '.join(possible)}) THEN false END",
        BOOLEAN,
    )


def _of_other_rows(given: Type, subquery: Compiled, where: tuple[int, int] | None) -> QueryError:
    found = ", ".join(str(column.type) for column in subquery.columns)
    return operators.mismatch(
        f"Value expression and result of subquery must be of the same type: {given} vs row({found})", where
    )


def like(compiler: Expressions, node: exp.Expr, escape: str = "") -> Typed:
    value, pattern = compiler.compile(node.this), compiler.compile(node.expression)
    for one in (value, pattern):
        if not one.type.is_text and one.type != UNKNOWN:
            raise operators.mismatch(
                f"Left side of LIKE expression must evaluate to a varchar (actual: {one.type})", compiler.place(node)
            )
    negated = "NOT " if node.args.get("negate") else ""
    return Typed(f"({value.sql} {negated}LIKE {pattern.sql}{escape})", BOOLEAN)


def escaped(compiler: Expressions, node: exp.Escape) -> Typed:
    return like(compiler, node.this, f" ESCAPE {compiler.compile(node.expression).sql}")


def exists(compiler: Expressions, node: exp.Exists) -> Typed:
    inner = node.this.unnest() if isinstance(node.this, exp.Subquery) else node.this
    return Typed(f"EXISTS ({compiler.queries.nested(inner, compiler.scope).sql})", BOOLEAN)


def scalar_subquery(compiler: Expressions, node: exp.Expr) -> Typed:
    subquery = compiler.queries.nested(node.unnest() if isinstance(node, exp.Subquery) else node, compiler.scope)
    return replace(subquery.single(compiler.place(node)), sql=f"({subquery.sql})")
