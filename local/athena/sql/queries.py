"""Queries compiled for DuckDB: relations, joins, groups, set operations; each result's columns are named c1, c2, …"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql import operators
from local.athena.sql.coercion import Typed, coerce
from local.athena.sql.expressions import Expressions, direction
from local.athena.sql.model import Column, Compiled, Tables, ViewSource
from local.athena.sql.order import limit, ordinal
from local.athena.sql.parser import parse_query, place, set_operator_place
from local.athena.sql.scope import Field, Names, Relation, Scope, base_column
from local.athena.sql.select import Select, refuse_foreign
from local.athena.types import Type


@dataclass
class Queries:
    """Compiles one text's query and all queries inside it.

    database: where names without one are looked up. inline: WITH queries are written out at each use, as Trino plans
    them, instead of once.
    """

    text: str
    tables: Tables
    database: str
    inline: bool = False
    names: Names = field(default_factory=Names)
    views: tuple[tuple[str, str], ...] = ()
    with_queries: dict[str, tuple[Compiled, str]] = field(default_factory=dict)

    def compile(self) -> Compiled:
        """The whole text. Raises QueryError."""
        return self.query(parse_query(self.text), None)

    def nested(self, node: exp.Expr, outer: Scope | None) -> Compiled:
        return self.query(node, outer)

    def query(self, node: exp.Expr, outer: Scope | None) -> Compiled:
        kept = self.with_queries
        prefix = self._with(node, outer)
        try:
            if isinstance(node, exp.Subquery):
                found = self._parenthesised(node, outer)
            elif isinstance(node, exp.Select):
                found = Select(self, node, outer).compile()
            elif isinstance(node, exp.SetOperation):
                found = self._set_operation(node, outer)
            elif isinstance(node, exp.Values):
                found = self._values(node, outer)
            else:
                raise QueryError(
                    "NOT_SUPPORTED",
                    f"{type(node).__name__.upper()} is not supported on this machine",
                    place(self.text, node),
                )
        finally:
            self.with_queries = kept
        return replace(found, sql=prefix + found.sql)

    def table(self, database: str | None, name: str, where: tuple[int, int] | None) -> Relation:
        """A table or view of the catalogue. Raises QueryError where there is none."""
        database = database or self.database
        try:
            found = self.tables.find(database, name)
        except QueryError as error:
            raise QueryError(error.name, error.message, error.position or where, error.category) from error
        if found is None:
            raise QueryError("TABLE_NOT_FOUND", f"Table 'awsdatacatalog.{database}.{name}' does not exist", where)
        alias = self.names.new("r")
        qualifier = ("awsdatacatalog", database, name)
        if isinstance(found, ViewSource):
            return self._view(found, database, name, where).relation(alias, qualifier)
        fields = [Field(column, type_, base_column(alias, column), qualifier) for column, type_ in found.columns]
        fields += [
            Field(column, type_, base_column(alias, column), qualifier, hidden=True) for column, type_ in found.hidden
        ]
        return Relation(f"{found.sql} AS {alias}", tuple(fields))

    def _view(self, view: ViewSource, database: str, name: str, where: tuple[int, int] | None) -> Compiled:
        if (database, name) in self.views:
            raise QueryError("VIEW_IS_RECURSIVE", f"View 'awsdatacatalog.{database}.{name}' contains itself", where)
        inner = Queries(view.sql, self.tables, view.database, self.inline, self.names, (*self.views, (database, name)))
        try:
            compiled = inner.compile()
        except QueryError as error:
            raise QueryError(
                "INVALID_VIEW",
                f"Failed analyzing stored view 'awsdatacatalog.{database}.{name}': {error.sentence}",
                where,
            ) from error
        if len(compiled.columns) != len(view.columns):
            raise QueryError(
                "VIEW_IS_STALE",
                f"View 'awsdatacatalog.{database}.{name}' is stale or in invalid state: create it again",
                where,
            )
        columns = tuple(
            replace(column, name=declared) for column, declared in zip(compiled.columns, view.columns, strict=True)
        )
        return replace(compiled, columns=columns)

    # ---- WITH -------------------------------------------------------------------------------------------------------

    def _with(self, node: exp.Expr, outer: Scope | None) -> str:
        clause = node.args.get("with_")
        if clause is None:
            return ""
        if clause.args.get("recursive"):
            raise QueryError(
                "NOT_SUPPORTED", "WITH RECURSIVE is not supported on this machine", place(self.text, clause)
            )
        self.with_queries = dict(self.with_queries)
        written = []
        for query in clause.expressions:
            name = query.alias.lower()
            compiled = self.query(query.this, None)
            columns = [column.name for column in query.args["alias"].args.get("columns") or []]
            if columns:
                if len(columns) != len(compiled.columns):
                    raise QueryError(
                        "MISMATCHED_COLUMN_ALIASES",
                        f"Column alias list has {len(columns)} entries but WITH query '{name}' has "
                        f"{len(compiled.columns)} columns available",
                        place(self.text, query),
                    )
                named = tuple(
                    replace(column, name=alias) for column, alias in zip(compiled.columns, columns, strict=True)
                )
                compiled = replace(compiled, columns=named)
            alias = self.names.new("w")
            self.with_queries[name] = (compiled, alias)
            written.append(f"{alias} AS ({compiled.sql})")
        return "" if self.inline else f"WITH {', '.join(written)} "

    # ---- set operations, VALUES, parentheses ------------------------------------------------------------------------

    def _set_operation(self, node: exp.SetOperation, outer: Scope | None) -> Compiled:
        refuse_foreign(self.text, node)
        name = type(node).__name__.upper()
        left, right = self.query(node.this, outer), self.query(node.expression, outer)
        if len(left.columns) != len(right.columns):
            raise QueryError(
                "TYPE_MISMATCH",
                f"{name} query has different number of fields: {len(left.columns)}, {len(right.columns)}",
                set_operator_place(self.text, node),
            )
        columns = []
        for number, (one, other) in enumerate(zip(left.columns, right.columns, strict=True), 1):
            _, type_ = self._union_type(one, other, number, name, node)
            columns.append(replace(one, type=type_))
        distinct = "" if node.args.get("distinct") else " ALL"
        sql = f"{_widened(left, columns, self.names)} {name}{distinct} {_widened(right, columns, self.names)}"
        return self._ordered(Compiled(sql, tuple(columns)), node)

    def _union_type(
        self, one: Column, other: Column, number: int, name: str, node: exp.SetOperation
    ) -> tuple[object, Type]:
        try:
            return operators.unify([Typed("", one.type), Typed("", other.type)], "columns", None)
        except QueryError:
            raise QueryError(
                "TYPE_MISMATCH",
                f"column {number} in {name} query has incompatible types: {one.type}, {other.type}",
                set_operator_place(self.text, node),
            ) from None

    def _ordered(self, found: Compiled, node: exp.Expr) -> Compiled:
        """ORDER BY and LIMIT behind a set operation, VALUES or parentheses: they see the result's columns alone."""
        order, ending = node.args.get("order"), limit(self.text, node)
        if order is None:
            return replace(found, sql=found.sql + ending) if ending else found
        alias = self.names.new("q")
        relation = found.relation(alias)
        clause = Expressions(self, Scope(relation.fields), "ORDER BY clause")
        shown = []
        for ordered in order.expressions:
            number = ordinal(self.text, ordered.this, len(found.columns))
            shown.append((f"{alias}.c{number}" if number else clause.compile(ordered.this).sql) + direction(ordered))
        return replace(found, sql=f"SELECT {alias}.* FROM {relation.sql} ORDER BY {', '.join(shown)}{ending}")

    def _parenthesised(self, node: exp.Subquery, outer: Scope | None) -> Compiled:
        inner = self.query(node.this, outer)
        return self._ordered(replace(inner, sql=f"({inner.sql})"), node)

    def _values(self, node: exp.Values, outer: Scope | None) -> Compiled:
        clause = Expressions(self, Scope((), outer), "VALUES")
        rows = [
            [clause.compile(value) for value in (row.expressions if isinstance(row, exp.Tuple) else [row])]
            for row in node.expressions
        ]
        if any(len(row) != len(rows[0]) for row in rows):
            raise QueryError("TYPE_MISMATCH", "Values rows have mismatched sizes", place(self.text, node))
        columns, unified = [], []
        for values in zip(*rows, strict=True):
            converted, type_ = operators.unify(values, "Values rows", place(self.text, node))
            columns.append(Column(None, type_))
            unified.append(converted)
        names = ", ".join(f"c{number}" for number in range(1, len(columns) + 1))
        written = ", ".join(f"({', '.join(value.sql for value in row)})" for row in zip(*unified, strict=True))
        alias = self.names.new("v")
        return self._ordered(
            Compiled(f"SELECT {alias}.* FROM (VALUES {written}) AS {alias}({names})", tuple(columns)), node
        )


def _widened(found: Compiled, columns: Sequence[Column], names: Names) -> str:
    """A branch of a set operation with its columns as the common types."""
    if all(one.type == wanted.type for one, wanted in zip(found.columns, columns, strict=True)):
        return f"({found.sql})"
    alias = names.new("q")
    shown = [
        f"{coerce(Typed(f'{alias}.c{number}', one.type, one.zone), wanted.type).sql} AS c{number}"
        for number, (one, wanted) in enumerate(zip(found.columns, columns, strict=True), 1)
    ]
    return f"(SELECT {', '.join(shown)} FROM ({found.sql}) AS {alias})"
