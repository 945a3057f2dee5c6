"""A crawl is run or joined, and told as it ended; here also, how an operator waits in the triggerer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from ecomm.errors import DataError
from ecomm.operators.glue_crawler import CrawlOperator
from ecomm.triggers import StateTrigger

from tests.plugins.conftest import World, context
from tests.plugins.upload.conftest import HEADER, rows

FOLDER = "ecomm_user_activity_uncompressed/"


@pytest.fixture
def crawler(world: World) -> str:
    """A crawler of the raw bucket, which holds two months."""
    glue = world.aws.client("glue")
    name = f"crawler-{world.names.raw_bucket}"
    glue.create_database(DatabaseInput={"Name": world.names.raw_database})
    glue.create_crawler(
        Name=name,
        Role="arn:aws:iam::000000000000:role/crawler",
        DatabaseName=world.names.raw_database,
        Targets={"S3Targets": [{"Path": f"s3://{world.names.raw_bucket}/{FOLDER}"}]},
    )
    for number in (10, 11):
        world.put(
            world.names.raw_bucket,
            f"{FOLDER}p_year=2019/p_month={number}/a.csv",
            HEADER + rows(f"2019-{number}", 20),
        )
    return name


def crawls(world: World, crawler: str) -> int:
    return len(world.aws.client("glue").list_crawls(CrawlerName=crawler)["Crawls"])


def crawl(crawler: str, **options: Any) -> CrawlOperator:
    return CrawlOperator(task_id="crawl", crawler=crawler, **options)


def test_a_crawl_tells_the_tables_it_found(world: World, crawler: str) -> None:
    found = crawl(crawler).execute(context())
    assert found["database"] == world.names.raw_database
    assert found["tables"]["ecomm_user_activity_uncompressed"]["partitions"] == 2
    assert found["tables"]["ecomm_user_activity_uncompressed"]["columns"][0] == "event_time"


def test_a_crawl_that_runs_is_joined(world: World, crawler: str) -> None:
    run = context()
    world.aws.client("glue").start_crawler(Name=crawler)
    crawl(crawler).execute(run)
    assert crawls(world, crawler) == 1


def test_a_crawl_that_finds_no_table_fails(world: World, crawler: str) -> None:
    for found in world.aws.list_objects(world.names.raw_bucket, ""):
        world.aws.client("s3").delete_object(Bucket=world.names.raw_bucket, Key=found["Key"])
    with pytest.raises(DataError, match=f"found no table in s3://{world.names.raw_bucket}/{FOLDER}; is there a file"):
        crawl(crawler).execute(context())


def test_a_crawl_that_fails_is_told_in_its_own_words(world: World, crawler: str) -> None:
    glue = world.aws.client("glue")
    glue.update_crawler(Name=crawler, Targets={"S3Targets": [{"Path": f"s3://{world.names.raw_bucket}-none/"}]})
    with pytest.raises(
        RuntimeError, match=rf"Crawler {crawler} ended as FAILED: .+ Its log is /aws-glue/crawlers, stream"
    ):
        crawl(crawler).execute(context())


def test_a_crawler_that_is_not_deployed_is_named(world: World) -> None:
    with pytest.raises(DataError, match=r"There is no crawler nobody; deploy the stacks"):
        crawl("nobody").execute(context())


def test_a_deferred_task_waits_in_the_triggerer_and_goes_on(world: World, crawler: str) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        crawl(crawler, deferrable=True).execute(context())
    path, arguments = deferred.value.trigger.serialize()
    assert path == "ecomm.triggers.StateTrigger"

    async def first_event() -> Any:
        return await anext(StateTrigger(**arguments).run())

    event = asyncio.run(first_event()).payload
    assert event == {"handle": crawler, "state": "READY"}
    found = getattr(crawl(crawler), deferred.value.method_name)(context(), event)
    assert found["tables"]["ecomm_user_activity_uncompressed"]["partitions"] == 2
    assert crawls(world, crawler) == 1


def test_deferring_is_one_setting_of_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not crawl("any").deferrable
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert crawl("any").deferrable
    assert not crawl("any", deferrable=False).deferrable
