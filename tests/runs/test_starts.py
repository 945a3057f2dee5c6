"""However a run is started, it ends green: by the form, the API without a logical date, the shell, an asset."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from urllib.parse import quote

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


def test_by_the_shell(machine: Machine) -> None:
    words = [sys.executable, "-m", "airflow", "dags", "trigger", "ecomm_streaming_stop", "--run-id", "by_shell"]
    subprocess.run([*words, "--conf", '{"force": true}'], cwd=ROOT, env=machine.environment, check=True)
    ends_green(machine, "ecomm_streaming_stop", "by_shell")
