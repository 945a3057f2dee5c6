"""A month is not published unless the job's report, the files and the rows in agree, and few enough were set aside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ecomm import catalog
from ecomm.batch import refusals
from ecomm.batch.audit import audit as audit_months
from ecomm.batch.publish import publish_activity
from ecomm.batch.served import FILES
from ecomm.errors import DataError

from tests.plugins.conftest import World

MONTH = "2019-11"


def told(rows_in: int, curated: int, quarantined: int, **reasons: int) -> dict[str, Any]:
    return {"rows_in": rows_in, "rows_curated": curated, "rows_quarantined": quarantined, "reasons": reasons}


def audit(months: list[str], version: str, most_quarantined: float, **by_month: float) -> dict[str, Any]:
    limits = {month: by_month.get(f"m{month.replace('-', '_')}", most_quarantined) for month in months}
    return audit_months(months, version, limits, {month: {FILES: f"files of {month}"} for month in months})


def test_rows_that_agree_pass(world: World) -> None:
    world.convert("v", "2019-10", curated=100, quarantined=0)
    world.convert("v", MONTH, curated=199, quarantined=1)
    world.report("v", {"2019-10": told(100, 100, 0), MONTH: told(200, 199, 1, price=1)})
    found = audit(["2019-10", MONTH], "v", most_quarantined=0.01)
    assert (found["rows_in"], found["rows_curated"], found["rows_quarantined"]) == (300, 299, 1)
    assert found["months"][MONTH]["reasons"] == {"price": 1}


def test_the_audit_leaves_no_table_behind(world: World) -> None:
    world.convert("v", MONTH, curated=1, quarantined=0)
    world.report("v", {MONTH: told(1, 1, 0)})
    audit([MONTH], "v", most_quarantined=0)
    world.report("v", {MONTH: told(2, 2, 0)})
    assert MONTH in audit([MONTH], "v", most_quarantined=0)["refused"]
    names = [table["Name"] for table in catalog.list_tables(world.names.curated_database)]
    assert sorted(names) == ["ecomm_user_activity", "ecomm_user_activity_quarantine"]


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (told(200, 199, 0), "of 200 rows of 2019-11, 199 were curated and 0 quarantined, which is not all"),
        (told(201, 200, 1), "2019-11 has 199 curated rows in its files, 200 in the job's report"),
        (told(201, 199, 2), "2019-11 has 1 quarantined rows in its files, 2 in the job's report"),
        (told(200, 199, 1, price=1), "rows were set aside"),
    ],
)  # fmt: skip
def test_rows_that_do_not_agree_fail(world: World, report: dict[str, Any], message: str) -> None:
    world.convert("v", MONTH, curated=199, quarantined=1)
    world.report("v", {MONTH: report})
    audited = audit([MONTH], "v", most_quarantined=0.001)
    assert (audited["months"], audited["rows_in"]) == ({}, 0)
    assert message in audited["refused"][MONTH]
    reason, files = audited["refused"][MONTH], f"files of {MONTH}"
    note = {MONTH: {"reason": reason, "files": files, "limit": 0.001, "version": "v"}}
    # Where the counts differ, the same files may convert well the next time.
    assert refusals.read() == (note if "set aside" in message else {})


def test_a_bad_month_holds_back_no_other(world: World) -> None:
    for month in ("2020-03", "2020-05"):
        world.convert("v", month, curated=9, quarantined=1 if month == "2020-03" else 0)
    reported = {"2020-03": told(10, 9, 1, price=1), "2020-05": told(9, 9, 0)}
    world.report("v", reported)
    audited = audit(["2020-03", "2020-05"], "v", most_quarantined=0.01)
    assert (list(audited["months"]), list(audited["refused"]), audited["rows_in"]) == (["2020-05"], ["2020-03"], 9)
    audited = audit(["2020-03", "2020-05"], "v", 0.01, m2020_03=0.1)
    assert (audited["months"], audited["refused"]) == (reported, {})


def test_lines_of_the_archive_do_not_count_against_the_limit(world: World) -> None:
    world.convert("v", MONTH, curated=10, quarantined=5)
    folder = "s3://raw/ecomm_user_activity_uncompressed/p_year=2019/p_month=11"
    files = {
        f"{folder}/a.csv": {"rows_in": 10, "rows_quarantined": 0},
        f"{folder}/archive-2019-11-02.csv": {"rows_in": 5, "rows_quarantined": 5},
    }
    world.report("v", {MONTH: {**told(15, 10, 5, price=5), "files": files}})
    assert audit([MONTH], "v", most_quarantined=0)["refused"] == {}


def test_what_the_conversion_refused_is_not_published(world: World) -> None:
    world.convert("v", MONTH, curated=1, quarantined=0)
    s3, names = world.aws.client("s3"), world.names
    report = {"version": "v", "months": {MONTH: told(1, 1, 0)}, "refused": {"2020-03": "a.csv has no row."}}
    key = "reports/csv_to_parquet/v.json"
    s3.put_object(Bucket=names.artifacts_bucket, Key=key, Body=json.dumps(report).encode())
    audited = audit(["2020-03", MONTH], "v", most_quarantined=0)
    assert (list(audited["months"]), audited["refused"]) == ([MONTH], {"2020-03": "a.csv has no row."})
    report["months"] = {}
    s3.put_object(Bucket=names.artifacts_bucket, Key=key, Body=json.dumps(report).encode())
    assert audit(["2020-03"], "v", most_quarantined=0)["months"] == {}


def test_events_of_another_month_fail_and_what_was_published_goes_on_serving(world: World) -> None:
    world.convert("v1", MONTH, curated=3, quarantined=0)
    publish_activity([MONTH], [], "v1")
    world.convert("v2", "2019-10", curated=2, quarantined=0)
    world.convert("v2", MONTH, curated=5, quarantined=0, last_event="2019-12-01 00:00:00")
    world.report("v2", {"2019-10": told(2, 2, 0), MONTH: told(5, 5, 0)})
    audited = audit(["2019-10", MONTH], "v2", most_quarantined=0)
    assert "'an event lies in the month of its partition' fails in 1 rows" in audited["refused"][MONTH]
    assert (list(audited["refused"]), list(audited["months"])) == ([MONTH], ["2019-10"])
    assert world.query("select count(*) as found from ecomm_user_activity") == [{"found": "3"}]


def test_a_day_without_an_event_is_told_and_published_all_the_same(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.convert("v", MONTH, curated=2, quarantined=0, last_event="2019-11-04 00:00:00")
    world.report("v", {MONTH: told(2, 2, 0)})
    checks = audit([MONTH], "v", most_quarantined=0)["checks"]
    gaps = checks["no day without an event between the first and the last of a month"]
    assert gaps == {"outcome": "WARNING", "failing_rows": 2, "detail": "days with events: 2"}
    assert {check["outcome"] for check in checks.values()} == {"passed", "WARNING"}
    assert any(
        record.levelname == "WARNING" and "no day without an event" in record.getMessage() for record in caplog.records
    )


def test_a_month_missing_in_the_report_fails(world: World) -> None:
    world.report("v", {MONTH: told(0, 0, 0)})
    refused = audit(["2019-10", MONTH], "v", most_quarantined=1)["refused"]
    again = "start ecomm_batch_kpis again, which converts the month once more"
    assert refused == {"2019-10": f"the job's report has no 2019-10; {again}"}


def test_a_missing_report_fails(world: World) -> None:
    with pytest.raises(
        DataError, match=r"left no report at s3://.*/reports/csv_to_parquet/v\.json; start ecomm_batch_kpis with"
    ):
        audit([MONTH], "v", most_quarantined=1)
