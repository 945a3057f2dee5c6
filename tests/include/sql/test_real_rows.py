"""The tables of the first hours of October 2019, real rows, against figures taken from the file by other tools."""

from __future__ import annotations

import pytest
from ecomm.tables import FACT

from tests.conftest import Platform
from tests.include.sql.conftest import DERIVED, REAL_ROWS, Warehouse, build
from tests.include.sql.expectations import expected
from tests.include.sql.test_edge_cases import ordered
from tests.reference_model import Model, parse

LINES = REAL_ROWS.read_text().splitlines(keepends=True)[1:]


@pytest.fixture(scope="module")
def october(platform: Platform) -> Warehouse:
    return build(platform, "real_rows", LINES)


@pytest.mark.parametrize("table", [table for table in DERIVED if table != "suspicious_users"])
def test_a_table_has_the_rows_that_python_computes(october: Warehouse, table: str) -> None:
    rows = expected(table, Model(parse(LINES)))
    assert ordered(october.read(table, rows[0])) == ordered(rows)


@pytest.mark.parametrize("table", [FACT, *DERIVED])
def test_the_checks_pass(october: Warehouse, table: str) -> None:
    assert set(october.check(table).values()) == {0}


def test_nobody_is_suspicious(october: Warehouse) -> None:
    assert october.rows("select * from real_rows.suspicious_users") == []


@pytest.mark.parametrize("audience", ["all", "human"])
def test_the_figures_are_those_known_of_the_file(october: Warehouse, audience: str) -> None:
    (visitors,) = october.rows(f"select * from real_rows.kpi_daily_visitors where audience = '{audience}'")
    known = {
        "day": "2019-10-01",
        "visitors": "4504",
        "new_visitors": "4504",
        "returning_visitors": "0",
        "sessions": "5066",
        "views": "17055",
        "carts": "165",
        "purchases": "214",
        "revenue": "59442.63",
    }
    assert {name: visitors[name] for name in known} == known
    (carts,) = october.rows(f"select * from real_rows.kpi_cart_abandonment where audience = '{audience}'")
    assert (carts["sessions_with_cart"], carts["sessions_abandoned"]) == ("118", "53")
    assert carts["abandoned_value"] == "24200.15"
    popular = october.rows(
        f"""
        select category_code, events, rank_by_views from real_rows.kpi_popular_categories
        where audience = '{audience}' and (category_code is null or rank_by_views = 1)
        order by rank_by_views nulls last
        """
    )
    assert popular == [
        {"category_code": "electronics.smartphone", "events": "4720", "rank_by_views": "1"},
        {"category_code": None, "events": "5746", "rank_by_views": None},
    ]
