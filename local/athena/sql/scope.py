"""Which column a name means: the relations of a query, and of the queries around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from local.athena.errors import QueryError
from local.athena.sql.coercion import UTC, Typed
from local.athena.types import Type, quote


@dataclass(frozen=True)
class Field:
    """One column of a relation.

    name: as it was written, None for an expression without a name. sql: how DuckDB reaches it. qualifier: what may
    stand before its name, the innermost last (catalogue, database, table, or an alias alone). hidden: found by name,
    left out by *.
    """

    name: str | None
    type: Type
    sql: str
    qualifier: tuple[str, ...] = ()
    hidden: bool = False
    zone: str = UTC

    @property
    def typed(self) -> Typed:
        return Typed(self.sql, self.type, self.zone)

    def known_as(self, name: str) -> bool:
        return self.name is not None and self.name.lower() == name.lower()

    def matches(self, parts: Sequence[str]) -> bool:
        *qualifier, name = parts
        return self.known_as(name) and (not qualifier or self.qualifier[-len(qualifier) :] == tuple(qualifier))


@dataclass(frozen=True)
class Relation:
    """Something that stands in FROM: its SQL with an alias, and its columns."""

    sql: str
    fields: tuple[Field, ...]

    def renamed(self, alias: str, columns: Sequence[str], where: tuple[int, int] | None) -> Relation:
        """The relation under an alias, with its columns named anew where names are given."""
        shown = [found for found in self.fields if not found.hidden]
        if columns and len(columns) != len(shown):
            raise QueryError(
                "MISMATCHED_COLUMN_ALIASES",
                f"Column alias list has {len(columns)} entries but '{alias}' has {len(shown)} columns available",
                where,
            )
        names = iter(columns)
        fields = []
        for found in self.fields:
            name = found.name if found.hidden or not columns else next(names)
            fields.append(replace(found, name=name, qualifier=(alias,)))
        return Relation(self.sql, tuple(fields))


@dataclass(frozen=True)
class Scope:
    """The columns that a name may mean, then those of the query around.

    loose: the SQL of the columns of this scope that expressions used so far, outside of aggregates and of what is
    grouped by. grouped: the SQL of what is grouped by, once that is known.
    """

    fields: tuple[Field, ...] = ()
    outer: Scope | None = None
    loose: set[str] = field(default_factory=set, compare=False)
    grouped: set[str] = field(default_factory=set, compare=False)

    def find(self, parts: Sequence[str], where: tuple[int, int] | None) -> tuple[Field, int, Scope] | None:
        """The field of a dotted name and how many of its parts named it; the rest are fields of a row."""
        for length in range(min(len(parts), 4), 0, -1):
            found = [one for one in self.fields if one.matches(parts[:length])]
            if len(found) > 1:
                raise QueryError("AMBIGUOUS_NAME", f"Column '{'.'.join(parts)}' is ambiguous", where)
            if found:
                return found[0], length, self
        return self.outer.find(parts, where) if self.outer else None


class Names:
    """Gives every relation and variable of one query a name of its own."""

    def __init__(self) -> None:
        self._count = 0

    def new(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"


def column(alias: str, number: int) -> str:
    """The SQL of a subquery's column: compiled queries name theirs c1, c2, …"""
    return f"{alias}.c{number}"


def base_column(alias: str, name: str) -> str:
    return f"{alias}.{quote(name)}"
