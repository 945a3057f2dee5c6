"""A month is served from one version or from another, never from a part of one."""

from __future__ import annotations

from typing import Any

import pytest
from ecomm import catalog
from ecomm.batch import refusals
from ecomm.batch.publish import publish_activity
from ecomm.batch.served import accepted_limit, changed_months, counts, parameters, partitions, snapshot
from ecomm.errors import DataError
from ecomm.raw_bucket import RawObject

from tests.plugins.conftest import World

OCTOBER, NOVEMBER = "2019-10", "2019-11"


def served(world: World) -> dict[str | None, str | None]:
    """Rows of the fact by month, as a reader sees them."""
    sql = (
        "select p_year || '-' || p_month as month, count(*) as found from ecomm_user_activity group by p_year, p_month"
    )
    return {row["month"]: row["found"] for row in world.query(sql)}


def versions(world: World, table: str = "ecomm_user_activity") -> set[str]:
    return {key.split("/")[1] for key in world.keys(f"{table}/")}


def test_a_month_is_switched_to_its_new_version_and_the_one_before_is_kept(world: World) -> None:
    for number, version in enumerate(("v1", "v2", "v3"), start=1):
        world.convert(version, NOVEMBER, curated=number, quarantined=number)
        publish_activity([NOVEMBER], [], version)
        assert served(world) == {NOVEMBER: str(number)}
    for table in ("ecomm_user_activity", "ecomm_user_activity_quarantine"):
        assert versions(world, table) == {"version=v2", "version=v3"}
    assert world.query("select count(*) as found from ecomm_user_activity_quarantine") == [{"found": "3"}]


def test_a_month_keeps_its_version_while_another_goes_on(world: World) -> None:
    world.convert("v1", OCTOBER, curated=10, quarantined=0)
    world.convert("v1", NOVEMBER, curated=11, quarantined=0)
    publish_activity([OCTOBER, NOVEMBER], [], "v1")
    for number, version in enumerate(("v2", "v3"), start=20):
        world.convert(version, NOVEMBER, curated=number, quarantined=0)
        publish_activity([NOVEMBER], [], version)
    assert served(world) == {OCTOBER: "10", NOVEMBER: "21"}
    assert [key.split("/p_month=")[1][:2] for key in world.keys("ecomm_user_activity/version=v1/")] == ["10"]


def test_a_month_without_a_quarantined_row_does_not_show_those_of_the_version_before(world: World) -> None:
    world.convert("v1", NOVEMBER, curated=5, quarantined=5)
    publish_activity([NOVEMBER], [], "v1")
    world.convert("v2", NOVEMBER, curated=10, quarantined=0)
    publish_activity([NOVEMBER], [], "v2")
    assert world.query("select count(*) as found from ecomm_user_activity_quarantine") == [{"found": "0"}]


def test_a_month_that_is_gone_is_dropped(world: World) -> None:
    for month in (OCTOBER, NOVEMBER):
        world.convert("v1", month, curated=1, quarantined=1)
    publish_activity([OCTOBER, NOVEMBER], [], "v1")
    world.convert("v2", NOVEMBER, curated=2, quarantined=0)
    publish_activity([NOVEMBER], [OCTOBER], "v2")
    assert served(world) == {NOVEMBER: "2"}


def test_publishing_again_changes_nothing(world: World) -> None:
    for version in ("v1", "v2"):
        world.convert(version, NOVEMBER, curated=1, quarantined=0)
        publish_activity([NOVEMBER], [OCTOBER], version)
    before = world.keys("ecomm_user_activity/")
    result = publish_activity([NOVEMBER], [OCTOBER], "v2")
    assert result == {"published": [NOVEMBER], "dropped": [OCTOBER], "files_deleted": 0}
    assert world.keys("ecomm_user_activity/") == before
    assert versions(world) == {"version=v1", "version=v2"}


def test_an_old_run_that_is_cleared_takes_no_rows_from_readers(world: World) -> None:
    for version in ("v1", "v2", "v3"):
        world.convert(version, NOVEMBER, curated=3, quarantined=1)
        publish_activity([NOVEMBER], [], version)
    with pytest.raises(
        DataError, match=r"version v1 has no file of 2019-11 any more.*start ecomm_batch_kpis with .*2019-11"
    ):
        publish_activity([NOVEMBER], [], "v1")
    assert served(world) == {NOVEMBER: "3"}


