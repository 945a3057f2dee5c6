"""However a run is started, it ends green: by the form, the API without a logical date, the shell, an asset."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from urllib.parse import quote

import pytest
from rich.console import Console

from demo.follow import follow
from demo.progress import Progress
from tests.conftest import ROOT
from tests.runs.conftest import PATIENCE_SECONDS, Machine


def ends_green(machine: Machine, dag_id: str, run_id: str) -> None:
    """`follow` raises with the end of the log of a task that fails."""
    follow(machine.airflow, dag_id, run_id, Progress(Console(file=StringIO())))
    assert machine.airflow.run_state(dag_id, run_id) == "success"


def test_by_the_api_without_a_logical_date_and_then_by_its_asset(machine: Machine) -> None:
    machine.airflow.trigger("ecomm_dataset_upload", "by_api", {"source": "generate", "generated_rows": 1000})
    ends_green(machine, "ecomm_dataset_upload", "by_api")
    caused = machine.airflow.run_caused_by(
        "ecomm_dataset_upload", "by_api", "ecomm_batch_kpis", PATIENCE_SECONDS, lambda _: None
    )
    ends_green(machine, "ecomm_batch_kpis", caused)
    run = machine.ask("GET", f"/dags/ecomm_batch_kpis/dagRuns/{caused}")
    assert (run["run_type"], run["logical_date"]) == ("asset_triggered", None)


def test_by_the_form_with_a_logical_date(machine: Machine) -> None:
    """As the browser sends it: with all of the form's values."""
    form = machine.ask("GET", "/dags/ecomm_streaming_stop/details")["params"]
    conf = {name: param["value"] for name, param in form.items()}
    body = {"dag_run_id": "by_form", "logical_date": datetime.now(UTC).isoformat(), "conf": conf}
    machine.ask("POST", "/dags/ecomm_streaming_stop/dagRuns", body)
    ends_green(machine, "ecomm_streaming_stop", "by_form")


def test_by_a_backfill_for_a_night_that_was_missed_and_once_more_when_it_is_cleared(machine: Machine) -> None:
    """Its day is that of the run, whenever that is run."""
    dag_id = "ecomm_archive_to_curated"
    machine.airflow.unpause(dag_id)
    nights = {"from_date": "2026-01-10T00:00:00Z", "to_date": "2026-01-10T12:00:00Z"}
    machine.ask("POST", "/backfills", {"dag_id": dag_id, **nights})
    (run,) = machine.ask("GET", f"/dags/{dag_id}/dagRuns?run_type=backfill")["dag_runs"]
    run_id = quote(run["dag_run_id"])
    for number in (1, 2):
        ends_green(machine, dag_id, run["dag_run_id"])
        path = f"/dags/{dag_id}/dagRuns/{run_id}"
        told = str(machine.ask("GET", f"{path}/taskInstances/unpack_archive/logs/{number}"))
        assert "Nothing was archived on 2026-01-09" in told
        if number == 1:
            machine.ask("POST", f"{path}/clear", {"dry_run": False, "only_failed": False})


def start_by_api(machine: Machine, dag_id: str, run_id: str, logical_date: str) -> None:
    machine.ask("POST", f"/dags/{dag_id}/dagRuns", {"dag_run_id": run_id, "logical_date": logical_date})


def start_by_form(machine: Machine, dag_id: str, run_id: str, logical_date: str) -> None:
    """As the browser sends it: with all of the form's values."""
    form = machine.ask("GET", f"/dags/{dag_id}/details")["params"]
    conf = {name: param["value"] for name, param in form.items()}
    body = {"dag_run_id": run_id, "logical_date": logical_date, "conf": conf}
    machine.ask("POST", f"/dags/{dag_id}/dagRuns", body)


def start_by_shell(machine: Machine, dag_id: str, run_id: str, logical_date: str) -> None:
    words = [sys.executable, "-m", "airflow", "dags", "trigger", dag_id, "--run-id", run_id]
    subprocess.run([*words, "--logical-date", logical_date], cwd=ROOT, env=machine.environment, check=True)


# Dates of their own, as Airflow has one run per logical date; the last is still the 18th in UTC.
@pytest.mark.parametrize(
    ("start", "logical_date", "day"),
    [
        (start_by_api, "2025-11-16T00:00:00Z", "2025-11-15"),
        (start_by_form, "2025-11-17T09:30:00Z", "2025-11-16"),
        (start_by_shell, "2025-11-18T00:00:00+00:00", "2025-11-17"),
        (start_by_api, "2025-11-19T01:00:00+02:00", "2025-11-17"),
    ],
)
def test_by_hand_for_a_past_date_takes_the_day_before_that_date(
    machine: Machine, start: Callable[[Machine, str, str, str], None], logical_date: str, day: str
) -> None:
    dag_id, run_id = "ecomm_archive_to_curated", f"{start.__name__}_{logical_date[:10]}"
    machine.airflow.unpause(dag_id)
    start(machine, dag_id, run_id, logical_date)
    ends_green(machine, dag_id, run_id)
    log = machine.ask("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/unpack_archive/logs/1")
    assert f"Nothing was archived on {day}" in str(log)


def test_by_the_shell(machine: Machine) -> None:
    words = [sys.executable, "-m", "airflow", "dags", "trigger", "ecomm_streaming_stop", "--run-id", "by_shell"]
    subprocess.run([*words, "--conf", '{"force": true}'], cwd=ROOT, env=machine.environment, check=True)
    ends_green(machine, "ecomm_streaming_stop", "by_shell")
