"""The tables' numbers against plain Python, on events that hold every case that could be counted in two ways."""

from __future__ import annotations

import json

import pytest
from ecomm.tables import FACT

from tests.conftest import ROOT, Platform
from tests.include.sql import edge_cases
from tests.include.sql.conftest import DERIVED, Warehouse, build
from tests.include.sql.expectations import expected
from tests.reference_model import Model, Row, parse

MODEL = Model(parse(edge_cases.LINES), edge_cases.SUSPICIOUS, edge_cases.QUARANTINED)


def ordered(rows: list[Row]) -> list[list[tuple[str, str | None]]]:
    return sorted((sorted(row.items()) for row in rows), key=repr)


@pytest.mark.parametrize("table", DERIVED)
def test_a_table_has_the_rows_that_python_computes(warehouse: Warehouse, table: str) -> None:
    rows = expected(table, MODEL)
    assert ordered(warehouse.read(table, rows[0])) == ordered(rows)


def test_the_evidence_against_a_suspicious_user_is_kept(warehouse: Warehouse) -> None:
    rows = warehouse.rows(f"select * from {warehouse.database}.suspicious_users")
    evidence = {
        "events_per_hour": ("events_in_busiest_hour", "601"),
        "carts_per_hour": ("carts_in_busiest_hour", "101"),
        "repeats_per_hour": ("repeats_in_busiest_hour", "31"),
        "hours_per_day": ("hours_in_busiest_day", "22"),
        "views_without_end": ("views_without_end", "1501"),
    }
    assert {row["reason"] for row in rows} == {"reserved", *evidence}
    for row in (row for row in rows if row["reason"] != "reserved"):
        column, value = evidence[str(row["reason"])]
        assert row[column] == value


def test_the_reserved_range_is_that_of_the_contract() -> None:
    contract = json.loads((ROOT / "include/contract/ecomm_user_activity.json").read_text())
    users = [users for name, users in contract["reserved_users"].items() if name != "description"]
    assert min(range_["first"] for range_ in users) == edge_cases.RESERVED
    assert max(range_["last"] for range_ in users) == edge_cases.LAST_RESERVED


@pytest.mark.parametrize("table", [FACT, *DERIVED])
def test_a_sound_table_passes_its_checks(warehouse: Warehouse, table: str) -> None:
    assert warehouse.failed(table) == []


def test_one_event_is_enough_for_every_table(platform: Platform) -> None:
    lines = [edge_cases.line("11-01 10:00:00", "view", 1)]
    one = build(platform, "one_event", lines)
    for table in [FACT, *DERIVED]:
        assert one.failed(table) == []
    for table in DERIVED:
        if rows := expected(table, Model(parse(lines))):
            assert ordered(one.read(table, rows[0])) == ordered(rows), table
