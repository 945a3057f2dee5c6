"""Queries compiled for DuckDB: relations, joins, groups, set operations; each result's columns are named c1, c2, …"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql import operators, relations
from local.athena.sql.coercion import Typed, coerce
from local.athena.sql.expressions import Expressions, direction
from local.athena.sql.grouping import Groups, groups
from local.athena.sql.parser import parse_query, place, set_operator_place
from local.athena.sql.scope import Field, Names, Relation, Scope, base_column
from local.athena.types import Type


@dataclass(frozen=True)
class TableSource:
    """A table: the name under which DuckDB finds it, and its columns; hidden ones are not part of *."""

    sql: str
    columns: tuple[tuple[str, Type], ...]
    hidden: tuple[tuple[str, Type], ...] = ()


@dataclass(frozen=True)
class ViewSource:
    """A view: its query, the database in which the query's names are looked up, and the names of its columns."""

    sql: str
    database: str
    columns: tuple[str, ...]


class Tables(Protocol):
    """What the compiler asks about names in FROM."""

    def find(self, database: str, name: str) -> TableSource | ViewSource | None:
        """The table or view, or None where the database has none. Raises QueryError (SCHEMA_NOT_FOUND)."""
        ...


@dataclass(frozen=True)
class Column:
    """A column of a query's result; name is None for an expression without a name."""

    name: str | None
    type: Type
    zone: str = "'UTC'"


@dataclass(frozen=True)
class Compiled:
    """A query in DuckDB's words with its result's columns."""

    sql: str
    columns: tuple[Column, ...]

    def single(self, where: tuple[int, int] | None) -> Typed:
        """The only column, as a subquery in an expression has it."""
        if len(self.columns) != 1:
            raise QueryError("NOT_SUPPORTED", f"Multiple columns returned by subquery are not yet supported. Found {len(self.columns)}", where)  # fmt: skip
        return Typed("", self.columns[0].type, self.columns[0].zone)

    def relation(self, alias: str, qualifier: tuple[str, ...] = ()) -> Relation:
        fields = tuple(
            Field(column.name, column.type, f"{alias}.c{number}", qualifier, zone=column.zone)
            for number, column in enumerate(self.columns, 1)
        )
        return Relation(f"({self.sql}) AS {alias}", fields)


