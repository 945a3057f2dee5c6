"""Follows a DAG run until it is over, and explains a failure."""

from __future__ import annotations

import time

from demo import DemoError
from demo.airflow_api import POLL_SECONDS, Airflow, TaskInstance
from demo.progress import RUN_OVER, Progress, TaskBoard
from demo.task_log import command, last_error, lines

LOG_LINES = 40


def follow(airflow: Airflow, dag_id: str, run_id: str, progress: Progress) -> None:
    """Shows the run's tasks as they come and go; raises DemoError with the end of each failed task's log.

    It waits as long as the run takes: the tasks have their own time-outs.
    """
    board = TaskBoard(progress.console)
    with board.shown():
        while True:
            # Asked first, so that the tasks seen are at least as new as the state.
            state = airflow.run_state(dag_id, run_id)
            tasks = airflow.task_instances(dag_id, run_id)
            for task in board.update(state, tasks):
                if task.state == "up_for_retry":
                    progress.note(last_error(airflow.log(dag_id, run_id, task)))
            if state in RUN_OVER:
                break
            time.sleep(POLL_SECONDS)
    if state == "failed":
        failed = [task for task in tasks if task.state == "failed"]
        raise DemoError(
            "\n\n".join(_explained(airflow, dag_id, run_id, task) for task in failed) or f"{dag_id} failed."
        )


def _explained(airflow: Airflow, dag_id: str, run_id: str, task: TaskInstance) -> str:
    """The error first, which is what most want to know; of the calls to it those of the project."""
    events = airflow.log(dag_id, run_id, task)
    own = [line for line in lines(events) if not (line.startswith("  File ") and "/site-packages/" in line)]
    return "\n".join(
        [
            f"{task.label} of {dag_id} failed: {last_error(events)}",
            "",
            "The end of its log:",
            *(f"    {line}" for line in own[-LOG_LINES:]),
            "",
            f"All of it: {command(dag_id, run_id, task)}",
            f"In Airflow: {airflow.url}/dags/{dag_id}/runs/{run_id}",
        ]
    )
