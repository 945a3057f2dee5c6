"""Which parts of the tables a query reads, found by planning it over empty tables that stand for the catalogue's.

Every WITH query is written out at each use, as Athena plans it. What DuckDB's optimiser leaves to a table's scan says
which columns are read and which conditions its rows must meet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from local.athena.catalog import CATALOG
from local.athena.session import Session
from local.athena.tables import Table
from local.athena.types import quote, to_duckdb


@dataclass(frozen=True)
class Scan:
    """One reading of a table in a plan. conditions: all of them hold for every row that matters, in DuckDB's words."""

    table: str
    columns: frozenset[str]
    conditions: tuple[exp.Expr, ...]


def plan(session: Session, tables: Sequence[tuple[str, Table]], sql: str) -> list[dict[str, Any]]:
    """DuckDB's plan of a query whose tables have these names, as nodes with name, extra_info and children."""
    for name, table in tables:
        columns = ", ".join(f"{quote(column.name)} {to_duckdb(column.type)}" for column in table.all_columns)
        session.planner.execute(f'CREATE OR REPLACE TEMP TABLE {name} ({columns}, "$path" VARCHAR)')
    found = session.planner.execute(f"EXPLAIN (FORMAT json) {sql}").fetchone()
    nodes: list[dict[str, Any]] = json.loads(found[1]) if found else []
    return nodes


def scans(nodes: Sequence[dict[str, Any]]) -> list[Scan]:
    """The scans of a plan; a table that is not read has none."""
    return [scan for node in nodes for scan in _scans(node, [])]


def shown(nodes: Sequence[dict[str, Any]], tables: Sequence[tuple[str, Table]]) -> list[str]:
    """A plan as lines of text, each table under its own name."""
    names = {name: f"{CATALOG}.{table.database}.{table.name}" for name, table in tables}
    return [line for node in nodes for line in _lines(node, names, 0)]


def _lines(node: dict[str, Any], names: dict[str, str], depth: int) -> Iterator[str]:
    extra = {key: value for key, value in node["extra_info"].items() if value and key not in _LEFT_OUT}
    if "Table" in extra:
        extra["Table"] = names.get(extra["Table"].rpartition(".")[2], extra["Table"])
    details = ", ".join(
        value if key == "Table" else f"{key.lower()} = ({', '.join(_list(value))})" for key, value in extra.items()
    )
    yield f"{'    ' * depth}- {_OPERATORS.get(node['name'], node['name'].title().replace('_', ''))}[{details}]"
    for child in node["children"]:
        yield from _lines(child, names, depth + 1)


_LEFT_OUT = ("Estimated Cardinality", "Type")
_OPERATORS = {
    "SEQ_SCAN": "TableScan",
    "HASH_GROUP_BY": "Aggregate",
    "UNGROUPED_AGGREGATE": "Aggregate",
    "TOP_N": "TopN",
}


def _scans(node: dict[str, Any], above: list[str]) -> Iterator[Scan]:
    """The scans below a node; above: the conditions of the filters that stand right over it."""
    extra = node["extra_info"]
    if node["name"] == "SEQ_SCAN":
        written = _list(extra.get("Filters")) + above
        conditions = tuple(condition for text in written for condition in _conjuncts(text))
        named = {column.name.lower() for condition in conditions for column in condition.find_all(exp.Column)}
        shown = {name.strip('"').lower() for name in _list(extra.get("Projections"))}
        yield Scan(extra["Table"].rpartition(".")[2], frozenset(named | shown), conditions)
        return
    over = above + _list(extra.get("Expression")) if node["name"] == "FILTER" else []
    for child in node["children"]:
        yield from _scans(child, over)


def _list(found: Any) -> list[str]:
    return [one for one in (found if isinstance(found, list) else [found]) if one]


def _conjuncts(text: str) -> list[exp.Expr]:
    """The parts of a condition that must all hold; none of one that cannot be read, which then rules nothing out."""
    text = text.removeprefix("optional: ")
    if "Dynamic Filter" in text:
        return []
    try:
        tree = sqlglot.parse_one(text, read="duckdb").unnest()
    except sqlglot.errors.SqlglotError:
        return []
    return [part.unnest() for part in tree.flatten()] if isinstance(tree, exp.And) else [tree]


def holds_for(
    session: Session, condition: exp.Expr, keys: Sequence[str], values: Sequence[Sequence[str]]
) -> list[bool]:
    """For each row of values (SQL literals) of the keys, whether the condition may hold; true where it cannot be
    computed."""
    rows = ", ".join(f"({number}, {', '.join(row)})" for number, row in enumerate(values))
    names = ", ".join(map(quote, keys))
    try:
        found = session.planner.execute(
            f"SELECT coalesce(({condition.sql('duckdb')}), false) FROM (VALUES {rows}) AS p(number, {names}) "
            "ORDER BY number"
        ).fetchall()
    except duckdb.Error:
        return [True] * len(values)
    return [bool(row[0]) for row in found]
