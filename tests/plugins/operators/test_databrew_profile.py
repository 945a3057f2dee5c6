"""A profile job runs once for a task, however often it is tried, and every end but success is a failure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ecomm.errors import DataError
from ecomm.operators.databrew_profile import ProfileOperator
from ecomm.waiting import wait

from tests.plugins.conftest import Execute, World, context
from tests.plugins.profiling import create_profile_job

KEY = "ecomm_user_activity_uncompressed/p_year=2019/p_month=11/2019-Nov.csv"
ROWS = (
    "category_id,brand\n2053013555631882655,nan\n2053013555631882655,\n2053013555631882656,nan\n2053013555631882655,\n"
)
SLOW = "a,b,c\n" + "".join(f"{number},{number * 7919 % 1_000_003}.5,user-{number}\n" for number in range(700_000))


def operator(job: str, **options: Any) -> ProfileOperator:
    return ProfileOperator(task_id="profile", job=job, retries=2, **options)


def runs(world: World, job: str) -> list[dict[str, Any]]:
    return list(world.aws.client("databrew").list_job_runs(Name=job)["JobRuns"])


def test_it_returns_the_cardinality_and_shows_it(
    world: World, execute: Execute, caplog: pytest.LogCaptureFixture
) -> None:
    world.put(world.names.raw_bucket, KEY, ROWS)
    job = create_profile_job(world)
    found = execute(operator(job), context())
    assert (found["rows"], found["duplicate_rows"]) == (4, 1)
    assert found["columns"] == {
        "category_id": {"type": "bigint", "distinct": 2, "unique": 1, "missing": 0, "largest_share": 0.75},
        "brand": {"type": "string", "distinct": 1, "unique": 0, "missing": 2, "largest_share": 0.5},
    }
    assert found["profile"].startswith(f"s3://{world.names.artifacts_bucket}/profiles/{job}_")
    json.dumps(found)
    assert "4 rows, 1 of them repeat another one" in caplog.text
    assert "category_id  bigint         2     1    0.00%  2053013555631882655       75.00%" in caplog.text


def test_a_run_of_this_dag_run_serves_later_tries_until_the_task_is_cleared(world: World) -> None:
    world.put(world.names.raw_bucket, KEY, ROWS)
    job = create_profile_job(world)
    first = context()
    run_id = operator(job).execute(first)["run_id"]
    again: Any = {**context(try_number=2), "dag_run": first["dag_run"]}
    assert operator(job).execute(again)["run_id"] == run_id
    cleared: Any = {**context(try_number=2, max_tries=3), "dag_run": first["dag_run"]}
    assert operator(job).execute(cleared)["run_id"] != run_id
    # The data of another DAG run is other data.
    assert operator(job).execute(context(run_id="next"))["run_id"] != run_id
    assert len(runs(world, job)) == 3


def test_a_run_left_by_an_earlier_try_is_joined_and_a_killed_task_stops_it(world: World) -> None:
    world.put(world.names.raw_bucket, KEY, SLOW)
    job = create_profile_job(world)
    of_this_run = context()
    run_id = operator(job).start(of_this_run)
    second = operator(job)
    again: Any = {**context(try_number=2), "dag_run": of_this_run["dag_run"]}
    assert second.start(again) == run_id
    second.handle = run_id
    second.on_kill()
    assert wait(second.waiting(run_id)) == "STOPPED"
    second.on_kill()
    with pytest.raises(RuntimeError, match=rf"DataBrew job {job}, run {run_id}, ended as STOPPED: It gave no message"):
        second.finish(of_this_run, run_id)
    assert len(runs(world, job)) == 1


def test_a_run_from_before_is_waited_for(world: World) -> None:
    world.put(world.names.raw_bucket, KEY, SLOW)
    job = create_profile_job(world)
    earlier = operator(job).start(context())
    later = operator(job).start(context(run_id="later"))
    states = {run["RunId"]: run["State"] for run in runs(world, job)}
    assert states[earlier] == "SUCCEEDED"
    assert later != earlier
    assert wait(operator(job).waiting(later)) == "SUCCEEDED"


def test_a_run_that_fails_shows_its_message_and_the_end_of_its_log(
    world: World, execute: Execute, caplog: pytest.LogCaptureFixture
) -> None:
    job = create_profile_job(world)
    with pytest.raises(RuntimeError) as failure:
        execute(operator(job), context())
    (only,) = runs(world, job)
    message = str(failure.value)
    assert f"DataBrew job {job}, run {only['RunId']}, ended as FAILED: s3://{world.names.raw_bucket}/" in message
    assert "is no object with anything in it; upload the data" in message
    assert f"group /aws-glue-databrew/jobs-{job}, stream {only['RunId']}." in message
    assert "databrew | FAILED: s3://" in caplog.text


def test_a_profile_of_a_sample_is_refused(world: World) -> None:
    world.put(world.names.raw_bucket, KEY, ROWS)
    job = create_profile_job(world, JobSample={"Mode": "CUSTOM_ROWS", "Size": 3})
    with pytest.raises(DataError, match="profiles a sample, which has fewer different values than the data set"):
        operator(job).execute(context())


def test_a_profile_that_lacks_a_count_is_refused(world: World) -> None:
    world.put(world.names.raw_bucket, KEY, ROWS)
    statistics = {"IncludedStatistics": ["DISTINCT_VALUES_COUNT"]}
    job = create_profile_job(world, Configuration={"ColumnStatisticsConfigurations": [{"Statistics": statistics}]})
    with pytest.raises(DataError, match="has no 'uniqueValuesCount'; the profile job has to count it"):
        operator(job).execute(context())


def test_a_job_that_is_not_deployed_is_named(world: World) -> None:
    with pytest.raises(DataError, match=r"There is no DataBrew job nobody; deploy the stacks"):
        operator("nobody").execute(context())
