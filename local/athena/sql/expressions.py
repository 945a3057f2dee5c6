"""Expressions compiled for DuckDB: every node of sqlglot's tree that Trino knows; any other is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql import functions, operators
from local.athena.sql.calls import Call
from local.athena.sql.coercion import UTC, Typed, cast, castable, coerce, common
from local.athena.sql.parser import operator_place, place
from local.athena.sql.scope import Scope
from local.athena.sql.windows import over
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
    array,
    decimal,
    text,
)
from local.athena.types import parse as parse_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.athena.sql.queries import Queries

_COMPARISONS = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}


class Expressions:
    """Compiles the expressions of one clause.

    clause: how errors call it. aggregates, windows: whether it may hold them. grouping: the SQL of the expressions grouped by;
    a column used outside of them and of aggregates stays in the scope's `loose`.
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
        self._inside: str | None = None
        self._variables: dict[str, Typed] = {}

    def place(self, node: exp.Expr) -> tuple[int, int] | None:
        return place(self.queries.text, node)

    def compile(self, node: exp.Expr) -> Typed:
        """One expression. Raises QueryError."""
        handler = _HANDLERS.get(type(node))
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

    # ---- names ---------------------------------------------------------------------------------------------------------

    def column(self, node: exp.Column) -> Typed:
        parts = [part.name.lower() for part in node.parts]
        where = self.place(node)
        if len(parts) == 1 and parts[0] in self.aliases:
            named = {value.sql: value for value in self.aliases[parts[0]]}
            if len(named) > 1:
                raise QueryError("AMBIGUOUS_NAME", f"Column '{parts[0]}' is ambiguous", where)
            return next(iter(named.values()))
        found = self.scope.find(parts, where)
        if found is None:
            raise QueryError(
                "COLUMN_NOT_FOUND", f"Column '{'.'.join(part.name for part in node.parts)}' cannot be resolved", where
            )
        field, length, scope = found
        scope.loose.add(field.sql)
        value = field.typed
        for name in parts[length:]:
            value = self._member(value, name, where)
        return value

    def _member(self, value: Typed, name: str, where: tuple[int, int] | None) -> Typed:
        if value.type.name != "row":
            raise operators.mismatch(f"Expression {name} is not of type ROW", where)
        names = [field.lower() for field in value.type.fields]
        if name not in names:
            raise QueryError("COLUMN_NOT_FOUND", f"Field '{name}' cannot be resolved in {value.type}", where)
        number = names.index(name)
        return Typed(f"struct_extract_at({value.sql}, {number + 1})", value.type.children[number])

    def dot(self, node: exp.Dot) -> Typed:
        return self._member(self.compile(node.this), node.expression.name.lower(), self.place(node))

    def variable(self, node: exp.Identifier) -> Typed:
        if node.name.lower() not in self._variables:
            raise QueryError("COLUMN_NOT_FOUND", f"Column '{node.name}' cannot be resolved", self.place(node))
        return self._variables[node.name.lower()]

    def lambda_body(self, node: exp.Lambda, types: Sequence[Type]) -> tuple[list[str], Typed]:
        """A lambda's parameters under new names, and its body."""
        names = [self.queries.names.new("x") for _ in types]
        kept = dict(self._variables)
        for parameter, name, type_ in zip(node.expressions, names, types, strict=True):
            self._variables[parameter.name.lower()] = Typed(name, type_)
        try:
            return names, self.compile(node.this)
        finally:
            self._variables = kept

    # ---- literals ------------------------------------------------------------------------------------------------------

    def literal(self, node: exp.Literal) -> Typed:
        if node.is_string:
            return Typed(text(node.this), Type("varchar", (len(node.this),)), literal=node.this)
        return self._number(node.this, self.place(node))

    def _number(self, written: str, where: tuple[int, int] | None) -> Typed:
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

    def truth(self, node: exp.Boolean) -> Typed:
        return Typed("true" if node.this else "false", BOOLEAN)

    def null(self, node: exp.Null) -> Typed:
        return Typed("NULL", UNKNOWN)

    def binary(self, node: exp.HexString) -> Typed:
        return Typed(f"from_hex({text(node.name)})", VARBINARY)

    def json_literal(self, node: exp.ParseJSON) -> Typed:
        return Typed(f"json({self.compile(node.this).sql})", JSON)

    def interval(self, node: exp.Interval) -> Typed:
        unit, sign, value = node.args.get("unit"), "", node.this
        if isinstance(value, exp.Neg):
            sign, value = "-", value.this
        written = sign + value.name
        if isinstance(unit, exp.IntervalSpan):
            raise QueryError(
                "NOT_SUPPORTED",
                "Intervals from one unit to another are not supported on this machine: write one unit",
                self.place(node),
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
            raise QueryError("INVALID_LITERAL", f"'{written}' is not a valid INTERVAL literal", self.place(node))
        type_ = INTERVAL_YEAR if name in ("YEAR", "MONTH") else INTERVAL_DAY
        return Typed(f"CAST('{written.replace('--', '')} {name.lower()}' AS INTERVAL)", type_)

    # ---- operators -----------------------------------------------------------------------------------------------------

    def arithmetic(self, node: exp.Binary) -> Typed:
        one, other = self.compile(node.this), self.compile(node.expression)
        return operators.arithmetic(_ARITHMETIC[type(node)], one, other, operator_place(self.queries.text, node))

    def negative(self, node: exp.Neg) -> Typed:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return self._number("-" + node.this.this, self.place(node))
        return operators.negate(self.compile(node.this), self.place(node))

    def comparison(self, node: exp.Binary) -> Typed:
        where = operator_place(self.queries.text, node)
        sign = _COMPARISONS[type(node)]
        right = node.expression
        quantifier = type(right).__name__.upper() if isinstance(right, (exp.Any, exp.All)) else ""
        if isinstance(right, exp.Anonymous) and right.name.lower() in ("all", "some"):
            quantifier, right = right.name.upper(), right.expressions[0]
        elif quantifier:
            right = right.this
        if quantifier:
            return self._quantified(self.compile(node.this), sign, quantifier, right, where)
        return operators.compare(sign, self.compile(node.this), self.compile(right), where)

    def _quantified(
        self, one: Typed, sign: str, quantifier: str, right: exp.Expr, where: tuple[int, int] | None
    ) -> Typed:
        subquery = self.queries.nested(right.unnest() if isinstance(right, exp.Subquery) else right, self.scope)
        other = subquery.single(where)
        wanted = common(one.type, other.type)
        if wanted is None:
            raise operators.mismatch(f"Cannot apply operator: {one.type} {sign} {other.type}", where)
        return Typed(
            f"({coerce(one, wanted).sql} {sign} {'ALL' if quantifier == 'ALL' else 'ANY'} (SELECT {coerce(replace(other, sql='q.c1'), wanted).sql} "
            f"FROM ({subquery.sql}) AS q))",
            BOOLEAN,
        )

    def distinct_from(self, node: exp.Binary) -> Typed:
        sign = "IS NOT DISTINCT FROM" if isinstance(node, exp.NullSafeEQ) else "IS DISTINCT FROM"
        return operators.compare(
            sign, self.compile(node.this), self.compile(node.expression), operator_place(self.queries.text, node)
        )

    def connector(self, node: exp.Connector) -> Typed:
        sign = "AND" if isinstance(node, exp.And) else "OR"
        terms = [self.boolean(term, "Logical expression term") for term in node.flatten(unnest=False)]
        return Typed(f"({f' {sign} '.join(terms)})", BOOLEAN)

    def negation(self, node: exp.Not) -> Typed:
        return Typed(f"(NOT {self.boolean(node.this, 'Value of logical NOT expression')})", BOOLEAN)

    def parentheses(self, node: exp.Paren) -> Typed:
        return self.compile(node.this)

    def is_null(self, node: exp.Is) -> Typed:
        if not isinstance(node.expression, exp.Null):
            raise QueryError("SYNTAX_ERROR", "mismatched input. Expecting: 'NULL', 'DISTINCT FROM'", self.place(node))
        sign = "IS NOT NULL" if node.args.get("negate") else "IS NULL"
        return Typed(f"({self.compile(node.this).sql} {sign})", BOOLEAN)

    def between(self, node: exp.Between) -> Typed:
        where = self.place(node)
        values = [self.compile(node.this), self.compile(node.args["low"]), self.compile(node.args["high"])]
        wanted = common(values[0].type, values[1].type)
        wanted = common(wanted, values[2].type) if wanted else None
        if wanted is None:
            types = " and ".join(str(value.type) for value in values[1:])
            raise operators.mismatch(f"Cannot check if {values[0].type} is BETWEEN {types}", where)
        value, low, high = (coerce(one, wanted).sql for one in values)
        return Typed(f"({value} BETWEEN {low} AND {high})", BOOLEAN)

    def contained(self, node: exp.In) -> Typed:
        where = self.place(node)
        value = self.compile(node.this)
        query = node.args.get("query")
        if query is not None:
            subquery = self.queries.nested(query.unnest(), self.scope)
            other = subquery.single(where)
            wanted = common(value.type, other.type)
            if wanted is None:
                raise operators.mismatch(
                    f"value and result of subquery must be of the same type for IN expression: {value.type} vs {other.type}",
                    where,
                )
            shown = coerce(replace(other, sql="q.c1"), wanted).sql
            return Typed(f"({coerce(value, wanted).sql} IN (SELECT {shown} FROM ({subquery.sql}) AS q))", BOOLEAN)
        values = [value, *map(self.compile, node.expressions)]
        unified, _ = operators.unify(values, "IN value and list items", where)
        return Typed(f"({unified[0].sql} IN ({', '.join(one.sql for one in unified[1:])}))", BOOLEAN)

    def like(self, node: exp.Expr, escape: str = "") -> Typed:
        value, pattern = self.compile(node.this), self.compile(node.expression)
        for one in (value, pattern):
            if not one.type.is_text and one.type != UNKNOWN:
                raise operators.mismatch(
                    f"Left side of LIKE expression must evaluate to a varchar (actual: {one.type})", self.place(node)
                )
        negated = "NOT " if node.args.get("negate") else ""
        return Typed(f"({value.sql} {negated}LIKE {pattern.sql}{escape})", BOOLEAN)

    def escaped(self, node: exp.Escape) -> Typed:
        return self.like(node.this, f" ESCAPE {self.compile(node.expression).sql}")

    def concatenation(self, node: exp.DPipe) -> Typed:
        return operators.concatenate(
            self.compile(node.this), self.compile(node.expression), operator_place(self.queries.text, node)
        )

    def subscript(self, node: exp.Bracket) -> Typed:
        return operators.subscript(self.compile(node.this), self.compile(node.expressions[0]), self.place(node))

    def at_time_zone(self, node: exp.AtTimeZone) -> Typed:
        value = self.compile(node.this)
        zone = self.compile(node.args["zone"])
        if not value.type.name.startswith("timestamp"):
            raise operators.mismatch(
                f"Type of value must be a time or timestamp with or without time zone (actual {value.type})",
                self.place(node),
            )
        return Typed(coerce(value, TIMESTAMP_TZ).sql, TIMESTAMP_TZ, zone.sql)

    # ---- values of several parts ---------------------------------------------------------------------------------------

    def array(self, node: exp.Array) -> Typed:
        values, element = operators.unify(
            [self.compile(one) for one in node.expressions], "ARRAY elements", self.place(node)
        )
        return Typed(f"[{', '.join(value.sql for value in values)}]", array(element))

    def row(self, node: exp.Tuple) -> Typed:
        return functions.row([self.compile(one) for one in node.expressions])

    def case(self, node: exp.Case) -> Typed:
        subject = self.compile(node.this) if node.this is not None else None
        conditions, results = [], []
        for branch in node.args["ifs"]:
            if subject is None:
                conditions.append(self.boolean(branch.this, "CASE WHEN clause"))
            else:
                value = self.compile(branch.this)
                conditions.append(operators.compare("=", subject, value, self.place(branch.this)).sql)
            results.append(self.compile(branch.args["true"]))
        default = node.args.get("default")
        results.append(self.compile(default) if default is not None else Typed("NULL", UNKNOWN))
        unified, type_ = operators.unify(results, "CASE results", self.place(node))
        branches = " ".join(
            f"WHEN {condition} THEN {value.sql}" for condition, value in zip(conditions, unified[:-1], strict=True)
        )
        return Typed(f"CASE {branches} ELSE {unified[-1].sql} END", type_, _zone(results))

    def choice(self, node: exp.If) -> Typed:
        results = [self.compile(node.args["true"])]
        otherwise = node.args.get("false")
        results.append(self.compile(otherwise) if otherwise is not None else Typed("NULL", UNKNOWN))
        condition = self.boolean(node.this, "IF condition")
        unified, type_ = operators.unify(results, "IF results", self.place(node))
        return Typed(f"CASE WHEN {condition} THEN {unified[0].sql} ELSE {unified[1].sql} END", type_, _zone(results))

    # ---- CAST and the functions with a syntax of their own -------------------------------------------------------------

    def cast(self, node: exp.Cast) -> Typed:
        given = self.compile(node.this)
        written = node.args["to"].sql(dialect="trino")
        try:
            wanted = parse_type(written)
        except ValueError:
            raise operators.mismatch(f"Unknown type: {written.lower()}", self.place(node)) from None
        if wanted.name == "timestamp with time zone" and isinstance(given.literal, str):
            return functions.zoned_literal(given.literal, wanted, self.place(node))
        if not castable(given.type, wanted):
            raise operators.mismatch(f"Cannot cast {given.type} to {wanted}", self.place(node))
        return cast(given, wanted, isinstance(node, exp.TryCast))

    def extract(self, node: exp.Extract) -> Typed:
        return self._function(node.name.lower(), [node.expression], node)

    def substring(self, node: exp.Substring) -> Typed:
        parts = [node.this, node.args.get("start"), node.args.get("length")]
        return self._function("substring", [part for part in parts if part is not None], node)

    def position(self, node: exp.StrPosition) -> Typed:
        return self._function("strpos", [node.this, node.args["substr"]], node)

    def trim(self, node: exp.Trim) -> Typed:
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
        characters = node.args.get("expression")
        return self._function(name, [node.this] + ([characters] if characters is not None else []), node)

    def moment(self, node: exp.Expr) -> Typed:
        if isinstance(node, exp.CurrentDate):
            return Typed("CAST(timezone('UTC', now()) AS DATE)", DATE)
        if isinstance(node, exp.Localtimestamp):
            return Typed("date_trunc('millisecond', timezone('UTC', now()))", TIMESTAMP)
        return Typed("date_trunc('millisecond', now())", TIMESTAMP_TZ)

    # ---- functions, aggregates, windows --------------------------------------------------------------------------------

    def function(self, node: exp.Anonymous) -> Typed:
        if not isinstance(node.this, str):
            raise QueryError("FUNCTION_NOT_FOUND", f"Function '{node.name}' not registered", self.place(node))
        return self._function(node.this.lower(), node.expressions, node)

    def list_aggregate(self, node: exp.GroupConcat) -> Typed:
        value, order = node.this, []
        if isinstance(value, exp.Order):
            value, order = value.this, value.expressions
        distinct = isinstance(value, exp.Distinct)
        value = value.expressions[0] if isinstance(value, exp.Distinct) else value
        separator = node.args.get("separator")
        nodes = [value] + ([separator] if separator is not None else [])
        return self._aggregate(Call("listagg", nodes, self, self.place(node), distinct, order))

    def filtered(self, node: exp.Filter) -> Typed:
        return self._modified(node, None)

    def window(self, node: exp.Window) -> Typed:
        if self.windows is None:
            raise self._misplaced(node)
        return self._modified(node.this, node)

    def nulls(self, node: exp.Expr) -> Typed:
        return self._modified(node, None)

    def _modified(self, node: exp.Expr, window: exp.Window | None) -> Typed:
        """A function with FILTER, IGNORE NULLS or OVER around it."""
        condition, nulls = None, ""
        while isinstance(node, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
            if isinstance(node, exp.Filter):
                condition = node.expression.this
            elif isinstance(node, exp.IgnoreNulls):
                nulls = " IGNORE NULLS"
            node = node.this
        if isinstance(node, exp.GroupConcat) or not isinstance(node, exp.Anonymous):
            raise QueryError("NOT_SUPPORTED", "FILTER and OVER need an aggregate or window function", self.place(node))
        return self._function(node.name.lower(), node.expressions, node, condition, nulls, window)

    def _function(
        self,
        name: str,
        nodes: Sequence[exp.Expr],
        node: exp.Expr,
        condition: exp.Expr | None = None,
        nulls: str = "",
        window: exp.Window | None = None,
    ) -> Typed:
        where = self.place(node)
        call = Call(name, nodes, self, where, nulls=nulls)
        _take_modifiers(call)
        if window is None and condition is None and functions.is_scalar(name):
            return functions.build(call)
        if not functions.exists(name):
            raise QueryError("FUNCTION_NOT_FOUND", f"Function '{name}' not registered", where)
        before = set(self.scope.loose)
        if condition is not None:
            with self._within(name):
                call.suffix = f" FILTER (WHERE {self.boolean(condition, 'FILTER clause')})"
        if window is not None:
            return self._windowed(call, window)
        self.scope.loose.intersection_update(before)
        if functions.is_window_only(name):
            raise QueryError("MISSING_OVER", f"Window function {name} requires an OVER clause", where)
        return self._aggregate(call)

    def _windowed(self, call: Call, window: exp.Window) -> Typed:
        if functions.is_scalar(call.name):
            raise QueryError("FUNCTION_NOT_WINDOW", f"Not a window function: {call.name}", call.where)
        call.suffix += over(self, window)
        call.compile()
        return functions.build(call)

    def _aggregate(self, call: Call) -> Typed:
        if not self.aggregates:
            raise self._misplaced(call)
        if self._inside:
            raise QueryError(
                "NESTED_AGGREGATION",
                f"Cannot nest aggregations inside aggregation '{self._inside}': [{call.name}]",
                call.where,
            )
        before = set(self.scope.loose)
        with self._within(call.name):
            call.compile()
            found = functions.build(call)
        self.scope.loose.intersection_update(before)
        self.aggregated = True
        return found

    @contextmanager
    def _within(self, name: str) -> Iterator[None]:
        grouping, self.grouping = self.grouping, frozenset()
        self._inside = name
        try:
            yield
        finally:
            self._inside, self.grouping = None, grouping

    def _misplaced(self, call: Any) -> QueryError:
        return QueryError(
            "EXPRESSION_NOT_SCALAR",
            f"{self.clause} cannot contain aggregations, window functions or grouping operations: "
            f"[{call.name if isinstance(call, Call) else 'window function'}]",
            call.where if isinstance(call, Call) else self.place(call),
        )

    def order_by(self, items: Sequence[exp.Ordered]) -> str:
        """ORDER BY inside of an aggregate or a window, with the place of NULLs written out."""
        shown = [self.compile(item.this).sql + direction(item) for item in items]
        return f" ORDER BY {', '.join(shown)}" if shown else ""

    # ---- subqueries ----------------------------------------------------------------------------------------------------

    def scalar_subquery(self, node: exp.Expr) -> Typed:
        subquery = self.queries.nested(node.unnest() if isinstance(node, exp.Subquery) else node, self.scope)
        return replace(subquery.single(self.place(node)), sql=f"({subquery.sql})")

    def exists(self, node: exp.Exists) -> Typed:
        inner = node.this
        return Typed(
            f"EXISTS ({self.queries.nested(inner.unnest() if isinstance(inner, exp.Subquery) else inner, self.scope).sql})",
            BOOLEAN,
        )


def direction(item: exp.Ordered) -> str:
    """Trino puts NULLs last in both directions unless told otherwise."""
    return (" DESC" if item.args.get("desc") else " ASC") + (
        " NULLS FIRST" if item.args.get("nulls_first") else " NULLS LAST"
    )


def _zone(values: Sequence[Typed]) -> str:
    zones = {value.zone for value in values if value.type.name == "timestamp with time zone"}
    return zones.pop() if len(zones) == 1 else UTC


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


_HANDLERS: dict[type[exp.Expr], Callable[[Expressions, Any], Typed]] = {
    exp.Column: Expressions.column,
    exp.Dot: Expressions.dot,
    exp.Identifier: Expressions.variable,
    exp.Literal: Expressions.literal,
    exp.Boolean: Expressions.truth,
    exp.Null: Expressions.null,
    exp.HexString: Expressions.binary,
    exp.ParseJSON: Expressions.json_literal,
    exp.Interval: Expressions.interval,
    **dict.fromkeys(_ARITHMETIC, Expressions.arithmetic),
    exp.Neg: Expressions.negative,
    **dict.fromkeys(_COMPARISONS, Expressions.comparison),
    exp.NullSafeEQ: Expressions.distinct_from,
    exp.NullSafeNEQ: Expressions.distinct_from,
    exp.And: Expressions.connector,
    exp.Or: Expressions.connector,
    exp.Not: Expressions.negation,
    exp.Paren: Expressions.parentheses,
    exp.Is: Expressions.is_null,
    exp.Between: Expressions.between,
    exp.In: Expressions.contained,
    exp.Like: Expressions.like,
    exp.Escape: Expressions.escaped,
    exp.DPipe: Expressions.concatenation,
    exp.Bracket: Expressions.subscript,
    exp.AtTimeZone: Expressions.at_time_zone,
    exp.Array: Expressions.array,
    exp.Tuple: Expressions.row,
    exp.Case: Expressions.case,
    exp.If: Expressions.choice,
    exp.Cast: Expressions.cast,
    exp.TryCast: Expressions.cast,
    exp.Extract: Expressions.extract,
    exp.Substring: Expressions.substring,
    exp.StrPosition: Expressions.position,
    exp.Trim: Expressions.trim,
    exp.CurrentDate: Expressions.moment,
    exp.CurrentTimestamp: Expressions.moment,
    exp.Localtimestamp: Expressions.moment,
    exp.Anonymous: Expressions.function,
    exp.GroupConcat: Expressions.list_aggregate,
    exp.Filter: Expressions.filtered,
    exp.Window: Expressions.window,
    exp.IgnoreNulls: Expressions.nulls,
    exp.RespectNulls: Expressions.nulls,
    exp.Subquery: Expressions.scalar_subquery,
    exp.Select: Expressions.scalar_subquery,
    exp.Exists: Expressions.exists,
}
