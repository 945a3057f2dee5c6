"""No upload is forgotten: during a run, while the DAG is paused, or with Airflow stopped between upload and batch."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ROOT
from tests.runs.conftest import Machine, eventually
from tests.runs.test_starts import ends_green

UPLOAD, BATCH = "ecomm_dataset_upload", "ecomm_batch_kpis"
HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"


def write(path: Path, month: str, rows: int) -> str:
    """A file with so many rows of the month; gives its path."""
    path.write_text(
        HEADER
        + "".join(
            f"{month}-{1 + number % 28:02} 10:00:{number % 60:02} UTC,view,{number},2053013555631882655,a.b,c,1.00,"
            f"{520_000_000 + number},00000000-0000-4000-8000-{number:012}\n"
            for number in range(rows)
        )
    )
    return str(path)


def upload(machine: Machine, run_id: str, source: str) -> None:
    machine.airflow.trigger(UPLOAD, run_id, {"sources": [source]})
    ends_green(machine, UPLOAD, run_id)


def batch_runs(machine: Machine) -> list[dict[str, Any]]:
    return list(machine.ask("GET", f"/dags/{BATCH}/dagRuns?limit=100")["dag_runs"])


def quiet(machine: Machine) -> bool:
    """Whether no batch run is at work or waits."""
    return all(run["state"] in ("success", "failed") for run in batch_runs(machine))


def served(machine: Machine) -> dict[str, int]:
    """The rows of each served month, by the last check_months that ended well."""
    ended = [run for run in batch_runs(machine) if run["state"] == "success"]
    latest = max(ended, key=lambda run: run["end_date"])["dag_run_id"]
    months = dict(machine.airflow.returned(BATCH, latest, "check_months") or {})["months"]
    return {month: counts["rows_curated"] for month, counts in months.items() if month.startswith("2021-")}


@pytest.fixture
def started(machine: Machine) -> Iterator[None]:
    for dag_id in (UPLOAD, BATCH):
        machine.airflow.unpause(dag_id)
    eventually(lambda: quiet(machine), "the end of earlier batch runs")
    yield
    machine.airflow.unpause(BATCH)


def test_three_uploads_while_a_run_is_at_work(machine: Machine, started: None, tmp_path: Path) -> None:
    """Airflow makes one further run of the three events; all of their months are served as the bucket has them."""
    upload(machine, "first", write(tmp_path / "2021-Nov.csv", "2021-11", 500))
    eventually(lambda: not quiet(machine), "the batch run of the first upload")
    for number, (month, rows) in enumerate((("2021-09", 30), ("2021-11", 525), ("2021-10", 40))):
        upload(machine, f"during_{number}", write(tmp_path / f"{month}.csv", month, rows))
    expected = {"2021-09": 30, "2021-10": 40, "2021-11": 525}
    eventually(lambda: quiet(machine) and served(machine) == expected, "every month as the bucket has it", 900)


def test_an_upload_while_the_dag_is_paused(machine: Machine, started: None, tmp_path: Path) -> None:
    machine.ask("PATCH", f"/dags/{BATCH}", {"is_paused": True})
    for number, rows in enumerate((31, 32)):
        upload(machine, f"paused_{number}", write(tmp_path / f"{number}.csv", "2021-08", rows))
    machine.airflow.unpause(BATCH)
    machine.airflow.trigger(BATCH, "after_the_pause", {})
    ends_green(machine, BATCH, "after_the_pause")
    eventually(lambda: quiet(machine), "the end of the runs")
    assert served(machine)["2021-08"] == 32


def test_an_upload_before_airflow_is_stopped(machine: Machine, started: None, tmp_path: Path) -> None:
    """Its event may have started no run any more; the next one finds the month."""
    machine.ask("PATCH", f"/dags/{BATCH}", {"is_paused": True})
    upload(machine, "before_the_stop", write(tmp_path / "a.csv", "2021-07", 33))
    local = [str(ROOT / ".venv/local/bin/python"), "-m", "local"]
    for action in ("down", "up"):
        subprocess.run([*local, action, "airflow"], cwd=ROOT, env=machine.environment, check=True)
    eventually(lambda: answers(machine), "Airflow after its stop")
    machine.airflow.unpause(BATCH)
    machine.airflow.trigger(BATCH, "after_the_stop", {})
    ends_green(machine, BATCH, "after_the_stop")
    eventually(lambda: quiet(machine), "the end of the runs")
    assert served(machine)["2021-07"] == 33


def test_a_run_with_nothing_to_do_is_green_and_converts_nothing(machine: Machine, started: None) -> None:
    machine.airflow.trigger(BATCH, "nothing_to_do", {})
    ends_green(machine, BATCH, "nothing_to_do")
    states = {task.task_id: task.state for task in machine.airflow.task_instances(BATCH, "nothing_to_do")}
    done = {task for task, state in states.items() if state == "success"}
    assert done == {"choose_months", "publish_activity", "check_months"}
    assert set(states.values()) == {"success", "skipped"}


def answers(machine: Machine) -> bool:
    try:
        return bool(machine.ask("GET", f"/dags/{BATCH}"))
    except (httpx.HTTPError, AssertionError):
        return False
