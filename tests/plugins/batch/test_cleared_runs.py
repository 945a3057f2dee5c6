"""Whatever task of a finished run is cleared: it ends as before, or says why it cannot and what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ecomm.batch import refusals
from ecomm.batch.tasks import audit_months, check_months, plan, publish_months
from ecomm.contract import partition
from ecomm.errors import AirflowSkipException, DataError
from ecomm.upload.layout import UNCOMPRESSED

from tests.plugins.conftest import World

OCTOBER, NOVEMBER = "2019-10", "2019-11"
FORM: dict[str, Any] = {"months": [], "take_out": [], "most_quarantined": 1, "most_quarantined_by_month": {}}


def key(month: str) -> str:
    return f"{UNCOMPRESSED}{partition(month)}/a.csv"


def counted(curated: int, quarantined: int) -> dict[str, Any]:
    reasons = {"price": quarantined} if quarantined else {}
    return {
        **{"rows_in": curated + quarantined, "rows_curated": curated, "rows_quarantined": quarantined},
        "reasons": reasons,
    }


class BatchRun:
    """A run of the batch DAG as far as its months go, in tasks that can be repeated."""

    def __init__(self, world: World, run_id: str, **form: Any) -> None:
        self.world = world
        self.plan = plan({**FORM, **form}, run_id)
        self.audited: Any = None

    def convert(self, rows: dict[str, tuple[int, int]]) -> None:
        """Leaves what the conversion would: rows curated and set aside of each month."""
        version = self.plan["version"]
        for month, (curated, quarantined) in rows.items():
            self.world.convert(version, month, curated, quarantined)
        self.world.report(version, {month: counted(*of_month) for month, of_month in rows.items()})

    def audit(self) -> dict[str, Any]:
        self.audited = audit_months(self.plan)
        return dict(self.audited)

    def publish(self) -> dict[str, Any]:
        return publish_months(self.plan, self.audited)

    def check(self) -> dict[str, Any]:
        return check_months(self.plan, self.audited)


@pytest.fixture
def refused(world: World) -> BatchRun:
    """A finished run: October was refused, a third of its rows being bad, and November is served."""
    for month in (OCTOBER, NOVEMBER):
        world.put(world.names.raw_bucket, key(month), month)
    run = BatchRun(world, "first")
    run.convert({OCTOBER: (2, 1), NOVEMBER: (3, 0)})
    run.audit()
    run.publish()
    return run


def test_the_audit_gives_the_same_reason_although_the_files_are_deleted(refused: BatchRun) -> None:
    first = refused.audited
    assert "33.33% of 2019-10's rows were set aside" in first["refused"][OCTOBER]
    assert not refused.world.keys(f"ecomm_user_activity/version=first/{partition(OCTOBER)}/")
    again = refused.audit()
    assert (again["refused"], again["months"]) == (first["refused"], first["months"])
    assert refused.publish()["published"] == [NOVEMBER]
    with pytest.raises(DataError, match=r"33\.33% of 2019-10's rows were set aside"):
        refused.check()


def test_the_audit_of_a_run_that_others_have_followed_says_that_its_files_are_gone(
    world: World, refused: BatchRun
) -> None:
    for run_id in ("second", "third"):
        later = BatchRun(world, run_id, months=[OCTOBER, NOVEMBER], most_quarantined=50)
        later.convert({OCTOBER: (2, 1), NOVEMBER: (3, 0)})
        later.audit()
        later.publish()
    again = refused.audit()
    assert again["months"] == {}
    for month, reason in again["refused"].items():
        assert f"version first has no file of {month} any more" in reason
        assert f'start ecomm_batch_kpis with {{"months": ["{month}"]}}' in reason
    assert refused.publish()["published"] == []


def test_the_check_of_a_month_that_a_later_run_serves_ends_well(world: World, refused: BatchRun) -> None:
    with pytest.raises(DataError, match=OCTOBER):
        refused.check()
    later = BatchRun(world, "second", most_quarantined_by_month={OCTOBER: 50})
    assert later.plan["months"] == [OCTOBER]
    later.convert({OCTOBER: (2, 1)})
    later.audit()
    later.publish()
    assert list(refused.check()["months"]) == [OCTOBER, NOVEMBER]


def test_the_check_of_a_month_that_left_the_bucket_ends_well(world: World, refused: BatchRun) -> None:
    world.aws.delete_objects(world.names.raw_bucket, [key(OCTOBER)])
    assert list(refused.check()["months"]) == [NOVEMBER]


def test_a_served_month_that_the_form_named_and_that_is_refused_ends_red(world: World, refused: BatchRun) -> None:
    again = BatchRun(world, "second", months=[NOVEMBER])
    again.convert({NOVEMBER: (1, 1)})
    again.audit()
    again.publish()
    with pytest.raises(DataError, match=r"2019-11 \(an earlier version goes on serving\): 50.00%"):
        again.check()


def test_the_publication_of_a_month_that_was_dropped_since_says_so(world: World, refused: BatchRun) -> None:
    world.aws.delete_objects(world.names.raw_bucket, [key(NOVEMBER)])
    gone = BatchRun(world, "second")
    assert gone.plan["gone"] == [NOVEMBER]
    gone.publish()
    assert refused.publish()["published"] == []
    world.put(world.names.raw_bucket, key(NOVEMBER), NOVEMBER)
    with pytest.raises(DataError, match=r"first has no file of 2019-11 any more.*with \{\"months\": \[\"2019-11\"\]\}"):
        refused.publish()


def test_a_run_that_has_nothing_to_convert_any_more_skips_its_audit(world: World, refused: BatchRun) -> None:
    """So it is when choose_months is cleared by itself, and audit_activity after it."""
    refused.plan = plan(FORM, "first")
    assert (refused.plan["months"], list(refused.plan["left_out"])) == ([], [OCTOBER])
    with pytest.raises(AirflowSkipException):
        refused.audit()


@pytest.mark.parametrize(("curated", "percent"), [(2, 33.4), (1, 50.0), (699, 0.2)])
def test_the_limit_that_a_refusal_names_is_one_under_which_the_month_is_published(
    world: World, curated: int, percent: float
) -> None:
    world.put(world.names.raw_bucket, key(OCTOBER), OCTOBER)
    run = BatchRun(world, "first", most_quarantined=0)
    run.convert({OCTOBER: (curated, 1)})
    (reason,) = run.audit()["refused"].values()
    parameter = f'"most_quarantined_by_month": {{"2019-10": {percent}}}'
    assert parameter in reason
    again = BatchRun(world, "second", most_quarantined=0, most_quarantined_by_month={OCTOBER: percent})
    again.convert({OCTOBER: (curated, 1)})
    assert again.audit()["refused"] == {}


def test_a_structural_refusal_names_no_limit(world: World) -> None:
    """Neither in the run that refuses, nor in those that leave the month out."""
    world.put(world.names.raw_bucket, key(OCTOBER), OCTOBER)
    run = BatchRun(world, "first")
    report = {"months": {}, "refused": {OCTOBER: "a.csv is compressed, or named so; unpack it."}}
    world.aws.client("s3").put_object(
        Bucket=world.names.artifacts_bucket,
        Key="reports/csv_to_parquet/first.json",
        Body=str(report).replace("'", '"').encode(),
    )
    run.audit()
    run.publish()
    for each in (run, BatchRun(world, "second")):
        with pytest.raises(DataError, match=r"a\.csv is compressed") as caught:
            each.check()
        assert not re.search(r"most_quarantined|percent|\"months\"", str(caught.value))
        assert "make take-out MONTHS=2019-10" in str(caught.value)


def test_a_month_that_failed_this_time_is_tried_by_the_next_run(world: World) -> None:
    world.put(world.names.raw_bucket, key(OCTOBER), OCTOBER)
    run = BatchRun(world, "first")
    world.aws.client("s3").put_object(
        Bucket=world.names.artifacts_bucket,
        Key="reports/csv_to_parquet/first.json",
        Body=b'{"months": {}, "refused": {}, "failed": {"2019-10": "2019-10 could not be converted: start it again."}}',
    )
    run.audit()
    run.publish()
    with pytest.raises(DataError, match="2019-10 could not be converted"):
        run.check()
    assert refusals.read() == {}
    assert BatchRun(world, "second").plan["months"] == [OCTOBER]


def test_months_that_the_form_does_not_name_are_named_as_waiting(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    for month in (OCTOBER, NOVEMBER, "2019-12"):
        world.put(world.names.raw_bucket, key(month), month)
    run = BatchRun(world, "first", months=[OCTOBER])
    assert run.plan["waiting"] == [NOVEMBER, "2019-12"]
    run.convert({OCTOBER: (1, 0)})
    run.audit()
    run.publish()
    caplog.clear()
    assert run.check()["waiting"] == [NOVEMBER, "2019-12"]
    assert "2019-11, 2019-12 changed in the raw bucket too" in caplog.text
    assert BatchRun(world, "second").plan["waiting"] == []
