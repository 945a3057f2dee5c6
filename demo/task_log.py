"""A task's log as a person reads it: `python -m demo.task_log DAG RUN TASK`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from demo import DemoError
from demo.airflow_api import Airflow, TaskInstance
from local.config import Config

# What Airflow adds to every event; the rest of an event's fields is its own and is shown.
_COMMON = {"timestamp", "event", "level", "logger", "filename", "lineno", "error_detail", "sources"}


def lines(events: Sequence[Mapping[str, Any] | str]) -> Iterator[str]:
    """The lines of each event of Airflow's log: time, level where it is no mere information, text, traceback."""
    for event in events:
        if isinstance(event, str):
            yield from event.splitlines()
            continue
        if event["event"].startswith("::"):
            continue
        time = str(event.get("timestamp", ""))[11:19]
        level = str(event.get("level", "info"))
        more = " ".join(f"{name}={value}" for name, value in event.items() if name not in _COMMON)
        words = [time, "" if level == "info" else level.upper(), event["event"], more]
        yield from " ".join(filter(None, words)).splitlines()
        # The error itself comes before its causes in there; as in Python's own tracebacks it is to be read last.
        for error in reversed(event.get("error_detail") or []):
            yield from _traceback(error)


def last_error(events: Sequence[Mapping[str, Any] | str]) -> str:
    """What a log ends with: of a try that failed its error, without time and traceback."""
    last = events[-1] if events else "Its log is empty."
    if isinstance(last, str):
        return last.splitlines()[-1]
    details = last.get("error_detail")
    return f"{details[0]['exc_type']}: {details[0]['exc_value']}" if details else str(last["event"])


def _traceback(error: Mapping[str, Any]) -> Iterator[str]:
    for frame in error.get("frames", []):
        yield f'  File "{frame["filename"]}", line {frame["lineno"]}, in {frame["name"]}'
    yield from f"{error['exc_type']}: {error['exc_value']}".splitlines()


def command(dag_id: str, run_id: str, task: TaskInstance) -> str:
    """The command line that shows the whole log."""
    words = [dag_id, run_id, task.task_id, *(["--map-index", str(task.map_index)] if task.map_index >= 0 else [])]
    return f".venv/airflow/bin/python -m demo.task_log {' '.join(words)}"


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m demo.task_log", description="Prints the log of a task's last try.")
    parser.add_argument("dag", help="such as ecomm_batch_kpis")
    parser.add_argument("run", help="the run's id, as the demo or Airflow's UI shows it")
    parser.add_argument("task", help="the task's id, with its groups: months.convert_to_parquet")
    parser.add_argument("--map-index", type=int, default=-1, help="which instance of a mapped task, from 0")
    arguments = parser.parse_args(words)
    config = Config.from_environment().as_started()
    airflow = Airflow(config.airflow_endpoint, config.dags)
    try:
        wanted = (arguments.task, arguments.map_index)
        tasks = airflow.task_instances(arguments.dag, arguments.run)
        task = next((task for task in tasks if (task.task_id, task.map_index) == wanted), None)
        if task is None:
            known = ", ".join(sorted({task.label for task in tasks}))
            raise DemoError(f"The run has no task {arguments.task} with map index {arguments.map_index}, but: {known}.")
        sys.stdout.writelines(f"{line}\n" for line in lines(airflow.log(arguments.dag, arguments.run, task)))
    except DemoError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
