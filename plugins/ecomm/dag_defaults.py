"""What every DAG of the platform has in common."""

from __future__ import annotations

import logging
from collections.abc import Mapping
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
}

# What every DAG gives to @dag. Two runs of one would write the same tables, and a run for a day gone by would convert
# today's files in its name.
EVERY_DAG: dict[str, Any] = {
    "catchup": False,
    "max_active_runs": 1,
    "default_args": DEFAULT_ARGS,
    "on_failure_callback": tell_operators,
}
