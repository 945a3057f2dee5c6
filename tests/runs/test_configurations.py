"""What a run is told by its configuration: a key that no parameter has is refused, however the run is started."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from demo.airflow_api import TaskInstance
from demo.task_log import last_error
from tests.conftest import ROOT
from tests.runs.conftest import Machine, eventually

DAG_IDS = sorted(path.stem for path in (ROOT / "dags").glob("*.py"))


def first_tasks(machine: Machine, dag_id: str, run_id: str) -> list[TaskInstance]:
    """Those that ran, after the run has failed."""

    def failed() -> bool:
        state = machine.airflow.run_state(dag_id, run_id)
        assert state != "success", f"{dag_id} went on with its defaults"
        return state == "failed"

    eventually(failed, f"the failure of {dag_id}")
    return [task for task in machine.airflow.task_instances(dag_id, run_id) if task.start and task.state == "failed"]


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_every_dag_refuses_an_unknown_key_at_the_first_try(machine: Machine, dag_id: str) -> None:
    machine.airflow.unpause(dag_id)
    machine.airflow.trigger(dag_id, "unknown_key", {"souces": ["/data/2019-Nov.csv"]})
    tasks = first_tasks(machine, dag_id, "unknown_key")
    assert tasks
    for task in tasks:
        assert task.try_number == 1
        error = last_error(machine.airflow.log(dag_id, "unknown_key", task))
        assert f'"souces" is no parameter of {dag_id}' in error
    states = {task.state for task in machine.airflow.task_instances(dag_id, "unknown_key")}
    assert states <= {"failed", "upstream_failed", "skipped"}


def test_the_nearest_parameter_is_named_with_all_the_others(machine: Machine) -> None:
    dag_id = "ecomm_dataset_upload"
    machine.airflow.trigger(dag_id, "typo", {"Souces": ["/data/2019-Nov.csv"], "replace": True})
    (task,) = first_tasks(machine, dag_id, "typo")
    error = last_error(machine.airflow.log(dag_id, "typo", task))
    assert 'DataError: "Souces" is no parameter of ecomm_dataset_upload; did you mean "sources"? It takes: ' in error
    assert "generated_rows" in error.partition("It takes: ")[2]


@pytest.mark.parametrize(
    "conf", [{"sources": None}, {"sources": "/data/2019-Nov.csv"}, {"replace": "yes"}, ["sources"]]
)
def test_what_is_no_value_of_its_parameter_is_refused_by_airflow(machine: Machine, conf: Any) -> None:
    url = f"{machine.airflow.url}/api/v2/dags/ecomm_dataset_upload/dagRuns"
    answer = httpx.post(url, json={"logical_date": None, "conf": conf}, timeout=60, trust_env=False)
    assert answer.status_code in (400, 422), answer.text


@pytest.mark.parametrize("conf", ['{"force": "yes"}', '{"forse": true}', '["force"]', '"force"', "7"])
def test_the_shell_starts_no_run_that_goes_on_with_defaults(
    machine: Machine, conf: str, request: pytest.FixtureRequest
) -> None:
    """Whatever Airflow's own command takes, the run is refused there or fails."""
    dag_id, run_id = "ecomm_streaming_stop", f"shell_{abs(hash(conf))}"
    machine.airflow.unpause(dag_id)
    words = [sys.executable, "-m", "airflow", "dags", "trigger", dag_id, "--run-id", run_id, "--conf", conf]
    done = subprocess.run(words, cwd=ROOT, env=machine.environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        first_tasks(machine, dag_id, run_id)
    else:
        url = f"{machine.airflow.url}/api/v2/dags/{dag_id}/dagRuns/{quote(run_id)}"
        assert httpx.get(url, timeout=60, trust_env=False).status_code == 404, json.dumps(done.stderr[-500:])
