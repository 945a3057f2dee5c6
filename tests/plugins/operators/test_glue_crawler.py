"""A crawl is run or joined, and told as it ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from ecomm.errors import DataError
from ecomm.operators.glue_crawler import CrawlOperator
from ecomm.waiting import wait

from tests.faults import Faults
from tests.plugins.conftest import Execute, World, context
from tests.plugins.upload.conftest import HEADER, rows
from tests.waiting import wait_until

FOLDER = "ecomm_user_activity_uncompressed/"
# What a crawl does first.
BEGIN = ("logs", "CreateLogStream")


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


def test_a_crawl_tells_the_tables_it_found(world: World, crawler: str, execute: Execute) -> None:
    found = execute(crawl(crawler), context())
    assert found["database"] == world.names.raw_database
    assert found["tables"]["ecomm_user_activity_uncompressed"]["partitions"] == 2
    assert found["tables"]["ecomm_user_activity_uncompressed"]["columns"][0] == "event_time"
    assert crawls(world, crawler) == 1


def test_a_crawl_that_runs_is_joined(world: World, crawler: str, faults: Faults) -> None:
    run, operator = context(), crawl(crawler)
    run["dag_run"].start_date -= timedelta(minutes=1)
    with faults.held(*BEGIN):
        world.aws.client("glue").start_crawler(Name=crawler)
        handle = operator.start(run)
    wait(operator.waiting(handle))
    assert operator.finish(run, handle)["tables"]
    assert crawls(world, crawler) == 1


def test_a_crawl_from_before_the_run_is_waited_for_and_another_started(
    world: World, crawler: str, faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    with faults.held(*BEGIN), ThreadPoolExecutor() as worker:
        world.aws.client("glue").start_crawler(Name=crawler)
        ended = worker.submit(crawl(crawler).execute, context())
        wait_until(lambda: "is busy with an earlier crawl" in caplog.text)
        faults.clear()
        assert ended.result()["tables"]
    assert crawls(world, crawler) == 2


def test_a_try_takes_the_crawl_of_one_whose_worker_died_until_the_task_is_cleared(world: World, crawler: str) -> None:
    run = context()
    first = crawl(crawler, retries=2)
    wait(first.waiting(first.start(run)))
    second = context(try_number=2) | {"dag_run": run["dag_run"]}
    assert crawl(crawler, retries=2).execute(second)["tables"]
    assert crawls(world, crawler) == 1
    cleared = context(try_number=2, max_tries=3) | {"dag_run": run["dag_run"]}
    crawl(crawler, retries=2).execute(cleared)
    assert crawls(world, crawler) == 2


def test_a_killed_task_stops_its_crawl(
    world: World, crawler: str, faults: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    operator = crawl(crawler)
    with faults.held(*BEGIN):
        operator.handle = operator.start(context())
        operator.on_kill()
    wait(operator.waiting(crawler))
    with pytest.raises(RuntimeError, match="ended as CANCELLED"):
        operator.finish(context(), crawler)
    operator.on_kill()
    assert f"Crawler {crawler} was not stopped" in caplog.text, "one that had ended is no failure"


def test_a_crawl_that_finds_no_table_fails(world: World, crawler: str, execute: Execute) -> None:
    for found in world.aws.list_objects(world.names.raw_bucket, ""):
        world.aws.client("s3").delete_object(Bucket=world.names.raw_bucket, Key=found["Key"])
    with pytest.raises(DataError, match=f"found no table in s3://{world.names.raw_bucket}/{FOLDER}; is there a file"):
        execute(crawl(crawler), context())


def test_a_crawl_that_fails_is_told_in_its_own_words(world: World, crawler: str, execute: Execute) -> None:
    glue = world.aws.client("glue")
    glue.update_crawler(Name=crawler, Targets={"S3Targets": [{"Path": f"s3://{world.names.raw_bucket}-none/"}]})
    with pytest.raises(
        RuntimeError, match=rf"Crawler {crawler} ended as FAILED: .+ Its log is /aws-glue/crawlers, stream"
    ):
        execute(crawl(crawler), context())


def test_a_crawler_that_is_not_deployed_is_named(world: World) -> None:
    with pytest.raises(DataError, match=r"There is no crawler nobody; deploy the stacks"):
        crawl("nobody").execute(context())


def test_deferring_is_one_setting_of_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not crawl("any").deferrable
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert crawl("any").deferrable
    assert not crawl("any", deferrable=False).deferrable
