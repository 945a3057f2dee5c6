"""Airflow's components as children of one process, run by Airflow's own Python.

Airflow is imported once and then forked, which takes half of the time and two thirds of the memory of four separate
starts. Where forking after imports is not safe (macOS), each is started afresh. When one ends, all end: half an Airflow
looks healthy and runs nothing.

Environment: AIRFLOW_HOME, whose airflow.cfg says everything else; LOCAL_LOGS, the folder for a log of each component.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

# The API server takes longest to start. Logs are read from disk by the API server, so none is served: the servers for
# that would listen on every interface.
COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
HOME = Path(os.environ["AIRFLOW_HOME"])
LOGS = Path(os.environ["LOCAL_LOGS"])
FORKS = sys.platform.startswith("linux")


def main() -> int:
    if FORKS:
        import_what_all_use()
    prepare_database()
    running = {start(words, LOGS / f"airflow-{name}.log"): name for name, words in COMPONENTS.items()}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    status = 1
    try:
        pid, waited = os.wait()
        name = running.pop(pid)
        say(f"{name} ended with status {os.waitstatus_to_exitcode(waited)}; its log is {LOGS / f'airflow-{name}.log'}.")
    except SystemExit:
        status = 0
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for pid in running:
        os.kill(pid, signal.SIGTERM)
    for pid in running:
        os.waitpid(pid, 0)
    return status


def prepare_database() -> None:
    """Creates or migrates the database where it is not of this version; readers and writers then work side by side."""
    done = HOME / "database-version"
    if done.exists() and done.read_text() == version("apache-airflow"):
        return
    say("Creating the database.")
    pid = start(["db", "migrate"], LOGS / "airflow-database.log")
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        sys.exit(f"The database could not be created; see {LOGS / 'airflow-database.log'}.")
    with sqlite3.connect(HOME / "airflow.db") as database:
        database.execute("PRAGMA journal_mode=WAL")
    done.write_text(version("apache-airflow"))


# What the components, the processes that parse DAGs and the tasks import anyway.
SHARED_MODULES = (
    "airflow.__main__",
    "airflow.cli.cli_parser",
    "airflow.dag_processing.manager",
    "airflow.executors.local_executor",
    "airflow.jobs.scheduler_job_runner",
    "airflow.jobs.triggerer_job_runner",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.serialization.serialized_objects",
    "airflow.providers.standard.operators.python",
    "airflow.providers.amazon.aws.hooks.base_aws",
)


def import_what_all_use() -> None:
    # Nothing becomes garbage while modules are imported, and the copies share what is never touched again.
    gc.disable()
    for name in SHARED_MODULES:
        import_module(name)
    gc.freeze()
    gc.enable()


def start(words: list[str], log: Path) -> int:
    """Starts `airflow <words>` with its output appended to `log`; its process id."""
    with log.open("ab") as output:
        if not FORKS:
            return subprocess.Popen([sys.executable, "-P", __file__, *words], stdout=output, stderr=output).pid
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            run_and_exit(words)
        return pid


def run_and_exit(words: list[str]) -> None:
    status = 1
    try:
        from airflow.__main__ import main as airflow_main

        if words[0] == "api-server":
            write_the_audit_log_in_threads()
        sys.argv = ["airflow", *words]
        airflow_main()
        status = 0
    except SystemExit as exit_:
        status = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    finally:
        sys.stdout.flush()
        os._exit(status)


def write_the_audit_log_in_threads() -> None:
    """Lets the API server's event loop go on while a line of the audit log waits for its turn to write.

    Airflow commits that line on the event loop. Where a request in a thread has written and has yet to commit, the loop
    waits for SQLite's one place to write, and the request waits for the loop: nothing is answered until SQLite gives up
    after a minute, and then the scheduler ends as well ("database is locked").
    """
    from airflow.api_fastapi.logging import decorators
    from starlette.concurrency import run_in_threadpool

    make = decorators.action_logging

    def make_threaded(event: str | None = None) -> Callable[..., Any]:
        log_action = make(event)

        @wraps(log_action)
        async def in_a_thread(request: Any, session: Any, user: Any) -> None:
            # It can only be read on the loop, and is kept.
            await request.body()
            await run_in_threadpool(asyncio.run, log_action(request, session, user))

        return in_a_thread

    decorators.action_logging = make_threaded


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_and_exit(sys.argv[1:]) if sys.argv[1:] else sys.exit(main())
