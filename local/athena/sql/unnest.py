"""UNNEST: arrays and maps spread out into rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from local.athena.errors import QueryError
from local.athena.sql.expressions import Expressions
from local.athena.sql.parser import place
from local.athena.sql.scope import Field, Relation, Scope
from local.athena.types import BIGINT, Type

if TYPE_CHECKING:
    from local.athena.sql.queries import Queries


@dataclass(frozen=True)
class _List:
    """A list that is spread out. fields: its elements' fields where they are rows; each is a column then."""

    sql: str
    children: tuple[Type, ...]
    fields: tuple[str, ...] = ()

    def columns(self, element: str) -> list[Field]:
        if not self.fields:
            return [Field(None, self.children[0], element)]
        return [
            Field(name or None, child, f"struct_extract_at({element}, {number})")
            for number, (name, child) in enumerate(zip(self.fields, self.children, strict=True), 1)
        ]


def unnest(queries: Queries, left: Relation, node: exp.Unnest, outer: Scope | None, keep: bool = False) -> Relation:
    """The left relation with each row once an element; shorter lists are filled up with NULL.

    The spreading happens in one SELECT over the left relation, which keeps the order of rows. keep: a row without
    elements stays, as LEFT JOIN has it.
    """
    compiler = Expressions(queries, Scope(left.fields, outer), "UNNEST")
    lists = [_list(queries, compiler, expression) for expression in node.expressions]
    name = queries.names.new("r")
    shown = [f"{field.sql} AS f{number}" for number, field in enumerate(left.fields, 1)]
    kept = tuple(replace(field, sql=f"{name}.f{number}") for number, field in enumerate(left.fields, 1))
    lengths = ", ".join(f"coalesce(len({one.sql}), 0)" for one in lists)
    longest = f"greatest({lengths}{', 1' if keep else ''})"
    spread: list[Field] = []
    for number, one in enumerate(lists, 1):
        padded = f"list_resize(coalesce({one.sql}, []), {longest})" if keep or len(lists) > 1 else one.sql
        shown.append(f"unnest({padded}) AS u{number}")
        spread += one.columns(f"{name}.u{number}")
    alias, columns = alias_of(node)
    if node.args.get("offset"):
        numbers = f"range(1, {longest} + 1)"
        some = f"greatest({lengths}, 0) > 0"
        shown.append(f"unnest({f'CASE WHEN {some} THEN {numbers} ELSE [NULL] END' if keep else numbers}) AS o1")
        spread.append(Field(None, BIGINT, f"{name}.o1"))
        if isinstance(node.args["offset"], exp.Identifier) and columns:
            # The parser takes the last name of the list for the ordinal's.
            columns = [*columns, node.args["offset"].name]
    result = Relation("", tuple(spread))
    if alias is not None:
        result = result.renamed(alias, columns, place(queries.text, node))
    return Relation(f"(SELECT {', '.join(shown)} FROM {left.sql}) AS {name}", (*kept, *result.fields))


def _list(queries: Queries, compiler: Expressions, expression: exp.Expr) -> _List:
    value = compiler.compile(expression)
    if value.type.name == "map":
        return _List(f"map_entries({value.sql})", value.type.children, ("key", "value"))
    if value.type.name == "array" and value.type.children[0].name == "row":
        return _List(value.sql, value.type.children[0].children, value.type.children[0].fields)
    if value.type.name == "array":
        return _List(value.sql, value.type.children)
    raise QueryError("TYPE_MISMATCH", f"Cannot unnest type: {value.type}", place(queries.text, expression))


def alias_of(node: exp.Expr) -> tuple[str | None, list[str]]:
    """The alias of something in FROM and the names that it gives to the columns."""
    alias = node.args.get("alias")
    if alias is None:
        return None, []
    return (alias.name.lower() or None), [column.name for column in alias.args.get("columns") or []]
