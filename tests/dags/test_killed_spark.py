"""The conversion is killed while it writes: nothing of it is served, and the repeated task counts every row once."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from simulator.dataset_generator import generate
from tests.conftest import Platform
from tests.plugins.conftest import context
from tests.reference_model import HEADER

MONTHS = [f"2018-{month:02}" for month in range(1, 5)]
VERSION = "killed"
DEADLINE_SECONDS = 120


@pytest.fixture
def arguments(settings_of_deployed: None) -> dict[str, str]:
    """Of a conversion of four months, in each of them one bad line, under a version that nothing else uses."""
    from ecomm.aws import client
    from ecomm.batch.months import job_arguments
    from ecomm.contract import partition
    from ecomm.settings import settings

    names = settings()
    rows = [line[19:] for line in generate(3000, seed=7)]
    for month in MONTHS:
        text = "".join(f"{month}-{1 + n % 28:02} 10:00:{n % 60:02}{rest}" for n, rest in enumerate(rows))
        key = f"killed/{partition(month)}/events.csv"
        client("s3").put_object(Bucket=names.raw_bucket, Key=key, Body=f"{HEADER}\n{text}cut".encode())
    return {**job_arguments(MONTHS, VERSION, "category_id"), "--SOURCE": f"s3://{names.raw_bucket}/killed/"}


def spark_of(run_id: str) -> int:
    """The process of the run's Java machine."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if run_id in (entry / "cmdline").read_text() and (entry / "comm").read_text().strip() == "java":
                    return int(entry.name)
            except OSError:
                continue
    raise AssertionError(f"No Java machine works for {run_id}.")


def test_a_killed_conversion_is_repeated_without_loss_or_doubles(arguments: dict[str, str], platform: Platform) -> None:
    from ecomm import catalog
    from ecomm.aws import list_objects
    from ecomm.batch.audit import audit
    from ecomm.errors import DataError
    from ecomm.operators.glue_job import GlueJobRunOperator
    from ecomm.settings import settings
    from ecomm.waiting import wait

    names = settings()
    prefix = f"ecomm_user_activity/version={VERSION}/"
    partitions = catalog.list_partitions(names.curated_database, "ecomm_user_activity")

    def convert(**options: Any) -> GlueJobRunOperator:
        return GlueJobRunOperator(task_id="convert", job=names.glue_job, arguments=arguments, **options)

    first = convert()
    run_id = first.start(context())
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not any(found["Key"].endswith(".parquet") for found in list_objects(names.curated_bucket, prefix)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(spark_of(run_id), signal.SIGKILL)
    wait(first.waiting(run_id))
    with pytest.raises(RuntimeError, match=rf"Glue job {names.glue_job}, run {run_id}, ended as FAILED: .*SIGKILL"):
        first.finish(context(), run_id)
    with pytest.raises(DataError, match="The conversion left no report"):
        audit(MONTHS, VERSION, dict.fromkeys(MONTHS, 0.01), {})
    assert catalog.list_partitions(names.curated_database, "ecomm_user_activity") == partitions

    again = convert().execute(context(try_number=2))
    assert again["run_id"] != run_id
    found: dict[str, Any] = audit(MONTHS, VERSION, dict.fromkeys(MONTHS, 0.01), {})
    rows, cut = len(MONTHS) * 3000, len(MONTHS)
    assert (found["rows_in"], found["rows_curated"], found["rows_quarantined"]) == (rows + cut, rows, cut)
