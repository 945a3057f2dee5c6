"""The tables' numbers against plain Python, on events that hold every case that could be counted in two ways."""

from __future__ import annotations

import pytest

from tests.dags.expected import Row
from tests.include.sql import edge_cases
from tests.include.sql.conftest import DERIVED, Warehouse
from tests.include.sql.expected import tables

EXPECTED = tables(edge_cases.LINES, edge_cases.SUSPICIOUS)


def ordered(rows: list[Row]) -> list[list[tuple[str, str | None]]]:
    return sorted((sorted(row.items()) for row in rows), key=repr)


@pytest.mark.parametrize("table", DERIVED)
def test_a_table_has_the_rows_that_python_computes(warehouse: Warehouse, table: str) -> None:
    expected = EXPECTED[table]
    found = warehouse.rows(f"select {', '.join(expected[0])} from {warehouse.database}.{table}")
    assert ordered(found) == ordered(expected)


def test_the_evidence_against_a_suspicious_user_is_kept(warehouse: Warehouse) -> None:
    rows = warehouse.rows(f"select * from {warehouse.database}.suspicious_users")
    evidence = {
        "events_per_hour": ("events_in_busiest_hour", "601"),
        "carts_per_hour": ("carts_in_busiest_hour", "101"),
        "hours_per_day": ("hours_in_busiest_day", "22"),
        "views_without_end": ("views_without_end", "1501"),
    }
    for row in rows:
        column, value = evidence[str(row["reason"])]
        assert row[column] == value


@pytest.mark.parametrize("table", DERIVED)
def test_a_sound_table_passes_its_checks(warehouse: Warehouse, table: str) -> None:
    assert set(warehouse.check(DERIVED[table]).values()) == {0}
