"""A batch run's months follow from comparing the raw bucket with what is served; events only wake a run."""

from __future__ import annotations

from typing import Any

import pytest
from ecomm import catalog
from ecomm.batch import refusals
from ecomm.batch.months import choose as choose_months
from ecomm.batch.months import job_arguments
from ecomm.batch.publish import publish_activity
from ecomm.batch.served import MADE_FROM, fingerprint, parameters, partitions, snapshot
from ecomm.contract import partition
from ecomm.errors import DataError
from ecomm.raw_bucket import RawObject, files_by_month
from ecomm.settings import settings
from ecomm.tables import DERIVED
from ecomm.upload.layout import UNCOMPRESSED

from tests.plugins.conftest import World


def put(world: World, month: str, name: str = "a.csv", text: str = "x\n") -> None:
    world.put(world.names.raw_bucket, f"{UNCOMPRESSED}{partition(month)}/{name}", text)


def remove(world: World, month: str, name: str = "a.csv") -> None:
    key = f"{UNCOMPRESSED}{partition(month)}/{name}"
    world.aws.client("s3").delete_object(Bucket=world.names.raw_bucket, Key=key)


def choose(run_id: str, asked: Any = (), limit: float = 0.01, **by_month: float) -> dict[str, Any]:
    present = files_by_month(settings().raw_bucket)
    return choose_months(
        run_id, present, asked, limit, {month.replace("_", "-")[1:]: most for month, most in by_month.items()}
    )


def snapshots(world: World) -> dict[str, Any]:
    return {month: snapshot(files) for month, files in files_by_month(world.names.raw_bucket).items()}


def serve(world: World, *months: str, version: str = "v", limit: float = 0.01) -> None:
    """Publishes the months as the bucket has them now."""
    counts = {"rows_in": 1, "rows_curated": 1, "rows_quarantined": 0, "reasons": {}}
    described = {month: parameters(now, limit, counts) for month, now in snapshots(world).items()}
    publish_activity(months, [], version, described)


def test_what_is_not_served_is_converted_and_then_left_alone(world: World) -> None:
    for month in ("2019-10", "2019-11"):
        put(world, month)
    chosen = choose("manual__2026-11-23T20:00:00+00:00")
    assert (chosen["months"], chosen["gone"], chosen["left_out"]) == (["2019-10", "2019-11"], [], {})
    assert chosen["version"] == "manual_2026_11_23t20_00_00_00_00"
    assert chosen["snapshots"] == snapshots(world)
    assert chosen["limits"] == {"2019-10": 0.01, "2019-11": 0.01}
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
    refusals.remember("2020-03", "too many", snapshots(world)["2020-03"], 0.01, "v")
    chosen = choose("next")
    assert (chosen["months"], chosen["left_out"]) == (["2020-05"], {"2020-03": "too many"})
    assert choose("next", m2020_03=0.005)["months"] == ["2020-05"]
    assert choose("next", m2020_03=0.05)["months"] == ["2020-03", "2020-05"]
    assert choose("next", limit=0.05)["months"] == ["2020-03", "2020-05"]
    named = choose("next", ["2020-03"])
    assert (named["months"], named["left_out"]) == (["2020-03"], {})
    put(world, "2020-03", text="better\n")
    assert choose("next")["months"] == ["2020-03", "2020-05"]


def test_a_limit_that_was_raised_stays_with_the_uploaded_files(world: World) -> None:
    put(world, "2020-03")
    serve(world, "2020-03", limit=0.2)
    put(world, "2020-03", "archive-2020-03-02.csv")
    chosen = choose("next")
    assert (chosen["months"], chosen["limits"]) == (["2020-03"], {"2020-03": 0.2})
    put(world, "2020-03", text="another upload\n")
    assert choose("next")["limits"] == {"2020-03": 0.01}


def test_the_last_month_can_go(world: World) -> None:
    put(world, "2020-03")
    serve(world, "2020-03")
    remove(world, "2020-03")
    chosen = choose("next")
    assert (chosen["months"], chosen["gone"]) == ([], ["2020-03"])


def test_four_thousand_files_are_remembered_within_what_the_catalog_takes(world: World) -> None:
    files = [RawObject(f"{UNCOMPRESSED}p/part-{number:05}-{'x' * 40}.csv", number, "e" * 34) for number in range(4000)]
    counts = {"rows_in": 1, "rows_curated": 1, "rows_quarantined": 0, "reasons": {}}
    assert all(len(value) < 512_000 for value in parameters(snapshot(files), 0.01, counts).values())


def test_a_table_is_outdated_until_it_is_made_from_what_is_served(world: World) -> None:
    put(world, "2019-11")
    serve(world, "2019-11", version="v1")
    table, names = DERIVED[0], [table.name for table in DERIVED]
    assert choose("next")["outdated"] == names
    made_from = {MADE_FROM: fingerprint(table.name, partitions())}
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


def test_a_run_lists_the_months_once_and_looks_again_only_if_it_took_some_out(world: World) -> None:
    from ecomm.batch.tasks import plan

    listed: list[str] = []

    def note(params: Any, **_: Any) -> None:
        listed.append(params["Prefix"])

    form = {"months": [], "take_out": [], "most_quarantined": 1, "most_quarantined_by_month": {"2019-11": 5}}
    put(world, "2019-11")
    put(world, "2019-12")
    s3 = world.aws.client("s3")
    s3.meta.events.register("provide-client-params.s3.ListObjectsV2", note)
    try:
        assert plan(form, "run 1")["months"] == ["2019-11", "2019-12"]
    finally:
        s3.meta.events.unregister("provide-client-params.s3.ListObjectsV2", note)
    assert listed.count(UNCOMPRESSED) == 1
    serve(world, "2019-11", "2019-12")
    chosen = plan({**form, "take_out": ["2019-12"]}, "run 2")
    assert (chosen["months"], chosen["gone"]) == ([], ["2019-12"])
    # Taken out already, which is no mistake; and one that never was, which is.
    assert plan({**form, "take_out": ["2019-12"]}, "run 3")["gone"] == ["2019-12"]
    with pytest.raises(DataError, match="take_out names 2018-01, but the raw bucket has 2019-11, 2019-12"):
        plan({**form, "take_out": ["2018-01"]}, "run 4")
    with pytest.raises(DataError, match=r"has no 2019-12, only 2019-11; .* put it back if it was taken out"):
        plan({**form, "months": ["2019-12"]}, "run 5")
