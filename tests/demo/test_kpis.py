"""Reading KPI tables through the local platform's Athena."""

from __future__ import annotations

import boto3
import pytest

from demo import DemoError
from demo.kpis import Athena, read
from tests.conftest import Platform

DATABASE, BUCKET, WORKGROUP = "demo_kpis", "demo-kpis-test", "demo-kpis"

TABLES = {
    "kpi_daily_visitors": """
        select * from (values
            (date '2019-10-31', 'all', bigint '5', cast(12.50 as decimal(38, 2)), 0.25e0),
            (date '2019-11-01', 'all', bigint '4504', cast(59442.63 as decimal(38, 2)), 0.5e0),
            (date '2019-11-01', 'human', bigint '4500', cast(59000.00 as decimal(38, 2)), null),
            (date '2019-12-01', 'all', bigint '9', cast(1.00 as decimal(38, 2)), 0.125e0)
        ) as t (day, audience, visitors, revenue, conversion_rate)""",
    "kpi_cart_abandonment": """
        select * from (values (date '2019-11-30', 'all', bigint '118', bigint '53'))
        as t (day, audience, sessions_with_cart, sessions_abandoned)""",
    "kpi_popular_categories": """
        select * from (values
            (date '2019-11-01', 'all', cast(null as varchar), bigint '9', cast(null as bigint)),
            (date '2019-11-01', 'all', 'electronics.clocks', bigint '5', bigint '2'),
            (date '2019-11-01', 'all', 'electronics.smartphone', bigint '7', bigint '1')
        ) as t (day, audience, category_code, views, rank_by_views)""",
    "kpi_hourly_activity": """
        select * from (values
            (timestamp '2019-11-01 00:00:00', 'all', 'view', bigint '3'),
            (timestamp '2019-11-01 16:00:00', 'all', 'view', bigint '10'),
            (timestamp '2019-11-30 16:00:00', 'all', 'cart', bigint '5'),
            (timestamp '2019-11-30 16:00:00', 'human', 'cart', bigint '500'),
            (timestamp '2019-12-01 00:00:00', 'all', 'view', bigint '1000')
        ) as t (hour, audience, event_type, events)""",
}


@pytest.fixture
def athena(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Athena:
    monkeypatch.setenv("AWS_ENDPOINT_URL", platform.endpoint)
    return Athena(WORKGROUP)


@pytest.fixture(scope="module", autouse=True)
def tables(platform: Platform) -> None:
    """The KPI tables of a data set that has more than the month read."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": platform.endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        boto3.client("glue").create_database(DatabaseInput={"Name": DATABASE})
        boto3.client("athena").create_work_group(
            Name=WORKGROUP,
            Configuration={
                "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"},
                "EnforceWorkGroupConfiguration": False,
            },
        )
        for name, select in TABLES.items():
            Athena(WORKGROUP).rows(
                f"create table {DATABASE}.{name} with (external_location = 's3://{BUCKET}/{name}/', format = 'PARQUET')"
                f" as {select}"
            )


def test_the_months_rows_come_with_numbers_as_numbers(athena: Athena) -> None:
    found = read(athena, DATABASE, ["2019-11"])
    assert found.daily_visitors == [
        {"day": "2019-11-01", "audience": "all", "visitors": 4504, "revenue": 59442.63, "conversion_rate": 0.5},
        {"day": "2019-11-01", "audience": "human", "visitors": 4500, "revenue": 59000.0, "conversion_rate": None},
    ]
    assert found.cart_abandonment == [
        {"day": "2019-11-30", "audience": "all", "sessions_with_cart": 118, "sessions_abandoned": 53}
    ]
    codes = [(row["category_code"], row["rank_by_views"]) for row in found.popular_categories]
    assert codes == [("electronics.smartphone", 1), ("electronics.clocks", 2), (None, None)]
    assert found.events_by_hour == [3, *[0] * 15, 15, *[0] * 7]


def test_several_months_need_not_follow_each_other(athena: Athena) -> None:
    found = read(athena, DATABASE, ["2019-10", "2019-12"])
    assert [row["day"] for row in found.daily_visitors] == ["2019-10-31", "2019-12-01"]


def test_a_long_result_is_read_page_by_page(athena: Athena) -> None:
    numbers = athena.rows("select n from unnest(sequence(1, 2500)) as t (n) order by n")
    assert [row["n"] for row in numbers] == list(range(1, 2501))


def test_athena_s_reason_and_the_query_are_told(athena: Athena) -> None:
    with pytest.raises(DemoError, match=r"(?s)TABLE_NOT_FOUND.*demo_kpis\.nothing"):
        athena.rows(f"select * from {DATABASE}.nothing")
