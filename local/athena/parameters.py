"""Parameters of a query and the statements kept under a name in a workgroup."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from local.athena.errors import QueryError
from local.athena.lexer import tokenize


def fill(sql: str, given: Sequence[str]) -> str:
    """The statement with each ? replaced by its parameter, an SQL literal as Athena takes it. Raises QueryError."""
    places = [token for token in tokenize(sql) if token.text == "?"]
    if len(places) != len(given):
        raise QueryError(
            "INVALID_PARAMETER_USAGE",
            f"Incorrect number of parameters: expected {len(places)} but found {len(given)}",
            (1, 1),
        )
    filled, end = "", 0
    for place, value in zip(places, given, strict=True):
        filled += sql[end : place.start] + value
        end = place.end
    return filled + sql[end:]


def prepared(athena: Any, workgroup: str, name: str) -> str:
    """The text of a prepared statement. Raises QueryError where the workgroup has none of that name."""
    try:
        found = athena.get_prepared_statement(StatementName=name, WorkGroup=workgroup)
    except athena.exceptions.ResourceNotFoundException:
        raise _missing(workgroup, name) from None
    return str(found["PreparedStatement"]["QueryStatement"])


def prepare(athena: Any, workgroup: str, name: str, sql: str) -> None:
    """Keeps a statement under a name, in place of the one that had it."""
    with contextlib.suppress(athena.exceptions.ResourceNotFoundException):
        athena.delete_prepared_statement(StatementName=name, WorkGroup=workgroup)
    athena.create_prepared_statement(StatementName=name, WorkGroup=workgroup, QueryStatement=sql)


def deallocate(athena: Any, workgroup: str, name: str) -> None:
    try:
        athena.delete_prepared_statement(StatementName=name, WorkGroup=workgroup)
    except athena.exceptions.ResourceNotFoundException:
        raise _missing(workgroup, name) from None


def _missing(workgroup: str, name: str) -> QueryError:
    return QueryError("NOT_FOUND", f"Prepared statement not found: {name} (in workgroup {workgroup})")
