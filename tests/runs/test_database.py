"""Airflow's processes share one database; whoever writes to it waits for its turn, and none is turned away."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from local.airflow import DATABASE_SECONDS
from tests.conftest import ROOT
from tests.runs.conftest import Machine

READ_THEN_WRITE = """
import sqlite3
import sys
import threading

from airflow.models.log import Log
from airflow.utils.session import create_session
from sqlalchemy import select


def write_between():
    with sqlite3.connect(sys.argv[1], timeout=60) as database:
        database.execute("UPDATE log SET event = event")


other = threading.Thread(target=write_between)
with create_session() as session, session.begin_nested():
    session.execute(select(Log.id).limit(1)).all()
    other.start()
    other.join(2)
    session.add(Log(event="written_last"))
    session.flush()
other.join()
with create_session() as session:
    print("rows:", len(session.scalars(select(Log.id).where(Log.event == "written_last")).all()))
"""


def test_a_savepoint_that_reads_first_can_write_whoever_else_does(machine: Machine) -> None:
    """As a backfill is created: Airflow answered it with `database is locked` when a task began just then."""
    database = f"{machine.environment['AIRFLOW_HOME']}/airflow.db"
    command = [sys.executable, "-c", READ_THEN_WRITE, database]
    done = subprocess.run(command, cwd=ROOT, env=machine.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "rows: 1"


def test_requests_that_write_at_the_same_time_do_not_wait_for_each_other(machine: Machine) -> None:
    """As a script, or two people, would: each held the others up until SQLite gave up, and Airflow ended."""
    dag_id, runs = "one_glue_run", 32
    machine.ask("PATCH", f"/dags/{dag_id}", {"is_paused": True})
    url = f"{machine.airflow.url}/api/v2/dags/{dag_id}/dagRuns"

    def create_and_delete(number: int) -> float:
        run = {"dag_run_id": f"at_once_{number}", "logical_date": None}
        begin = time.monotonic()
        with httpx.Client(timeout=10 * DATABASE_SECONDS, trust_env=False) as client:
            for answer in (client.post(url, json=run), client.delete(f"{url}/{run['dag_run_id']}")):
                assert answer.is_success, answer.text
        return time.monotonic() - begin

    try:
        with ThreadPoolExecutor(4) as threads:
            seconds = list(threads.map(create_and_delete, range(runs)))
    finally:
        machine.ask("PATCH", f"/dags/{dag_id}", {"is_paused": False})
    assert max(seconds) < DATABASE_SECONDS
    triggers = machine.ask("GET", f"/eventLogs?dag_id={dag_id}&event=trigger_dag_run&limit=100")["event_logs"]
    assert len([line for line in triggers if line["run_id"].startswith("at_once_")]) == runs
