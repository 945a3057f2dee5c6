"""Airflow's processes share one database; whoever writes to it waits for its turn, and none is turned away."""

from __future__ import annotations

import subprocess
import sys

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
