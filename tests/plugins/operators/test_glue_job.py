"""A Glue job runs once for a task, however often it is tried, and every end but success is a failure."""

from __future__ import annotations

from threading import Timer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from ecomm.errors import DataError
from ecomm.operators.glue_job import MARK, GlueJobRunOperator
from ecomm.waiting import stop, wait

from tests.plugins.conftest import Execute, World, context

SCRIPT = """
import sys, time
print("The script's last words")
behaviour = sys.argv[sys.argv.index("--BEHAVIOUR") + 1]
if behaviour == "wait":
    time.sleep(600)
if behaviour == "fail":
    raise ValueError("the data is bad")
"""


@pytest.fixture
def job(world: World) -> str:
    """A job whose runs do as their argument --BEHAVIOUR says: wait, fail, or succeed."""
    name = f"job-{world.names.artifacts_bucket}"
    world.put(world.names.artifacts_bucket, "script.py", SCRIPT)
    world.aws.client("glue").create_job(
        Name=name,
        Role="arn:aws:iam::000000000000:role/job",
        GlueVersion="6.0",
        Command={
            "Name": "glueetl",
            "PythonVersion": "3",
            "ScriptLocation": f"s3://{world.names.artifacts_bucket}/script.py",
        },
        DefaultArguments={"--custom-logGroup-prefix": f"/aws-glue/jobs/{name}"},
        ExecutionProperty={"MaxConcurrentRuns": 1},
        WorkerType="G.1X",
        NumberOfWorkers=2,
    )
    return name


def run(job: str, behaviour: str, **options: Any) -> GlueJobRunOperator:
    return GlueJobRunOperator(task_id="run", job=job, arguments={"--BEHAVIOUR": behaviour}, **options)


def runs(world: World, job: str) -> list[dict[str, Any]]:
    return list(world.aws.client("glue").get_job_runs(JobName=job)["JobRuns"])


def test_a_run_tells_its_id_and_what_it_cost(world: World, job: str, execute: Execute) -> None:
    told = execute(run(job, "succeed"), context())
    (only,) = runs(world, job)
    assert told["run_id"] == only["Id"]
    assert told["seconds"] == only["ExecutionTime"]


def test_a_run_that_was_stopped_by_somebody_is_a_failure(world: World, job: str, execute: Execute) -> None:
    operator = run(job, "wait")
    run_id = operator.start(context())
    Timer(5, stop, [operator.waiting(run_id)]).start()
    with pytest.raises(RuntimeError, match="ended as STOPPED"):
        execute(run(job, "wait", retries=2), context(try_number=2))


def test_a_run_that_takes_longer_than_its_job_allows_is_a_failure(world: World, job: str, execute: Execute) -> None:
    """Glue counts minutes; the platform takes a twentieth of one too, for which boto3 would not ask."""
    glue = boto3.client("glue", config=Config(parameter_validation=False))
    arguments = {"--BEHAVIOUR": "wait", MARK: "dag/run/task/2"}
    glue.start_job_run(JobName=job, Arguments=arguments, Timeout=1 / 20)
    with pytest.raises(RuntimeError, match="ended as TIMEOUT"):
        execute(run(job, "wait"), context())


def test_a_run_that_succeeded_serves_later_tries_until_the_task_is_cleared_or_changed(world: World, job: str) -> None:
    run_id = run(job, "succeed").execute(context())["run_id"]
    assert run(job, "succeed").execute(context(try_number=2))["run_id"] == run_id
    assert [each["Id"] for each in runs(world, job)] == [run_id]
    for behaviour, cleared in (("wait", 2), ("succeed", 3)):
        operator = run(job, behaviour)
        another = operator.start(context(try_number=2, max_tries=cleared))
        assert another != run_id
        stop(operator.waiting(another))
        wait(operator.waiting(another))


def test_a_run_that_fails_shows_its_message_and_the_end_of_its_log(
    world: World, job: str, execute: Execute, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RuntimeError) as failure:
        execute(run(job, "fail"), context())
    message = str(failure.value)
    (only,) = runs(world, job)
    assert f"Glue job {job}, run {only['Id']}, ended as FAILED: " in message
    assert "the data is bad" in message
    assert f"groups /aws-glue/jobs/{job}/error and /aws-glue/jobs/{job}/output, stream {only['Id']}" in message
    assert "output | The script's last words" in caplog.text
    # The same end is no use to try again when the message says so.
    with pytest.raises(DataError, match="the data is bad"):
        run(job, "fail", hopeless=["ValueError"]).finish(context(), only["Id"])


def test_a_run_left_by_an_earlier_try_is_joined_and_a_killed_task_stops_it(world: World, job: str) -> None:
    first = run(job, "wait")
    run_id = first.start(context(try_number=1))
    second = run(job, "wait")
    assert second.start(context(try_number=2)) == run_id
    with pytest.raises(RuntimeError, match=f"{job} runs already, not for this task"):
        run(job, "wait").start(context(run_id="another"))
    second.handle = run_id
    assert len(runs(world, job)) == 1
    second.on_kill()
    # The next try comes while the run is still being stopped: it would end with it.
    another = run(job, "wait").start(context(try_number=3))
    assert another != run_id
    assert wait(second.waiting(run_id)) == "STOPPED"
    with pytest.raises(RuntimeError, match="ended as STOPPED"):
        second.finish(context(), run_id)
    stop(second.waiting(another))
    wait(second.waiting(another))


def test_its_link_leads_to_the_run_in_the_console(job: str) -> None:
    operator = run(job, "succeed")
    (link,) = operator.operator_extra_links
    assert link.get_link(operator, ti_key=None) == "", "before it has started one"  # type: ignore[arg-type]
    operator.handle = "jr_1"
    console = "https://us-east-1.console.aws.amazon.com"
    address = link.get_link(operator, ti_key=None)  # type: ignore[arg-type]
    assert address == f"{console}/gluestudio/home?region=us-east-1#/job/{job}/run/jr_1"


def test_a_job_that_is_not_deployed_is_named(world: World) -> None:
    with pytest.raises(DataError, match=r"There is no Glue job nobody; deploy the stacks"):
        run("nobody", "succeed").execute(context())
