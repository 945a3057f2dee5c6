"""The SQL files of include/sql, filled in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ecomm.contract import RESERVED_USERS
from ecomm.resources import SQL
from ecomm.settings import settings


def render(file: str, table: str | None = None) -> str:
    """The statement of a file such as `marts/kpi_daily_visitors.sql`.

    A file may name {{ database }} (of the curated tables), {{ table }} (the one under audit, with its database), the
    thresholds of thresholds.json, as in {{ thresholds.events_per_hour }}, and {{ reserved_users }}, which completes
    `where user_id` with the contract's range. Any other name raises jinja2.UndefinedError.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    names: dict[str, Any] = {
        "database": settings().curated_database,
        "thresholds": _thresholds(),
        "reserved_users": f"between {RESERVED_USERS[0]} and {RESERVED_USERS[-1]}",
    }
    if table:
        names["table"] = table
    return environment.from_string((SQL / file).read_text()).render(names)


def headline(file: str) -> str:
    """The first comment line of a file: what its table holds."""
    return (SQL / file).read_text().partition("\n")[0].removeprefix("--").strip()


def check_file(file: str) -> str:
    """The check beside a file: `marts/kpi_growth_check.sql` for `marts/kpi_growth.sql`."""
    return str(Path(file).with_suffix("")) + "_check.sql"


def qualified(table: str) -> str:
    """A table of the curated database, as SQL names it."""
    return f'"{settings().curated_database}"."{table}"'


def _thresholds() -> dict[str, Any]:
    return {name: rule["value"] for name, rule in json.loads((SQL / "thresholds.json").read_text()).items()}
