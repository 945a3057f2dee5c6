"""The documented columns against those of the tables that the queries make, and what each query reads."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
import yaml
from ecomm.sql import render
from ecomm.tables import FACT
from sqlglot import exp, parse_one

from tests.conftest import ROOT
from tests.include.sql.conftest import DERIVED, Warehouse

SQL = ROOT / "include" / "sql"
SCHEMA = yaml.safe_load((SQL / "schema.yaml").read_text())

# DESIGN's contract with analysts: columns may be added, these keep their names.
CONTRACT = {
    "kpi_daily_visitors": "day audience visitors new_visitors returning_visitors sessions sessions_with_purchase views "
    "carts purchases revenue conversion_rate",
    "kpi_cart_abandonment": "day audience sessions_with_cart sessions_abandoned abandonment_rate abandoned_value",
    "kpi_popular_categories": "day audience category_code visitors views carts purchases revenue rank_by_views "
    "rank_by_revenue",
    "kpi_hourly_activity": "hour category_code event_type audience events visitors revenue",
    "kpi_data_quality": "day check rows failing_rows rate",
}


def names_read(sql: str) -> list[str]:
    """The tables and common table expressions that a statement reads, once for each time that it names them."""
    return [table.name for table in parse_one(sql, read="athena").find_all(exp.Table)]


def test_every_table_is_documented() -> None:
    assert SCHEMA.keys() == DERIVED.keys()


@pytest.mark.parametrize("table", DERIVED)
def test_the_documented_columns_are_those_of_the_table(warehouse: Warehouse, table: str) -> None:
    documented = SCHEMA[table]["columns"]
    assert {name: column["type"] for name, column in documented.items()} == warehouse.columns(table)
    assert list(documented) == list(warehouse.columns(table))
    assert all(column["description"] for column in documented.values())
    numbers = documented.keys() - {"user_id"} - {n for n, c in documented.items() if c["type"] in {"string", "boolean"}}
    assert all(documented[name]["unit"] for name in numbers)


@pytest.mark.parametrize("table", DERIVED)
def test_the_documented_grain_is_that_of_the_table(warehouse: Warehouse, table: str) -> None:
    keys = ", ".join(f'"{name}"' for name in SCHEMA[table]["grain"])
    (row,) = warehouse.rows(
        f"select count(*) as row_count from (select {keys} from {warehouse.database}.{table} group by {keys}) as keys"
    )
    (all_rows,) = warehouse.rows(f"select count(*) as row_count from {warehouse.database}.{table}")
    assert row == all_rows


@pytest.mark.parametrize("table", CONTRACT)
def test_analysts_find_the_columns_they_build_on(table: str) -> None:
    assert set(CONTRACT[table].split()) <= SCHEMA[table]["columns"].keys()


@pytest.mark.parametrize("table", DERIVED)
def test_a_query_reads_each_of_its_sources_once_and_nothing_else(table: str) -> None:
    """Athena reads a table again each time that a query names it or an expression that reads it."""
    query = render(DERIVED[table].file)
    expressions = [cte.alias for cte in parse_one(query, read="athena").find_all(exp.CTE)]
    assert sorted(names_read(query)) == sorted([*DERIVED[table].sources, *expressions])


def test_only_the_first_aggregate_reads_the_fact() -> None:
    assert [name for name, table in DERIVED.items() if FACT in names_read(render(table.file))] == ["agg_activity"]


@pytest.mark.parametrize("table", DERIVED)
def test_a_file_says_what_a_row_is_and_where_it_comes_from(table: str) -> None:
    lines = (SQL / DERIVED[table].file).read_text().splitlines()
    header = " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))
    header = re.sub(r" \(.*?\)", "", header)
    assert re.findall(r"Grain: (.*?)\.", header) == [", ".join(SCHEMA[table]["grain"])]
    assert re.findall(r"Sources?: (.*?)\.", header) == [", ".join(DERIVED[table].sources)]


def test_thresholds_have_a_value_and_a_reason_and_the_linter_knows_them() -> None:
    thresholds = json.loads((SQL / "thresholds.json").read_text())
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sqlfluff"]["templater"]["jinja"]["context"]
    assert {name: rule["value"] for name, rule in thresholds.items()} == linter["thresholds"]
    assert all(rule["reason"] for rule in thresholds.values())
