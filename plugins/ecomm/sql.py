"""Renders the SQL files of include/sql."""

from __future__ import annotations

import json
from typing import Any

from ecomm.contract import RESERVED_USERS
from ecomm.resources import SQL
from ecomm.settings import settings
from ecomm.tables import CHECK, QUERY


def render_query(table: str) -> str:
    """Returns the SELECT that computes the table, from include/sql/<table>/query.sql.

    The file may use {{ table('agg_activity') }} for a table that it reads, the thresholds of thresholds.json, such as
    {{ thresholds.events_per_hour }}, and {{ reserved_users }}, which completes `where user_id` with the contract's
    range. Raises jinja2.UndefinedError for any other name.
    """
    return _render(table, QUERY)


def render_check(table: str, checked: str) -> str:
    """Returns the check statement of include/sql/<table>/check.sql for the table `checked` of the curated database.

    The file names the checked table {{ this }}; otherwise it is as a query.
    """
    return _render(table, CHECK, this=qualified(checked))


def qualified(table: str) -> str:
    """Returns the name of a table of the curated database with its database, quoted."""
    return f'"{settings().curated_database}"."{table}"'


def _render(table: str, file: str, **names: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string((SQL / table / file).read_text())
    return template.render(
        table=qualified,
        thresholds=_thresholds(),
        reserved_users=f"between {RESERVED_USERS[0]} and {RESERVED_USERS[-1]}",
        **names,
    )


def _thresholds() -> dict[str, Any]:
    return {name: rule["value"] for name, rule in json.loads((SQL / "thresholds.json").read_text()).items()}