def test_an_old_run_that_is_cleared_does_not_bring_back_the_version_before(world: World) -> None:
    for number, version in enumerate(("v1", "v2"), start=1):
        world.convert(version, NOVEMBER, curated=number, quarantined=0)
        publish_activity([NOVEMBER], [], version)
    with pytest.raises(
        DataError, match=r"later run has published 2019-11 over the version v1.*start ecomm_batch_kpis with .*2019-11"
    ):
        publish_activity([NOVEMBER], [], "v1")
    assert served(world) == {NOVEMBER: "2"}


def test_a_month_says_what_it_was_made_of_and_is_no_longer_noted_as_refused(world: World) -> None:
    now = snapshot([RawObject("a.csv", 2, '"tag"')])
    refusals.remember(NOVEMBER, "too many", now, 0.01, "v1")
    counted = {"rows_in": 2, "rows_curated": 1, "rows_quarantined": 1, "reasons": {"price": 1}}
    publish_activity([NOVEMBER], [], "v1", {NOVEMBER: parameters(now, 0.5, counted)})
    month = partitions()[NOVEMBER]
    assert changed_months({NOVEMBER: now}, {NOVEMBER: month}) == set()
    assert accepted_limit(now, month) == 0.5
    assert counts(month) == counted
    assert refusals.read() == {}


def test_a_publication_that_was_killed_between_the_tables_is_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fact is switched last, so a month that says what it was made of has its quarantine too."""
    now = snapshot([RawObject("a.csv", 2, '"tag"')])
    world.convert("v1", NOVEMBER, curated=1, quarantined=1)
    counted = {"rows_in": 2, "rows_curated": 1, "rows_quarantined": 1, "reasons": {"price": 1}}
    put, killed = catalog.put_partition, RuntimeError("killed")

    def put_one(database: str, table: str, partition: Any) -> None:
        if table == "ecomm_user_activity":
            raise killed
        put(database, table, partition)

    monkeypatch.setattr(catalog, "put_partition", put_one)
    with pytest.raises(RuntimeError, match="killed"):
        publish_activity([NOVEMBER], [], "v1", {NOVEMBER: parameters(now, 0.5, counted)})
    assert changed_months({NOVEMBER: now}, partitions()) == {NOVEMBER}


def test_a_month_that_has_no_row_is_published_where_it_had_none(world: World) -> None:
    publish_activity([NOVEMBER], [], "v1")
    publish_activity([NOVEMBER], [], "v2")
    world.convert("v3", NOVEMBER, curated=0, quarantined=2)
    publish_activity([NOVEMBER], [], "v3")
    assert served(world) == {}


def test_a_fact_that_is_not_deployed_is_named(world: World) -> None:
    catalog.drop_table(world.names.curated_database, "ecomm_user_activity")
    with pytest.raises(DataError, match=r"There is no table ecomm_user_activity in .*; deploy the stacks"):
        publish_activity([NOVEMBER], [], "v1")


def test_what_a_run_left_that_was_never_published_is_deleted(world: World) -> None:
    world.convert("failed", NOVEMBER, curated=1, quarantined=1)
    world.convert("v1", NOVEMBER, curated=1, quarantined=0)
    assert publish_activity([NOVEMBER], [], "v1")["files_deleted"] == 2
    assert versions(world) == {"version=v1"}


def test_the_lines_of_a_refused_month_stay_until_it_is_published(world: World) -> None:
    for month in (OCTOBER, NOVEMBER):
        world.convert("v1", month, curated=1, quarantined=1)
    refusals.remember(OCTOBER, "too many", snapshot([]), 0.01, "v1")
    publish_activity([NOVEMBER], [], "v1")
    folder = "ecomm_user_activity_quarantine/version=v1/p_year=2019/p_month=10/"
    assert world.keys(folder)
    assert not world.keys("ecomm_user_activity/version=v1/p_year=2019/p_month=10/")
    world.convert("v2", OCTOBER, curated=1, quarantined=0)
    publish_activity([OCTOBER], [], "v2")
    assert not world.keys(folder)


def test_what_a_killed_audit_left_in_the_catalog_goes(world: World) -> None:
    database = world.names.curated_database
    fact = catalog.find_table(database, "ecomm_user_activity")
    assert fact is not None
    catalog.put_table(database, {**fact, "Name": "ecomm_user_activity__killed"})
    publish_activity([], [], "v1")
    assert [table["Name"] for table in catalog.list_tables(database)] == [
        "ecomm_user_activity",
        "ecomm_user_activity_quarantine",
    ]
