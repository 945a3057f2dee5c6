"""A batch run's months follow from comparing the raw bucket with what is served; events only wake a run."""

from __future__ import annotations

import pytest
from ecomm import catalog
from ecomm.batch import refusals
from ecomm.batch.months import choose, job_arguments
from ecomm.batch.publish import publish_activity
from ecomm.batch.served import MADE_FROM, fingerprint, partitions
from ecomm.contract import partition
from ecomm.errors import DataError
from ecomm.raw_bucket import files_by_month
from ecomm.tables import AGGREGATES, MARTS
from ecomm.upload.layout import UNCOMPRESSED

from tests.plugins.conftest import World


def put(world: World, month: str, name: str = "a.csv", text: str = "x\n") -> None:
    world.put(world.names.raw_bucket, f"{UNCOMPRESSED}{partition(month)}/{name}", text)


def remove(world: World, month: str, name: str = "a.csv") -> None:
    key = f"{UNCOMPRESSED}{partition(month)}/{name}"
    world.aws.client("s3").delete_object(Bucket=world.names.raw_bucket, Key=key)


def serve(world: World, *months: str, version: str = "v") -> None:
    """Publishes the months as the bucket has them now."""
    publish_activity(months, [], version, files_by_month(world.names.raw_bucket))


def test_what_is_not_served_is_converted_and_then_left_alone(world: World) -> None:
    for month in ("2019-10", "2019-11"):
        put(world, month)
    chosen = choose("manual__2026-11-23T20:00:00+00:00")
    assert (chosen["months"], chosen["gone"], chosen["left_out"]) == (["2019-10", "2019-11"], [], {})
    assert chosen["version"] == "manual_2026_11_23t20_00_00_00_00"
    present = files_by_month(world.names.raw_bucket)
    assert chosen["files"] == {month: [list(file) for file in files] for month, files in present.items()}
    serve(world, "2019-10", "2019-11")
    assert choose("next")["months"] == []
    assert choose("next", ["2019-11", "2019-11"])["months"] == ["2019-11"]


@pytest.mark.parametrize("change", ["replaced", "added", "removed"])
def test_a_month_whose_objects_changed_is_converted(world: World, change: str) -> None:
    for month in ("2019-10", "2019-11"):
        put(world, month)
    put(world, "2019-11", "b.csv")
    serve(world, "2019-10", "2019-11")
    if change == "replaced":
        put(world, "2019-11", text="y\n")
    elif change == "added":
        put(world, "2019-11", "c.csv")
    else:
        remove(world, "2019-11", "b.csv")
    assert choose("next")["months"] == ["2019-11"]


@pytest.mark.parametrize("name", ["", ".DS_Store", "_SUCCESS", "__MACOSX/._a.csv", "empty.csv"])
def test_objects_that_are_no_data_change_nothing(world: World, name: str) -> None:
    put(world, "2019-11")
    serve(world, "2019-11")
    put(world, "2019-11", name, "" if name in ("", "empty.csv") else "x\n")
    folder = f"{UNCOMPRESSED}{partition('2019-12')}"
    world.put(world.names.raw_bucket, f"{folder}/", "")
    world.put(world.names.raw_bucket, f"{folder}_$folder$", "")
    chosen = choose("next")
    assert (chosen["months"], chosen["gone"]) == ([], [])


def test_a_month_that_left_the_bucket_is_gone_and_a_new_one_is_converted(world: World) -> None:
    put(world, "2019-10")
    serve(world, "2019-10")
    remove(world, "2019-10")
    put(world, "2019-11")
    chosen = choose("next")
    assert (chosen["months"], chosen["gone"]) == (["2019-11"], ["2019-10"])


def test_a_month_published_without_its_files_is_converted_once(world: World) -> None:
    put(world, "2019-11")
    publish_activity(["2019-11"], [], "v1")
    assert choose("next")["months"] == ["2019-11"]
    serve(world, "2019-11", version="v2")
    assert choose("next")["months"] == []


def test_a_refused_month_waits_for_other_files_a_higher_limit_or_the_form(world: World) -> None:
    for month in ("2020-03", "2020-05"):
        put(world, month)
    refusals.remember({"2020-03": "too many"}, files_by_month(world.names.raw_bucket))
    chosen = choose("next")
    assert (chosen["months"], chosen["left_out"]) == (["2020-05"], {"2020-03": "too many"})
    assert choose("next", allowed=["2020-03"])["months"] == ["2020-03", "2020-05"]
    named = choose("next", ["2020-03"])
    assert (named["months"], named["left_out"]) == (["2020-03"], {})
    put(world, "2020-03", text="better\n")
    assert choose("next")["months"] == ["2020-03", "2020-05"]


def test_a_table_is_outdated_until_it_is_made_from_what_is_served(world: World) -> None:
    put(world, "2019-11")
    serve(world, "2019-11", version="v1")
    table, names = AGGREGATES[0], [table.name for table in (*AGGREGATES, *MARTS)]
    assert choose("next")["outdated"] == names
    made_from = {MADE_FROM: fingerprint(table.file, partitions())}
    catalog.put_table(world.names.curated_database, {"Name": table.name, "Parameters": made_from})
    assert choose("next")["outdated"] == names[1:]
    serve(world, "2019-11", version="v2")
    assert choose("next")["outdated"] == names


def test_a_run_that_was_cleared_does_not_write_over_what_it_published(world: World) -> None:
    put(world, "2019-11")
    assert choose("run")["version"] == "run"
    publish_activity(["2019-11"], [], "run")
    assert choose("run")["version"] == "run_2"
    publish_activity(["2019-11"], [], "run_2")
    # The version before the served one is the way back.
    assert choose("run")["version"] == "run_3"
    publish_activity(["2019-11"], [], "run_3")
    assert choose("run")["version"] == "run"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["2019-12"], "has no 2019-12, only 2019-11; upload it first"),
        (["November"], "'November' is not a month; write it as 2019-11"),
    ],
)
def test_a_month_that_cannot_be_converted_is_refused(world: World, asked: list[str], message: str) -> None:
    put(world, "2019-11")
    with pytest.raises(DataError, match=message):
        choose("run", asked)


def test_an_empty_bucket_is_refused(world: World) -> None:
    with pytest.raises(DataError, match="holds no month; run the DAG ecomm_dataset_upload first"):
        choose("run")


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
