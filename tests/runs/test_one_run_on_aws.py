"""What a task has started on AWS is one run, whatever becomes of the task; and who fails tells the operators, once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from tests.runs.conftest import Machine, eventually

JOB = "waits"
SCRIPT = """
import sys, time
from pathlib import Path
go = Path(sys.argv[sys.argv.index("--GO") + 1])
while not go.exists():
    time.sleep(0.1)
print("The last words of the script")
"""


class Job:
    """A Glue job whose runs end when the file exists that their argument names."""

    def __init__(self, endpoint: str) -> None:
        session = boto3.Session("local", "local", region_name="us-east-1")
        self._glue = session.client("glue", endpoint_url=endpoint)
        s3 = session.client("s3", endpoint_url=endpoint)
        s3.create_bucket(Bucket="scripts-of-waits")
        s3.put_object(Bucket="scripts-of-waits", Key="waits.py", Body=SCRIPT.encode())
        self._glue.create_job(
            Name=JOB,
            Role="arn:aws:iam::000000000000:role/job",
            Command={
                "Name": "pythonshell",
                "PythonVersion": "3.9",
                "ScriptLocation": "s3://scripts-of-waits/waits.py",
            },
            ExecutionProperty={"MaxConcurrentRuns": 10},
        )

    def states(self, go: Path) -> list[str]:
        """Of all runs that were started for this file."""
        runs = self._glue.get_job_runs(JobName=JOB)["JobRuns"]
        return [run["JobRunState"] for run in runs if run["Arguments"]["--GO"] == str(go)]


@pytest.fixture(scope="module")
def job(machine: Machine) -> Job:
    return Job(machine.platform.endpoint)


@dataclass(frozen=True)
class Run:
    """A run of a DAG with the one task `convert`; its Glue run ends when the file `go` is made."""

    machine: Machine
    job: Job
    dag_id: str
    go: Path

    @property
    def run_id(self) -> str:
        return self.go.parent.name

    def begin(self, wanted: str) -> None:
        """Waits until the task is in this state and its Glue run at work."""
        self.machine.airflow.trigger(self.dag_id, self.run_id, {"go": str(self.go)})
        eventually(lambda: self.glue_runs() == ["RUNNING"], f"a Glue run of {self.dag_id}")
        eventually(lambda: self.task()["state"] == wanted, f"a task that is {wanted}")
        if wanted == "deferred":
            eventually(lambda: "Found endpoint for glue" in self.log_of_the_trigger(), "the triggerer's first look")

    def task(self) -> dict[str, Any]:
        return self.machine.task(self.dag_id, self.run_id, "convert")

    def log_of_the_trigger(self) -> str:
        logs = self.machine.airflow_logs / f"dag_id={self.dag_id}" / f"run_id={self.run_id}"
        return "".join(path.read_text() for path in logs.rglob("*.trigger.*.log"))

    def glue_runs(self) -> list[str]:
        return self.job.states(self.go)

    def end(self) -> str:
        def state() -> str:
            found = self.machine.airflow.run_state(self.dag_id, self.run_id)
            return found if found in ("success", "failed") else ""

        return eventually(state, f"the end of {self.dag_id}")

    def mails(self) -> list[Any]:
        return [mail for mail in self.machine.mails() if self.run_id in mail.get_content()]


Begin = Callable[[str, str], Run]


@pytest.fixture
def begin(machine: Machine, job: Job, tmp_path: Path) -> Begin:
    """Begins a run of this DAG, and gives it when its task is in this state."""

    def begin(dag_id: str, wanted: str) -> Run:
        run = Run(machine, job, dag_id, tmp_path / "go")
        run.begin(wanted)
        return run

    return begin


def test_a_killed_worker_leaves_its_glue_run_to_the_next_try(begin: Begin) -> None:
    run = begin("one_glue_run", "running")
    os.kill(run.task()["pid"], signal.SIGKILL)
    eventually(lambda: (run.task()["try_number"], run.task()["state"]) == (2, "running"), "the second try")
    assert run.glue_runs() == ["RUNNING"], "it goes on meanwhile"
    run.go.touch()
    assert run.end() == "success"
    assert run.glue_runs() == ["SUCCEEDED"]
    assert run.mails() == []


def test_a_task_that_waits_in_the_triggerer_ends_with_its_run(begin: Begin) -> None:
    run = begin("one_glue_run_deferred", "deferred")
    run.go.touch()
    assert run.end() == "success"
    assert run.glue_runs() == ["SUCCEEDED"]


@pytest.mark.parametrize(("dag_id", "busy"), [("short_glue_run", "running"), ("short_glue_run_deferred", "deferred")])
def test_a_task_that_times_out_stops_its_run_and_tells_the_operators(begin: Begin, dag_id: str, busy: str) -> None:
    run = begin(dag_id, busy)
    assert run.end() == "failed"
    eventually(lambda: run.glue_runs() == ["STOPPED"], "the end of the Glue run")
    (mail,) = eventually(run.mails, "a mail about the failure")
    assert mail["Subject"] == f"Airflow: {dag_id} failed at convert"
    assert f"{run.machine.airflow.url}/dags/{dag_id}/runs/{run.run_id}" in mail.get_content()


@pytest.mark.parametrize(("dag_id", "busy"), [("one_glue_run", "running"), ("one_glue_run_deferred", "deferred")])
def test_a_task_that_is_failed_by_hand_stops_its_run(begin: Begin, dag_id: str, busy: str) -> None:
    run = begin(dag_id, busy)
    path = f"/dags/{dag_id}/dagRuns/{run.run_id}/taskInstances/convert"
    run.machine.ask("PATCH", path, {"new_state": "failed"})
    eventually(lambda: run.glue_runs() == ["STOPPED"], "the end of the Glue run")


def test_the_link_beside_a_task_leads_to_its_run(begin: Begin) -> None:
    run = begin("one_glue_run", "running")

    def link() -> str:
        path = f"/dags/one_glue_run/dagRuns/{run.run_id}/taskInstances/convert/links"
        return str(run.machine.ask("GET", path)["extra_links"]["Open in the console"] or "")

    while_it_runs = eventually(link, "the link of a task that runs")
    assert run.task()["state"] == "running"
    run.go.touch()
    assert run.end() == "success"
    assert link() == while_it_runs
    page, _, at = while_it_runs.partition("#")
    assert page == f"{run.machine.platform.endpoint}/_local/console/gluestudio/home?region=us-east-1"
    assert "/_local/console/shown" in httpx.get(page).text
    shown = httpx.get(f"{run.machine.platform.endpoint}/_local/console/shown", params={"at": f"#{at}"})
    assert shown.status_code == 200
    assert '"JobRunState": "SUCCEEDED"' in shown.text
    assert "The last words of the script" in shown.text
