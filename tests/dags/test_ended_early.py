"""Runs that are cancelled or break: they end what they began on AWS, by calls that tests/privileges holds to the roles.

A person who fails a task has its process get SIGTERM; here the tasks run in this process, so it sends that to itself.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import Platform
from tests.dags.conftest import ROOT, deploy
from tests.plugins.upload.conftest import rows
from tests.principals import AIRFLOW, SIMULATOR, acting_as
from tests.reference_model import HEADER

STAGE = "early"
MONTH = "2019-11"
FOLDER = "ecomm_user_activity_uncompressed/p_year=2019/p_month=11/"
ROWS_OF_A_FILE = 15_000
# So many are seen at work by who looks at the crawler and at the profile.
MANY_FILES = 40
ASK_SECONDS, PATIENCE_SECONDS = 0.1, 2
# No aggregate, but one that takes longer than anybody waits.
ENDLESS = """
create view agg_activity as
select
    bigint '1' as user_id, timestamp '2019-11-01 00:00:00' as hour, 'view' as event_type,
    a.n * b.n * c.n as events, 0 as repeated_events
from unnest(sequence(1, 10000)) as a (n)
cross join unnest(sequence(1, 10000)) as b (n)
cross join unnest(sequence(1, 10000)) as c (n)
"""

Aws = Callable[[str], Any]
Busy = Callable[[], bool]
# Runs a DAG by its id with a configuration, of its tasks only these (None: all); gives the tasks' states.
Attempt = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def deployed(platform: Platform) -> dict[str, str]:
    """A stage of its own, in which things are missing."""
    return deploy(platform, STAGE, "--stack", "storage", "--stack", "batch", "--stack", "streaming")


@pytest.fixture(scope="module")
def aws(platform: Platform) -> Aws:
    """Clients of the test's own: nobody's of the roles, and for the thread that watches."""
    session = boto3.Session("local", "local", region_name="us-east-1")
    made = {
        service: session.client(service, endpoint_url=platform.endpoint)
        for service in ("athena", "databrew", "glue", "s3")
    }
    return made.__getitem__


@pytest.fixture(scope="module")
def names(settings_of_deployed: None) -> Any:
    from ecomm.settings import settings

    return settings()


@pytest.fixture(scope="module")
def attempt(settings_of_deployed: None, airflow_database: None) -> Iterator[Attempt]:
    """Whatever fails is not tried again."""

    def run_dag(dag_id: str, conf: dict[str, Any], only: tuple[str, ...] | None = None) -> dict[str, str]:
        from airflow.dag_processing.dagbag import DagBag

        dag = DagBag(ROOT / "dags" / f"{dag_id}.py").dags[dag_id]
        for task in dag.tasks:
            task.retries = 0
        left_out = rf"(?!({'|'.join(map(re.escape, only))})$).*" if only else None
        with acting_as(AIRFLOW):
            tasks = dag.test(run_conf=conf, mark_success_pattern=left_out).get_task_instances()
        return {task.task_id: str(task.state) for task in tasks}

    before = signal.getsignal(signal.SIGTERM)
    yield run_dag
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def month(names: Any, aws: Aws) -> str:
    """The key of the one file of the one month in the raw bucket."""
    return put_file(names, aws, 0)


@pytest.fixture(scope="module")
def large_month(names: Any, aws: Aws, month: str) -> None:
    for number in range(1, MANY_FILES):
        put_file(names, aws, number)


def put_file(names: Any, aws: Aws, number: int) -> str:
    key = f"{FOLDER}2019-Nov-{number}.csv"
    text = f"{HEADER}\n{rows(MONTH, ROWS_OF_A_FILE, number * ROWS_OF_A_FILE)}"
    aws("s3").put_object(Bucket=names.raw_bucket, Key=key, Body=text.encode())
    return key


@contextmanager
def cancelling(*things: Busy) -> Iterator[None]:
    """Cancels the task at work as long as one of the things is busy."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(ASK_SECONDS):
            for is_busy in things:
                if is_busy():
                    os.kill(os.getpid(), signal.SIGTERM)
                    # Once is enough, but for a task that does not know yet what it has started.
                    patience = time.monotonic() + PATIENCE_SECONDS
                    while is_busy() and time.monotonic() < patience and not ended.wait(ASK_SECONDS):
                        pass

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()


def test_an_upload_that_breaks_gives_its_parts_back(attempt: Attempt, names: Any, aws: Aws, tmp_path: Path) -> None:
    path = tmp_path / "2019-Nov.csv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("2019-Nov.csv", f"{HEADER}\n{rows(MONTH, 130_000)}")
    data = bytearray(path.read_bytes())
    data[-5000:-4000] = b"damaged " * 125
    path.write_bytes(data)
    assert attempt("ecomm_dataset_upload", {"sources": [str(path)]})["upload_months"] == "failed"
    assert "Uploads" not in aws("s3").list_multipart_uploads(Bucket=names.raw_bucket)
    assert "Contents" not in aws("s3").list_objects_v2(Bucket=names.raw_bucket, Prefix=FOLDER)


