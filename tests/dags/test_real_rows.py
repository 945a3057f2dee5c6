"""The numbers of the real rows of the first hours of October 2019; collected only where these rows are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dags.conftest import REAL_DATA, Run, read_table

OCTOBER, NOVEMBER_SAMPLE = REAL_DATA / "2019-Oct-head.csv", REAL_DATA / "2019-Nov-sample.csv"


@pytest.fixture(scope="module")
def batch(run: Run) -> dict[str, Any]:
    """The rows of October as the whole data set, in the place of what was there; all waiting is the triggerer's."""
    assert run("ecomm_dataset_upload", {"sources": [str(OCTOBER)], "replace": True})["summarize"] == {
        "months": ["2019-10"],
        "rows": 17434,
        "bytes": OCTOBER.stat().st_size,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
        return run("ecomm_batch_kpis", {})


def test_the_profile_is_of_every_row_and_speaks_for_the_category(batch: dict[str, Any]) -> None:
    profile = batch["profile"]
    assert (profile["rows"], profile["duplicate_rows"]) == (17434, 5)
    category, brand = profile["columns"]["category_id"], profile["columns"]["brand"]
    assert (category["type"], category["distinct"], category["missing"]) == ("bigint", 434, 0)
    assert (brand["distinct"], brand["missing"]) == (864, 2477)
    key = batch["choose_partition_key"]
    assert (key["key"], key["key_of_the_profile"]) == ("category_id", "category_id")
    assert key["arguments"]["--CLUSTER_BY"] == "category_id"


def test_every_row_is_curated(batch: dict[str, Any]) -> None:
    audit = batch["audit_activity"]
    assert (audit["rows_in"], audit["rows_curated"], audit["rows_quarantined"]) == (17434, 17434, 0)
    assert read_table("select count(*) as found from ecomm_user_activity") == [{"found": "17434"}]


def test_the_day_has_its_visitors_and_its_revenue(batch: dict[str, Any]) -> None:
    (day,) = read_table("select * from kpi_daily_visitors where audience = 'all'")
    found = {name: day[name] for name in ("day", "visitors", "views", "carts", "purchases", "revenue")}
    assert found == {
        "day": "2019-10-01",
        "visitors": "4504",
        "views": "17055",
        "carts": "165",
        "purchases": "214",
        "revenue": "59442.63",
    }


def test_half_of_the_sessions_with_a_cart_do_not_buy(batch: dict[str, Any]) -> None:
    (day,) = read_table("select * from kpi_cart_abandonment where audience = 'all'")
    assert (day["sessions_with_cart"], day["sessions_abandoned"]) == ("118", "53")


def test_smartphones_come_first(batch: dict[str, Any]) -> None:
    (first,) = read_table(
        "select category_code, events from kpi_popular_categories where audience = 'all' and rank_by_views = 1"
    )
    assert first == {"category_code": "electronics.smartphone", "events": "4720"}


def test_the_sample_is_the_users_own(batch: dict[str, Any], run: Run) -> None:
    from ecomm.aws import client
    from ecomm.settings import settings

    uploaded = run("ecomm_dataset_upload", {"sources": [str(OCTOBER), str(NOVEMBER_SAMPLE)]})
    key = "ecomm_user_activity_sample/2019-Nov-sample.csv"
    assert uploaded["upload_sample"] == f"s3://{settings().raw_bucket}/{key}"
    sample = client("s3").get_object(Bucket=settings().raw_bucket, Key=key)["Body"].read()
    assert sample == NOVEMBER_SAMPLE.read_bytes()
