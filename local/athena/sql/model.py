"""What goes in and out of the compiler: tables and views by name, and compiled queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from local.athena.errors import QueryError
from local.athena.sql.coercion import UTC, Typed
from local.athena.sql.scope import Field, Relation
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
    zone: str = UTC


@dataclass(frozen=True)
class Compiled:
    """A query in DuckDB's words with its result's columns."""

    sql: str
    columns: tuple[Column, ...]

    def single(self, where: tuple[int, int] | None) -> Typed:
        """The only column, as a subquery in an expression has it."""
        if len(self.columns) != 1:
            raise QueryError(
                "NOT_SUPPORTED",
                f"Multiple columns returned by subquery are not yet supported. Found {len(self.columns)}",
                where,
            )
        return Typed("", self.columns[0].type, self.columns[0].zone)

    def relation(self, alias: str, qualifier: tuple[str, ...] = ()) -> Relation:
        fields = tuple(
            Field(column.name, column.type, f"{alias}.c{number}", qualifier, zone=column.zone)
            for number, column in enumerate(self.columns, 1)
        )
        return Relation(f"({self.sql}) AS {alias}", fields)
