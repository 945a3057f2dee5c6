"""FROM and the list behind SELECT: tables, subqueries, joins, UNNEST, and what * stands for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql.coercion import Typed, coerce, common
from local.athena.sql.expressions import Expressions
from local.athena.sql.parser import place
from local.athena.sql.scope import Field, Relation, Scope
from local.athena.sql.unnest import alias_of, unnest

if TYPE_CHECKING:
    from local.athena.sql.queries import Queries


@dataclass(frozen=True)
class Item:
    """One column of the SELECT list. value: the column itself, where * stood. aliased: whether it has a name of its
    own."""

    node: exp.Expr
    name: str | None
    value: Typed | None = None
    aliased: bool = False


# ---- the SELECT list ----------------------------------------------------------------------------------------------


def expand(queries: Queries, node: exp.Select, relation: Relation | None) -> Iterator[Item]:
    for expression in node.expressions:
        star = expression.this if isinstance(expression, exp.Column) else expression
        if isinstance(star, exp.Star):
            yield from _star(queries, expression, relation)
        elif isinstance(expression, exp.Alias):
            yield Item(expression.this, expression.alias, aliased=True)
        else:
            yield Item(expression, _own_name(expression))


def _own_name(expression: exp.Expr) -> str | None:
    if isinstance(expression, exp.Column):
        return str(expression.name)
    if isinstance(expression, exp.Dot):
        return str(expression.expression.name)
    return None


def _star(queries: Queries, expression: exp.Expr, relation: Relation | None) -> Iterator[Item]:
    where = place(queries.text, expression)
    if relation is None:
        raise QueryError("COLUMN_NOT_FOUND", "SELECT * not allowed in queries without FROM clause", where or (1, 1))
    qualifier = tuple(part.name.lower() for part in expression.parts[:-1]) if isinstance(expression, exp.Column) else ()
    chosen = [
        field
        for field in relation.fields
        if not field.hidden and (not qualifier or field.qualifier[-len(qualifier) :] == qualifier)
    ]
    if not chosen:
        raise QueryError("TABLE_NOT_FOUND", f"Unable to resolve reference {'.'.join(qualifier)}", where)
    for field in chosen:
        yield Item(expression, field.name, field.typed)


# ---- FROM ---------------------------------------------------------------------------------------------------------


def from_clause(queries: Queries, node: exp.Select, outer: Scope | None) -> Relation | None:
    clause = node.args.get("from_")
    if clause is None:
        return None
    return _with_joins(queries, clause.this, node.args.get("joins") or [], outer)


def _with_joins(queries: Queries, first: exp.Expr, joins: list[exp.Join], outer: Scope | None) -> Relation:
    relation = _one(queries, first, outer)
    for join in [*(first.args.get("joins") or []), *joins]:
        relation = _joined(queries, relation, join, outer)
    return relation


def _one(queries: Queries, node: exp.Expr, outer: Scope | None) -> Relation:
    if node.args.get("sample") is not None:
        raise QueryError("NOT_SUPPORTED", "TABLESAMPLE is not supported on this machine", place(queries.text, node))
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Values):
        # So sqlglot reads VALUES as the first relation inside of parentheses.
        return _named(queries, node, queries.query(node.this, outer).relation(queries.names.new("r")), "values")
    if isinstance(node, exp.Table):
        return _table(queries, node, outer)
    if isinstance(node, exp.Subquery):
        return _subquery(queries, node, outer)
    if isinstance(node, exp.Values):
        found = queries.query(without_alias(node), outer).relation(queries.names.new("r"))
        return _named(queries, node, found, "values")
    if isinstance(node, exp.Unnest):
        return unnest(queries, Relation("(SELECT 1 AS one) AS " + queries.names.new("r"), ()), node, outer)
    if isinstance(node, exp.Paren):
        return _with_joins(queries, node.this, [], outer)
    raise QueryError(
        "NOT_SUPPORTED",
        f"{type(node).__name__.upper()} in FROM is not supported on this machine",
        place(queries.text, node),
    )


def without_alias(node: exp.Expr) -> exp.Expr:
    """A copy of the node without its alias, which belongs to the relation and not to the query inside."""
    copy = node.copy()
    copy.set("alias", None)
    return copy


def _named(queries: Queries, node: exp.Expr, found: Relation, default: str | None) -> Relation:
    name, columns = alias_of(node)
    if name is None:
        return found
    return found.renamed(name, columns, place(queries.text, node))


def _table(queries: Queries, node: exp.Table, outer: Scope | None) -> Relation:
    where = place(queries.text, node)
    if not isinstance(node.this, exp.Identifier):
        raise QueryError("FUNCTION_NOT_FOUND", f"Table function '{node.this.name}' not registered", where)
    parts = [part.name.lower() for part in node.parts]
    name = parts[-1]
    if len(parts) == 1 and name in queries.with_queries:
        compiled, alias = queries.with_queries[name]
        shown = queries.names.new("r")
        found = compiled.relation(shown, (name,))
        if not queries.inline:
            found = replace(found, sql=f"{alias} AS {shown}")
        return _named(queries, node, found, name)
    if len(parts) > 3 or (len(parts) == 3 and parts[0] != "awsdatacatalog"):
        raise QueryError("CATALOG_NOT_FOUND", f"Catalog '{parts[0]}' does not exist", where)
    found = queries.table(parts[-2] if len(parts) > 1 else None, name, where)
    return _named(queries, node, found, name)


def _subquery(queries: Queries, node: exp.Subquery, outer: Scope | None) -> Relation:
    if isinstance(node.this, (exp.Table, exp.Subquery)) and (
        isinstance(node.this, exp.Table) or node.this.args.get("joins")
    ):
        # (a JOIN b) in parentheses is a relation, not a query.
        return _named(queries, node, _with_joins(queries, node.this, [], outer), None)
    found = queries.query(_detached(node), outer).relation(queries.names.new("r"))
    return _named(queries, node, found, None)


def _detached(node: exp.Subquery) -> exp.Expr:
    """The query inside of the parentheses, with the ORDER BY and LIMIT that belong to them."""
    if any(node.args.get(name) is not None for name in ("order", "limit", "offset", "with_")):
        copy = node.copy()
        copy.set("alias", None)
        copy.set("joins", None)
        return copy
    return node.this


def _joined(queries: Queries, left: Relation, join: exp.Join, outer: Scope | None) -> Relation:
    side, kind = str(join.args.get("side") or "").upper(), str(join.args.get("kind") or "").upper()
    method = str(join.args.get("method") or "").upper()
    if isinstance(join.this, exp.Unnest):
        if side not in ("", "LEFT") or (side == "LEFT" and not _is_true(join.args.get("on"))):
            raise QueryError(
                "NOT_SUPPORTED", "UNNEST takes CROSS JOIN, or LEFT JOIN with ON TRUE", place(queries.text, join)
            )
        return unnest(queries, left, join.this, outer, keep=side == "LEFT")
    lateral = isinstance(join.this, exp.Lateral)
    right = _lateral(queries, left, join.this, outer) if lateral else _with_joins(queries, join.this, [], outer)
    using = [name.name.lower() for name in join.args.get("using") or []]
    if method == "NATURAL":
        raise QueryError("NOT_SUPPORTED", "Natural join not supported", place(queries.text, join))
    if method:
        raise QueryError("SYNTAX_ERROR", f"mismatched input '{method}'", place(queries.text, join))
    word = f"{side} JOIN" if side in ("LEFT", "RIGHT", "FULL") else "JOIN"
    if using:
        return _using(queries, left, right, using, word, join)
    fields = left.fields + right.fields
    condition = join.args.get("on")
    if condition is None:
        if side or kind == "INNER":
            raise QueryError("SYNTAX_ERROR", "mismatched input. Expecting: 'ON', 'USING'", place(queries.text, join))
        return Relation(f"{left.sql} CROSS JOIN {right.sql}", fields)
    scope = Scope(fields, outer)
    shown = Expressions(queries, scope, "JOIN clause").boolean(condition, "JOIN ON clause")
    return Relation(f"{left.sql} {word} {right.sql} ON {shown}", fields)


def _is_true(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Boolean) and bool(node.this)


def _lateral(queries: Queries, left: Relation, node: exp.Lateral, outer: Scope | None) -> Relation:
    found = queries.query(node.this.unnest(), Scope(left.fields, outer)).relation(queries.names.new("r"))
    return _named(queries, node, replace(found, sql=f"LATERAL {found.sql}"), None)


def _using(  # noqa: PLR0917 - both sides of a join and how they are joined
    queries: Queries, left: Relation, right: Relation, using: list[str], word: str, join: exp.Join
) -> Relation:
    """USING gives each shared column once, first in the list and without a qualifier."""
    shared, conditions = [], []
    for name in using:
        sides = []
        for relation, which in ((left, "left"), (right, "right")):
            found = [field for field in relation.fields if field.known_as(name)]
            if len(found) != 1:
                problem = "is missing from" if not found else "is ambiguous in"
                raise QueryError(
                    "COLUMN_NOT_FOUND", f"Column '{name}' {problem} {which} side of join", place(queries.text, join)
                )
            sides.append(found[0].typed)
        wanted = common(sides[0].type, sides[1].type)
        if wanted is None:
            raise QueryError(
                "TYPE_MISMATCH",
                f"Column types of join using '{name}' do not fit: {sides[0].type}, {sides[1].type}",
                place(queries.text, join),
            )
        one, other = coerce(sides[0], wanted).sql, coerce(sides[1], wanted).sql
        conditions.append(f"{one} = {other}")
        value = {"LEFT JOIN": one, "JOIN": one, "RIGHT JOIN": other}.get(word, f"coalesce({one}, {other})")
        shared.append(Field(name, wanted, value))
    rest = [field for field in left.fields + right.fields if not any(map(field.known_as, using))]
    return Relation(f"{left.sql} {word} {right.sql} ON {' AND '.join(conditions)}", (*shared, *rest))
