"""Expressions compiled for DuckDB: every node of sqlglot's tree that Trino knows; any other is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql import operators
from local.athena.sql.coercion import Typed
from local.athena.sql.nodes import invocations, literals, names, predicates, values
from local.athena.sql.parser import place
from local.athena.sql.scope import Scope
from local.athena.types import Type

if TYPE_CHECKING:
    from local.athena.sql.queries import Queries


class Expressions:
    """Compiles the expressions of one clause.

    clause: how errors call it. aggregates, windows: whether it may hold them. grouping: the SQL of the expressions
    grouped by; a column used outside of them and of aggregates stays in the scope's `loose`.
    """

    def __init__(
        self,
        queries: Queries,
        scope: Scope,
        clause: str,
        aggregates: bool = False,
        windows: dict[str, exp.Window] | None = None,
    ) -> None:
        self.queries = queries
        self.scope = scope
        self.clause = clause
        self.aggregates = aggregates
        self.windows = windows
        self.grouping: frozenset[str] = frozenset()
        self.aliases: dict[str, list[Typed]] = {}
        self.aggregated = False
        self.within_aggregate: str | None = None
        self.variables: dict[str, Typed] = {}

    def place(self, node: exp.Expr) -> tuple[int, int] | None:
        return place(self.queries.text, node)

    def compile(self, node: exp.Expr) -> Typed:
        """One expression. Raises QueryError."""
        handler = HANDLERS.get(type(node))
        if handler is None:
            raise QueryError(
                "NOT_SUPPORTED", f"{type(node).__name__.upper()} is not supported on this machine", self.place(node)
            )
        before = set(self.scope.loose)
        found: Typed = handler(self, node)
        if found.sql in self.grouping:
            self.scope.loose.intersection_update(before)
        return found

    def boolean(self, node: exp.Expr, what: str) -> str:
        return operators.boolean(self.compile(node), what, self.place(node))

    def lambda_body(self, node: exp.Expr, types: Sequence[Type]) -> tuple[list[str], Typed]:
        """A lambda's parameters under new names, and its body."""
        names = [self.queries.names.new("x") for _ in types]
        kept = dict(self.variables)
        for parameter, name, type_ in zip(node.expressions, names, types, strict=True):
            self.variables[parameter.name.lower()] = Typed(name, type_)
        try:
            return names, self.compile(node.this)
        finally:
            self.variables = kept

    def order_by(self, items: Sequence[exp.Ordered]) -> str:
        """ORDER BY inside of an aggregate or a window, with the place of NULLs written out."""
        shown = [self.compile(item.this).sql + direction(item) for item in items]
        return f" ORDER BY {', '.join(shown)}" if shown else ""

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        grouping, self.grouping = self.grouping, frozenset()
        self.within_aggregate = name
        try:
            yield
        finally:
            self.within_aggregate, self.grouping = None, grouping


def direction(item: exp.Ordered) -> str:
    """Trino puts NULLs last in both directions unless told otherwise."""
    return (" DESC" if item.args.get("desc") else " ASC") + (
        " NULLS FIRST" if item.args.get("nulls_first") else " NULLS LAST"
    )


HANDLERS: dict[type[exp.Expr], Callable[[Expressions, Any], Typed]] = {
    exp.Column: names.column,
    exp.Dot: names.dot,
    exp.Identifier: names.variable,
    exp.Literal: literals.literal,
    exp.Boolean: literals.truth,
    exp.Null: literals.null,
    exp.HexString: literals.binary,
    exp.ParseJSON: literals.json_literal,
    exp.Interval: literals.interval,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), values.arithmetic),
    exp.Neg: literals.negative,
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE), predicates.comparison),
    exp.NullSafeEQ: predicates.distinct_from,
    exp.NullSafeNEQ: predicates.distinct_from,
    exp.And: predicates.connector,
    exp.Or: predicates.connector,
    exp.Not: predicates.negation,
    exp.Paren: values.parentheses,
    exp.Is: predicates.is_null,
    exp.Between: predicates.between,
    exp.In: predicates.contained,
    exp.Like: predicates.like,
    exp.Escape: predicates.escaped,
    exp.DPipe: values.concatenation,
    exp.Bracket: values.subscript,
    exp.AtTimeZone: values.at_time_zone,
    exp.Array: values.array,
    exp.Tuple: values.row,
    exp.Case: values.case,
    exp.If: values.choice,
    exp.Cast: values.cast,
    exp.TryCast: values.cast,
    exp.Extract: invocations.extract,
    exp.Substring: invocations.substring,
    exp.StrPosition: invocations.position,
    exp.Trim: invocations.trim,
    exp.CurrentDate: literals.moment,
    exp.CurrentTimestamp: literals.moment,
    exp.Localtimestamp: literals.moment,
    exp.Anonymous: invocations.function,
    exp.GroupConcat: invocations.list_aggregate,
    exp.Filter: invocations.filtered,
    exp.Window: invocations.window,
    exp.IgnoreNulls: invocations.nulls,
    exp.RespectNulls: invocations.nulls,
    exp.Subquery: predicates.scalar_subquery,
    exp.Select: predicates.scalar_subquery,
    exp.Exists: predicates.exists,
}
