"""A batch run's months: those asked for, those just uploaded, and those that nobody converted yet."""

from __future__ import annotations

import pytest
from ecomm.batch.months import choose, job_arguments
from ecomm.batch.publish import publish_activity
from ecomm.errors import DataError

from tests.plugins.conftest import World


def upload(world: World, *months: str) -> None:
    for month in months:
        year, number = month.split("-")
        world.put(world.names.raw_bucket, f"ecomm_user_activity_uncompressed/p_year={year}/p_month={number}/a.csv")


def test_by_hand_all_months_of_the_bucket_are_converted(world: World) -> None:
    upload(world, "2019-10", "2019-11")
    chosen = choose("manual__2026-11-23T20:00:00+00:00", [], [])
    assert chosen == {"months": ["2019-10", "2019-11"], "gone": [], "version": "manual_2026_11_23t20_00_00_00_00"}


def test_an_upload_brings_its_own_months_and_those_not_served_yet(world: World) -> None:
    upload(world, "2019-09", "2019-10", "2019-11")
    publish_activity(["2019-09"], [], "first")
    assert choose("second", [], [{"months": ["2019-11"], "rows": 1}])["months"] == ["2019-10", "2019-11"]
    publish_activity(["2019-10", "2019-11"], [], "second")
    assert choose("third", [], [{"months": ["2019-11"]}])["months"] == ["2019-11"]
    assert choose("third", [], [{"months": ["2019-11"]}, {"months": ["2019-09"]}])["months"] == ["2019-09", "2019-11"]


def test_an_event_that_names_no_month_stands_for_all(world: World) -> None:
    upload(world, "2019-10", "2019-11")
    publish_activity(["2019-10", "2019-11"], [], "first")
    assert choose("second", [], [{}])["months"] == ["2019-10", "2019-11"]


def test_months_that_left_the_bucket_are_gone(world: World) -> None:
    upload(world, "2019-11")
    publish_activity(["2019-10", "2019-11"], [], "first")
    chosen = choose("second", [], [{"months": ["2019-10", "2019-11"]}])
    assert (chosen["months"], chosen["gone"]) == (["2019-11"], ["2019-10"])


def test_months_asked_for_are_taken_alone(world: World) -> None:
    upload(world, "2019-10", "2019-11")
    assert choose("run", ["2019-11", "2019-11"], [{"months": ["2019-10"]}])["months"] == ["2019-11"]


def test_a_run_that_was_cleared_does_not_write_over_what_it_published(world: World) -> None:
    upload(world, "2019-11")
    assert choose("run", [], [])["version"] == "run"
    publish_activity(["2019-11"], [], "run")
    assert choose("run", [], [])["version"] == "run_2"
    publish_activity(["2019-11"], [], "run_2")
    # The version before the served one is the way back.
    assert choose("run", [], [])["version"] == "run_3"
    publish_activity(["2019-11"], [], "run_3")
    assert choose("run", [], [])["version"] == "run"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["2019-12"], "has no 2019-12, only 2019-11; upload it first"),
        (["November"], "'November' is not a month; write it as 2019-11"),
    ],
)
def test_a_month_that_cannot_be_converted_is_refused(world: World, asked: list[str], message: str) -> None:
    upload(world, "2019-11")
    with pytest.raises(DataError, match=message):
        choose("run", asked, [])


def test_an_empty_bucket_is_refused(world: World) -> None:
    with pytest.raises(DataError, match="holds no month; run the DAG ecomm_dataset_upload first"):
        choose("run", [], [])


def test_the_job_is_told_its_folders(world: World) -> None:
    names = world.names
    assert job_arguments(["2019-10", "2019-11"], "v", "category_id") == {
        "--SOURCE": f"s3://{names.raw_bucket}/ecomm_user_activity_uncompressed/",
        "--MONTHS": "2019-10,2019-11",
        "--CURATED": f"s3://{names.curated_bucket}/ecomm_user_activity/version=v/",
        "--QUARANTINE": f"s3://{names.curated_bucket}/ecomm_user_activity_quarantine/version=v/",
        "--CLUSTER_BY": "category_id",
        "--REPORT": f"s3://{names.artifacts_bucket}/reports/csv_to_parquet/v.json",
    }
