"""One SELECT compiled: which columns it reads, groups, orders and gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql import relations
from local.athena.sql.coercion import Typed
from local.athena.sql.expressions import Expressions, direction
from local.athena.sql.grouping import groups
from local.athena.sql.model import Column, Compiled
from local.athena.sql.order import limit, ordinal
from local.athena.sql.parser import place
from local.athena.sql.scope import Scope

if TYPE_CHECKING:
    from local.athena.sql.queries import Queries

_KNOWN_CLAUSES = {
    "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "windows",
    "with_", "kind", "hint", "operation_modifiers", "this", "expression", "alias", "by_name", "side", "on",
}  # fmt: skip


def refuse_foreign(text: str, node: exp.Expr) -> None:
    """What sqlglot reads in a query and Athena does not know is a SYNTAX_ERROR."""
    for name, value in node.args.items():
        if value and name not in _KNOWN_CLAUSES:
            raise QueryError(
                "SYNTAX_ERROR", f"{name.rstrip('_').upper()} is not part of Athena's queries", place(text, node)
            )
    distinct = node.args.get("distinct")
    if isinstance(distinct, exp.Distinct) and distinct.args.get("on") is not None:
        raise QueryError("SYNTAX_ERROR", "mismatched input 'ON'", place(text, node))


class Select:
    """Compiles one SELECT; `compile` once, clause by clause in the order in which Trino looks at them."""

    def __init__(self, queries: Queries, node: exp.Select, outer: Scope | None) -> None:
        refuse_foreign(queries.text, node)
        self.queries = queries
        self.node = node
        self.relation = relations.from_clause(queries, node, outer)
        self.scope = Scope(self.relation.fields if self.relation else (), outer)
        self.items = list(relations.expand(queries, node, self.relation))
        self.clause = Expressions(queries, self.scope, "SELECT clause", aggregates=True, windows=self._windows())
        self.values: list[Typed] = []

    def compile(self) -> Compiled:
        """Raises QueryError."""
        where = self._where()
        self.grouped = groups(self.queries, self.node, self.scope, self.items)
        self.clause.grouping = self.grouped.expressions
        self.scope.grouped.update(self.grouped.expressions)
        self.scope.loose.clear()
        for item in self.items:
            self.values.append(self._value(item))
            self._check_grouped(item.node, self.grouped.written)
        having = self._having()
        order = self._order()
        if self.clause.aggregated and not self.grouped.written:
            self._check_single_group()
        sql = (
            f"SELECT {'DISTINCT ' if self.node.args.get('distinct') else ''}"
            + ", ".join(f"{value.sql} AS c{number}" for number, value in enumerate(self.values, 1))
            + (f" FROM {self.relation.sql}" if self.relation else "")
            + where
            + self.grouped.sql
            + having
            + order
            + limit(self.queries.text, self.node)
        )
        return Compiled(sql, tuple(self._columns()))

    def _columns(self) -> Iterator[Column]:
        for item, value in zip(self.items, self.values, strict=True):
            yield Column(item.name, value.type, value.zone)

    def _windows(self) -> dict[str, exp.Window]:
        return {window.name.lower(): window for window in self.node.args.get("windows") or []}

    def _where(self) -> str:
        where = self.node.args.get("where")
        if where is None:
            return ""
        return f" WHERE {Expressions(self.queries, self.scope, 'WHERE clause').boolean(where.this, 'WHERE clause')}"

    def _value(self, item: relations.Item) -> Typed:
        if item.value is None:
            return self.clause.compile(item.node)
        if item.value.sql not in self.grouped.expressions:
            self.scope.loose.add(item.value.sql)
        return item.value

    def _having(self) -> str:
        having = self.node.args.get("having")
        if having is None:
            return ""
        self.clause.clause = "HAVING clause"
        if not self.grouped.written:
            self.scope.loose.clear()
        condition = self.clause.boolean(having.this, "HAVING clause")
        self.clause.aggregated = True
        self._check_grouped(having.this, True)
        return f" HAVING {condition}"

    # ---- groups ----

    def _check_grouped(self, node: exp.Expr, grouped: bool) -> None:
        """No column may stand outside of aggregates and of what is grouped by."""
        if grouped and self.scope.loose:
            raise self._not_aggregate(node)

    def _check_single_group(self) -> None:
        """An aggregate without GROUP BY makes one group of all rows: the other columns must be aggregates too."""
        for item in self.items:
            scope = Scope(self.scope.fields, self.scope.outer)
            if item.value is None:
                Expressions(self.queries, scope, "SELECT clause", aggregates=True, windows=self._windows()).compile(
                    item.node
                )
            if item.value is not None or scope.loose & {field.sql for field in scope.fields}:
                raise self._not_aggregate(item.node)

    def _not_aggregate(self, node: exp.Expr) -> QueryError:
        shown = node.this if isinstance(node, exp.Alias) else node
        return QueryError(
            "EXPRESSION_NOT_AGGREGATE",
            f"'{shown.sql(dialect='trino').lower()}' must be an aggregate expression or appear in GROUP BY clause",
            place(self.queries.text, node),
        )

    # ---- ORDER BY ----

    def _order(self) -> str:
        order = self.node.args.get("order")
        if order is None:
            return ""
        self.clause.clause = "ORDER BY clause"
        for item, value in zip(self.items, self.values, strict=True):
            if item.name and item.aliased:
                self.clause.aliases.setdefault(item.name.lower(), []).append(value)
        if not self.grouped.written:
            self.scope.loose.clear()
        shown = [self._ordered(ordered) + direction(ordered) for ordered in order.expressions]
        return f" ORDER BY {', '.join(shown)}"

    def _ordered(self, ordered: exp.Ordered) -> str:
        """The position of a column of the result, or an expression that is none of them."""
        number = ordinal(self.queries.text, ordered.this, len(self.values))
        if number is not None:
            return str(number)
        value = self.clause.compile(ordered.this)
        self._check_grouped(ordered.this, self.grouped.written)
        for position, one in enumerate(self.values, 1):
            if one.sql == value.sql:
                return str(position)
        if self.node.args.get("distinct"):
            raise QueryError(
                "EXPRESSION_NOT_IN_DISTINCT",
                "For SELECT DISTINCT, ORDER BY expressions must appear in select list",
                place(self.queries.text, ordered),
            )
        return value.sql
