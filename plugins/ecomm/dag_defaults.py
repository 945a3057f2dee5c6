"""What every DAG of the platform has in common."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ecomm.failure_notice import tell_operators

log = logging.getLogger(__name__)

OWNER = "data-platform"
TAGS = ["ecomm"]

QUICK = timedelta(minutes=10)
QUERY = timedelta(minutes=30)
CRAWL = timedelta(hours=1)
PROFILE = timedelta(hours=2)
CONVERSION = timedelta(hours=3)
UPLOAD = timedelta(hours=12)
# Managed Flink starts in a minute or two; a snapshot of much state takes longer.
FLINK = timedelta(minutes=30)


def log_error_last(context: Mapping[str, Any]) -> None:
    """Logs the error of a try that failed once more, as one line: above, its sentence is buried by a traceback."""
    # Where the worker died, Airflow calls this elsewhere, and has no error to tell.
    if error := context.get("exception"):
        log.error("%s: %s", type(error).__name__, error)


def refuse_unknown_keys(context: Mapping[str, Any]) -> None:
    """Fails the first tasks of a run whose configuration has a key that is no parameter of the DAG, or is ignored.

    Airflow takes such a key, and the parameter that was meant keeps its default. A `pre_execute` hook, so that it runs
    before anything else of the task; tasks that follow others are reached only where those passed. Raises DataError.
    """
    if context["task"].upstream_task_ids:
        return
    from ecomm.errors import DataError

    dag, conf = context["dag"], context["dag_run"].conf or {}
    takes = f"It takes: {', '.join(sorted(dag.params))}." if dag.params else "It takes none."
    if not isinstance(conf, Mapping):
        raise DataError(
            f"The configuration of a run is an object of parameters, but this one is {conf!r:.100}. {takes}"
        )
    if unknown := [key for key in conf if key not in dag.params]:
        faults = [_fault(key, conf[key], dag.dag_id, list(dag.params)) for key in unknown]
        raise DataError(f"{' '.join(faults)} {takes} Trigger the DAG again with the right ones.")
    if [key for key in conf if context["params"][key] != conf[key]]:
        raise DataError(
            "Airflow is set to ignore the configuration of a run; set core.dag_run_conf_overrides_params to True."
        )


def _fault(key: str, value: object, dag_id: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    fault = f'"{key}" is no parameter of {dag_id}'
    if isinstance(value, Mapping) and any(name in known for name in value):
        return f"{fault}; give what is in it without it."
    nearest = get_close_matches(key.strip().lower().replace("-", "_"), known, n=1)
    return f'{fault}; did you mean "{nearest[0]}"?' if nearest else f"{fault}."


# What repetition cannot heal (ecomm.errors.DataError) fails at once, whatever stands here.
DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": QUICK,
    "on_failure_callback": log_error_last,
    "on_retry_callback": log_error_last,
    "pre_execute": refuse_unknown_keys,
}

# What every DAG gives to @dag. Two runs of one would write the same tables, and a run for a day gone by would convert
# today's files in its name.
EVERY_DAG: dict[str, Any] = {
    "catchup": False,
    "max_active_runs": 1,
    "default_args": DEFAULT_ARGS,
    "on_failure_callback": tell_operators,
}
