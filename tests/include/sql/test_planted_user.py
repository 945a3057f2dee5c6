"""A user with 131 identical carts within 7 seconds is in every `all` number and in no `human` one, in all marts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from ecomm.tables import FACT, describe

from simulator.dataset_generator import generate
from tests.conftest import Platform
from tests.include.sql.conftest import DERIVED, Warehouse, build
from tests.include.sql.expectations import expected
from tests.include.sql.expectations import planted as planted_difference
from tests.include.sql.test_edge_cases import ordered
from tests.reference_model import Model, Row, parse

USER = "518642416"
CARTS = [
    f"2019-11-17 16:58:{13 + number * 7 // 131} UTC,cart,1004856,2053013555631882655,electronics.smartphone,samsung,"
    f"130.76,{USER},00000000-0000-4000-8000-000000000131\n"
    for number in range(131)
]
OTHERS = list(generate(3000, seed=11))
WITH_AUDIENCES = [name for name in DERIVED if "audience" in describe(name)["columns"]]
DIFFERENCES = [(name, *difference) for name in WITH_AUDIENCES if (difference := planted_difference(name))]


@pytest.fixture(scope="module")
def planted(platform: Platform) -> Warehouse:
    return build(platform, "planted_user", sorted([*OTHERS, *CARTS]))


def of(audience: str, rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["audience"] == audience]


def test_only_this_user_is_suspicious(planted: Warehouse) -> None:
    (found,) = planted.rows("select * from planted_user.suspicious_users")
    assert (found["user_id"], found["reason"]) == (USER, "carts_per_hour")
    assert (found["carts_in_busiest_hour"], found["repeats_in_busiest_hour"]) == ("131", "124")


@pytest.mark.parametrize("table", WITH_AUDIENCES)
def test_people_are_counted_as_if_the_user_had_never_been(planted: Warehouse, table: str) -> None:
    without = of("all", expected(table, Model(parse(OTHERS))))
    found = of("human", planted.read(table, without[0]))
    assert ordered(found) == ordered([row | {"audience": "human"} for row in without])


@pytest.mark.parametrize("table", WITH_AUDIENCES)
def test_all_are_counted_with_the_user(planted: Warehouse, table: str) -> None:
    rows = of("all", expected(table, Model(parse([*OTHERS, *CARTS]))))
    assert ordered(of("all", planted.read(table, rows[0]))) == ordered(rows)


@pytest.mark.parametrize(("table", "column", "added"), DIFFERENCES)
def test_the_audiences_differ_by_the_user(planted: Warehouse, table: str, column: str, added: str) -> None:
    sums = {
        row["audience"]: Decimal(str(row["total"]))
        for row in planted.rows(f"select audience, sum({column}) as total from planted_user.{table} group by audience")
    }
    assert sums["all"] - sums["human"] == Decimal(added)


def test_the_data_s_quality_tells_of_the_user(planted: Warehouse) -> None:
    failing = planted.rows(
        "select check, sum(failing_rows) as failing from planted_user.kpi_data_quality "
        "where check in ('user_is_not_suspicious', 'event_is_not_repeated') and day = date '2019-11-17' group by check"
    )
    counts = {row["check"]: int(str(row["failing"])) for row in failing}
    assert counts["user_is_not_suspicious"] == 131
    assert counts["event_is_not_repeated"] >= 124


@pytest.mark.parametrize("table", [FACT, *DERIVED])
def test_the_checks_pass(planted: Warehouse, table: str) -> None:
    assert planted.failed(table) == []