def test_a_cancelled_conversion_is_stopped(attempt: Attempt, names: Any, aws: Aws, month: str) -> None:
    def conversions() -> list[str]:
        return [run["JobRunState"] for run in aws("glue").get_job_runs(JobName=names.glue_job)["JobRuns"]]

    needed = ("choose_months", "profile", "choose_partition_key", "convert_to_parquet")
    with cancelling(lambda: "RUNNING" in conversions()):
        states = attempt("ecomm_batch_kpis", {}, only=needed)
    assert [states[task] for task in needed] == ["success", "success", "success", "failed"]
    assert conversions() == ["STOPPED"]


def test_a_cancelled_crawl_and_a_cancelled_profile_are_stopped(
    attempt: Attempt, names: Any, aws: Aws, large_month: None
) -> None:
    def crawler() -> dict[str, Any]:
        return dict(aws("glue").get_crawler(Name=names.uncompressed_crawler)["Crawler"])

    def profiles() -> list[str]:
        return [run["State"] for run in aws("databrew").list_job_runs(Name=names.profile_job)["JobRuns"]]

    with cancelling(lambda: crawler()["State"] == "RUNNING", lambda: "RUNNING" in profiles()):
        states = attempt("ecomm_batch_kpis", {}, only=("crawl_uncompressed", "profile"))
    assert (states["crawl_uncompressed"], states["profile"]) == ("failed", "failed")
    assert crawler()["LastCrawl"]["Status"] == "CANCELLED"
    assert profiles()[0] == "STOPPED"


def test_a_month_that_is_gone_is_dropped_and_a_cancelled_query_is_stopped(
    attempt: Attempt, names: Any, aws: Aws, month: str
) -> None:
    from ecomm import athena, catalog
    from ecomm.tables import FACT

    def queries() -> list[str]:
        found = aws("athena").list_query_executions(WorkGroup=names.athena_workgroup)["QueryExecutionIds"]
        described = aws("athena").batch_get_query_execution(QueryExecutionIds=found)["QueryExecutions"]
        return [query["Status"]["State"] for query in described]

    def months() -> list[list[str]]:
        return [partition["Values"] for partition in catalog.list_partitions(names.curated_database, FACT)]

    storage = (catalog.find_table(names.curated_database, FACT) or {})["StorageDescriptor"]
    catalog.put_partition(names.curated_database, FACT, {"Values": ["2019", "10"], "StorageDescriptor": storage})
    athena.run(ENDLESS)
    needed = ("choose_months", "publish_activity", "suspicious_users.write")
    with cancelling(lambda: "RUNNING" in queries()):
        states = attempt("ecomm_batch_kpis", {}, only=needed)
    assert [states[task] for task in needed] == ["success", "success", "failed"]
    assert months() == []  # November was not converted
    assert queries() == ["CANCELLED", "SUCCEEDED"]


def test_an_application_that_does_not_start_is_told_in_its_own_words(
    attempt: Attempt, names: Any, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    for found in aws("s3").list_objects_v2(Bucket=names.artifacts_bucket, Prefix="flink/")["Contents"]:
        aws("s3").delete_object(Bucket=names.artifacts_bucket, Key=found["Key"])
    assert attempt("ecomm_streaming_start", {})["start_application"] == "failed"
    assert f"Its own error: The code of application {names.flink_application} cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "status", "told"), [((), 0, ""), (("--aggregate",), 1, "Leave out --aggregate")])
def test_the_simulator_reads_a_whole_month_and_does_not_aggregate_for_flink(
    names: Any, month: str, options: tuple[str, ...], status: int, told: str
) -> None:
    command = [sys.executable, str(ROOT / "simulator" / "stream-data-app-simulation.py"), *options]
    command += ["--source", f"s3://{names.raw_bucket}/{month}", "--stream", names.clicks_stream]
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": SIMULATOR}
    simulator = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert simulator.returncode == status
    assert told in simulator.stderr


def test_what_is_gone_from_the_bucket_goes_from_the_catalog_and_an_empty_bucket_is_a_failure(
    attempt: Attempt, names: Any, aws: Aws, month: str
) -> None:
    from ecomm import catalog

    def crawl() -> str:
        return attempt("ecomm_batch_kpis", {}, only=("crawl_uncompressed",))["crawl_uncompressed"]

    def months() -> list[list[str]]:
        (table,) = catalog.list_tables(names.raw_database)
        return sorted(each["Values"] for each in catalog.list_partitions(names.raw_database, table["Name"]))

    october = FOLDER.replace("11", "10") + "2019-Oct.csv"
    aws("s3").copy_object(Bucket=names.raw_bucket, Key=october, CopySource={"Bucket": names.raw_bucket, "Key": month})
    assert crawl() == "success"
    assert months() == [["2019", "10"], ["2019", "11"]]
    aws("s3").delete_object(Bucket=names.raw_bucket, Key=october)
    assert crawl() == "success"
    assert months() == [["2019", "11"]]
    for found in aws("s3").list_objects_v2(Bucket=names.raw_bucket, Prefix=FOLDER)["Contents"]:
        aws("s3").delete_object(Bucket=names.raw_bucket, Key=found["Key"])
    assert crawl() == "failed"
    assert catalog.list_tables(names.raw_database) == []