@dataclass
class Queries:
    """Compiles one text's query and all queries inside it.

    database: where names without one are looked up. inline: WITH queries are written out at each use, as Trino plans them,
    instead of once.
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
                found = self._select(node, outer)
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

    # ---- WITH ----------------------------------------------------------------------------------------------------------

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
            columns = [column.name.lower() for column in query.args["alias"].args.get("columns") or []]
            if columns:
                if len(columns) != len(compiled.columns):
                    raise QueryError(
                        "MISMATCHED_COLUMN_ALIASES",
                        f"Column alias list has {len(columns)} entries but WITH query '{name}' has {len(compiled.columns)} columns available",
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

    # ---- SELECT --------------------------------------------------------------------------------------------------------

    def _select(self, node: exp.Select, outer: Scope | None) -> Compiled:
        self._refuse(node)
        relation = relations.from_clause(self, node, outer)
        scope = Scope(relation.fields if relation else (), outer)
        where = node.args.get("where")
        condition = (
            Expressions(self, scope, "WHERE clause").boolean(where.this, "WHERE clause") if where is not None else ""
        )
        scope.loose.clear()
        windows = {window.name.lower(): window for window in node.args.get("windows") or []}
        items = list(relations.expand(self, node, relation))
        grouped = groups(self, node, scope, items)
        scope.loose.clear()
        clause = Expressions(self, scope, "SELECT clause", aggregates=True, windows=windows)
        clause.grouping = grouped.expressions
        values = []
        for item in items:
            values.append(item.value if item.value is not None else clause.compile(item.node))
            self._check_group(grouped, clause, scope, item.node)
        having = node.args.get("having")
        having_sql = ""
        if having is not None:
            clause.clause = "HAVING clause"
            having_sql = f" HAVING {clause.boolean(having.this, 'HAVING clause')}"
            clause.aggregated = True
            self._check_group(grouped, clause, scope, having.this)
        order = self._order(node, clause, scope, items, values, grouped)
        if clause.aggregated and not grouped.written:
            # An aggregate without GROUP BY makes one group: what came before it must hold too.
            self._check_single_group(node, scope, items)
        columns = tuple(Column(item.name, value.type, value.zone) for item, value in zip(items, values, strict=True))
        sql = (
            f"SELECT {'DISTINCT ' if node.args.get('distinct') else ''}"
            + ", ".join(f"{value.sql} AS c{number}" for number, value in enumerate(values, 1))
            + (f" FROM {relation.sql}" if relation else "")
            + (f" WHERE {condition}" if condition else "")
            + grouped.sql
            + having_sql
            + order
            + self._limit(node)
        )
        return Compiled(sql, columns)

    def _refuse(self, node: exp.Expr) -> None:
        """What sqlglot parses in a query and Trino has not, or this machine has not."""
        known = {
            "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct", "windows", "with_",
            "kind", "hint", "operation_modifiers", "this", "expression", "alias", "by_name", "side", "on",
        }  # fmt: skip
        for name, value in node.args.items():
            if value and name not in known:
                raise QueryError(
                    "SYNTAX_ERROR",
                    f"{name.rstrip('_').upper()} is not part of Athena's queries",
                    place(self.text, node),
                )
        distinct = node.args.get("distinct")
        if isinstance(distinct, exp.Distinct) and distinct.args.get("on") is not None:
            raise QueryError("SYNTAX_ERROR", "mismatched input 'ON'", place(self.text, node))

    def _check_group(self, grouped: Groups, clause: Expressions, scope: Scope, node: exp.Expr) -> None:
        if (grouped.written or clause.clause == "HAVING clause") and scope.loose:
            raise self._not_aggregate(node)

    def _check_single_group(self, node: exp.Select, scope: Scope, items: Sequence[relations.Item]) -> None:
        for item in items:
            again = Expressions(self, Scope(scope.fields, scope.outer), "SELECT clause", aggregates=True, windows={})
            if item.value is None:
                again.windows = {window.name.lower(): window for window in node.args.get("windows") or []}
                again.compile(item.node)
            if item.value is not None or again.scope.loose & {field.sql for field in scope.fields}:
                raise self._not_aggregate(item.node)

    def _not_aggregate(self, node: exp.Expr) -> QueryError:
        shown = node.this if isinstance(node, exp.Alias) else node
        return QueryError(
            "EXPRESSION_NOT_AGGREGATE",
            f"'{shown.sql(dialect='trino').lower()}' must be an aggregate expression or appear in GROUP BY clause",
            place(self.text, node),
        )

    def _order(
        self,
        node: exp.Select,
        clause: Expressions,
        scope: Scope,
        items: Sequence[relations.Item],
        values: Sequence[Typed],
        grouped: Groups,
    ) -> str:
        order = node.args.get("order")
        if order is None:
            return ""
        clause.clause = "ORDER BY clause"
        clause.aliases = {}
        for item, value in zip(items, values, strict=True):
            if item.name and item.aliased:
                clause.aliases.setdefault(item.name, []).append(value)
        shown = []
        for ordered in order.expressions:
            number = self._ordinal(ordered.this, len(values))
            if number is None:
                value = clause.compile(ordered.this)
                self._check_group(grouped, clause, scope, ordered.this)
                same = [place_ for place_, one in enumerate(values, 1) if one.sql == value.sql]
                if node.args.get("distinct") and not same:
                    raise QueryError(
                        "EXPRESSION_NOT_IN_DISTINCT",
                        "For SELECT DISTINCT, ORDER BY expressions must appear in select list",
                        place(self.text, ordered),
                    )
                number_sql = str(same[0]) if same else value.sql
            else:
                number_sql = str(number)
            shown.append(number_sql + direction(ordered))
        clause.aliases = {}
        return f" ORDER BY {', '.join(shown)}"

    def _ordinal(self, node: exp.Expr, count: int) -> int | None:
        if not isinstance(node, exp.Literal) or node.is_string or not node.this.isdigit():
            return None
        number = int(node.this)
        if not 1 <= number <= count:
            raise QueryError(
                "INVALID_COLUMN_REFERENCE", f"ORDER BY position {number} is not in select list", place(self.text, node)
            )
        return number

    def _limit(self, node: exp.Expr) -> str:
        written = ""
        limit, offset = node.args.get("limit"), node.args.get("offset")
        if isinstance(limit, exp.Fetch):
            options = limit.args.get("limit_options")
            if options is not None and options.args.get("with_ties"):
                raise QueryError(
                    "NOT_SUPPORTED", "FETCH FIRST … WITH TIES is not supported on this machine", place(self.text, node)
                )
            count = limit.args.get("count")
            written += f" LIMIT {self._count(count) if count is not None else 1}"
        elif limit is not None and not (
            isinstance(limit.expression, exp.Var) and limit.expression.name.upper() == "ALL"
        ):
            written += f" LIMIT {self._count(limit.expression)}"
        return written + (f" OFFSET {self._count(offset.expression)}" if offset is not None else "")

    def _count(self, node: exp.Expr) -> int:
        if not isinstance(node, exp.Literal) or not node.this.isdigit():
            raise QueryError("SYNTAX_ERROR", "mismatched input. Expecting: 'ALL', <integer>", place(self.text, node))
        return int(node.this)

    # ---- set operations, VALUES, parentheses ---------------------------------------------------------------------------

    def _set_operation(self, node: exp.SetOperation, outer: Scope | None) -> Compiled:
        self._refuse(node)
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

    def _union_type(self, one: Column, other: Column, number: int, name: str, node: exp.Expr) -> tuple[object, Type]:
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
        order, limit = node.args.get("order"), self._limit(node)
        if order is None:
            return replace(found, sql=found.sql + limit) if limit else found
        alias = self.names.new("q")
        relation = found.relation(alias)
        clause = Expressions(self, Scope(relation.fields), "ORDER BY clause")
        shown = []
        for ordered in order.expressions:
            number = self._ordinal(ordered.this, len(found.columns))
            shown.append((f"{alias}.c{number}" if number else clause.compile(ordered.this).sql) + direction(ordered))
        return replace(found, sql=f"SELECT {alias}.* FROM {relation.sql} ORDER BY {', '.join(shown)}{limit}")

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
