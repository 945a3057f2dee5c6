"""The documented columns against those of the tables that the queries make, and what each query reads."""

from __future__ import annotations

import json
import tomllib

import pytest
from ecomm.sql import render_query
from ecomm.tables import CHECK, DESCRIPTION, FACT, QUERY, column_comments, describe
from ecomm.tables import DERIVED as TABLES
from sqlglot import exp, parse_one

from tests.conftest import ROOT
from tests.include.sql.conftest import DERIVED, Warehouse

SQL = ROOT / "include" / "sql"
SCHEMA = {table: describe(table) for table in DERIVED}

SOURCES = {table.name: table.sources for table in TABLES}


def names_read(sql: str) -> list[str]:
    """The tables and common table expressions that a statement reads, once for each time that it names them."""
    return [table.name for table in parse_one(sql, read="athena").find_all(exp.Table)]


def test_every_folder_is_a_whole_table() -> None:
    folders = {path.name: {file.name for file in path.iterdir()} for path in SQL.iterdir() if path.is_dir()}
    assert folders == {FACT: {CHECK}} | {table: {QUERY, CHECK, DESCRIPTION} for table in DERIVED}


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


@pytest.mark.parametrize("table", [table for table in DERIVED if table.startswith("kpi_")])
def test_the_columns_of_the_contract_are_there(table: str) -> None:
    """Columns may be added; those that analysts build on keep their names."""
    contract = SCHEMA[table]["contract"]
    assert contract
    assert set(contract) <= SCHEMA[table]["columns"].keys()


@pytest.mark.parametrize("table", DERIVED)
def test_a_column_comment_fits_into_the_catalog_and_says_the_unit(table: str) -> None:
    for name, comment in column_comments(table).items():
        column = SCHEMA[table]["columns"][name]
        assert comment.startswith(column["description"])
        assert column.get("unit", "") in comment
        assert len(comment) <= 255


@pytest.mark.parametrize("table", DERIVED)
def test_a_query_reads_each_of_its_sources_once_and_nothing_else(table: str) -> None:
    """Athena reads a table again each time that a query names it or an expression that reads it."""
    query = render_query(table)
    expressions = [cte.alias for cte in parse_one(query, read="athena").find_all(exp.CTE)]
    assert sorted(names_read(query)) == sorted([*SOURCES[table], *expressions])


def test_only_the_first_aggregate_reads_the_fact() -> None:
    assert [table for table in DERIVED if FACT in names_read(render_query(table))] == ["agg_activity"]


def test_thresholds_have_a_value_and_a_reason_and_the_linter_knows_them() -> None:
    thresholds = json.loads((SQL / "thresholds.json").read_text())
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sqlfluff"]["templater"]["jinja"]["context"]
    assert {name: rule["value"] for name, rule in thresholds.items()} == linter["thresholds"]
    assert all(rule["reason"] for rule in thresholds.values())
