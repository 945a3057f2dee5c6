"""The tables of include/sql, in an order in which they can be computed. Each is a folder: query, check, description."""

from __future__ import annotations

import re
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from ecomm.resources import SQL

FACT = "ecomm_user_activity"
QUARANTINE = "ecomm_user_activity_quarantine"
MART_PREFIX = "kpi_"
QUERY, CHECK, DESCRIPTION = "query.sql", "check.sql", "table.yaml"

MAX_COMMENT = 255
_TABLE = re.compile(r"\{\{\s*table\('(\w+)'\)\s*\}\}")


@dataclass(frozen=True)
class Derived:
    """A table that Athena computes. sources: the tables that its query reads."""

    name: str
    sources: tuple[str, ...]


def _derived() -> tuple[Derived, ...]:
    queries = sorted(SQL.glob(f"*/{QUERY}"))
    sources = {path.parent.name: tuple(dict.fromkeys(_TABLE.findall(path.read_text()))) for path in queries}
    order = TopologicalSorter({name: [read for read in reads if read in sources] for name, reads in sources.items()})
    return tuple(Derived(name, sources[name]) for name in order.static_order())


_ALL = _derived()
AGGREGATES = tuple(table for table in _ALL if not table.name.startswith(MART_PREFIX))
MARTS = tuple(sorted((table for table in _ALL if table.name.startswith(MART_PREFIX)), key=lambda table: table.name))
# Each after those that it reads: a mart reads aggregates only.
DERIVED = (*AGGREGATES, *MARTS)


def describe(table: str) -> dict[str, Any]:
    """Returns what the table's table.yaml says: description, grain, contract, columns and caveats."""
    import yaml

    return dict(yaml.safe_load((SQL / table / DESCRIPTION).read_text()))


def column_comments(table: str) -> dict[str, str]:
    """Returns a comment per column for the catalog: description, unit, formula and caveat, at most 255 characters.

    That is the limit of Glue (https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html).
    """
    return {name: _comment(column) for name, column in describe(table)["columns"].items()}


def _comment(column: dict[str, Any]) -> str:
    unit = f" ({column['unit']})" if "unit" in column else ""
    comment = f"{column['description']}{unit}"
    for part in (column.get("formula"), column.get("caveat")):
        longer = f"{comment}. {part}" if part else comment
        comment = longer if len(longer) <= MAX_COMMENT else comment
    return comment
