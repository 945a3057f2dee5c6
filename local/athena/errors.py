"""The failures of a query, in Athena's words."""

from __future__ import annotations

import re

import duckdb

USER, SYSTEM = 2, 1


class QueryError(Exception):
    """A query failed for a reason that Athena would name, such as TABLE_NOT_FOUND.

    name: the error's name, as it stands before the colon of Athena's sentence.
    position: line and column of the query, from 1, where there is one.
    """

    def __init__(self, name: str, message: str, position: tuple[int, int] | None = None, category: int = USER) -> None:
        self.name = name
        self.message = message
        self.position = position
        self.category = category
        super().__init__(self.sentence)

    @property
    def type(self) -> int:
        """The number that Athena's error catalogue gives to errors of this kind."""
        if self.category == SYSTEM:
            return 200
        if self.name == "FAILED":
            return 1003
        if self.name.startswith("HIVE_") or self.name in (
            "INVALID_CAST_ARGUMENT",
            "DIVISION_BY_ZERO",
            "NUMERIC_VALUE_OUT_OF_RANGE",
        ):
            return 1001
        return 1006

    @property
    def sentence(self) -> str:
        where = f"line {self.position[0]}:{self.position[1]}: " if self.position else ""
        return f"{self.name}: {where}{self.message}"


class QueryCancelledError(Exception):
    """The query was stopped: by its user, or by a limit of the workgroup."""


class InvalidRequestError(Exception):
    """The request itself is refused (InvalidRequestException): no query was started."""


_DUCKDB_NAMES: list[tuple[re.Pattern[str], str, str]] = [
    (re.compile(r"[Dd]ivision by zero"), "DIVISION_BY_ZERO", "Division by zero"),
    (re.compile(r"Could not convert string '(?P<value>.*)' to (?P<type>[\w(),]+)", re.S), "INVALID_CAST_ARGUMENT", "Cannot cast '{value}' to {type}"),
    (re.compile(r"Conversion Error: (?P<rest>.*)", re.S), "INVALID_CAST_ARGUMENT", "{rest}"),
    (re.compile(r"Out of Range Error: (?P<rest>.*)", re.S), "NUMERIC_VALUE_OUT_OF_RANGE", "{rest}"),
    (re.compile(r"More than one row returned by a subquery"), "SUBQUERY_MULTIPLE_ROWS", "Scalar sub-query has returned multiple rows"),
    (re.compile(r"Out of Memory Error: (?P<rest>.*)", re.S), "EXCEEDED_LOCAL_MEMORY_LIMIT", "Query exhausted resources at this scale factor"),
]  # fmt: skip


def from_duckdb(error: duckdb.Error) -> QueryError:
    """DuckDB's error under the name that Athena gives to the same mistake; the text of an unknown one is kept."""
    text = str(error)
    for pattern, name, sentence in _DUCKDB_NAMES:
        if found := pattern.search(text):
            return QueryError(name, sentence.format(**found.groupdict()).splitlines()[0])
    if isinstance(error, duckdb.IOException):
        return QueryError("HIVE_CANNOT_OPEN_SPLIT", text.splitlines()[0])
    if isinstance(error, (duckdb.BinderException, duckdb.ParserException, duckdb.CatalogException)):
        return QueryError("SYNTAX_ERROR", text.removeprefix("Binder Error: ").splitlines()[0])
    return QueryError("GENERIC_INTERNAL_ERROR", text.splitlines()[0], category=SYSTEM)
