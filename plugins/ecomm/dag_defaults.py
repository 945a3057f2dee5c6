"""What every DAG of the platform has in common."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

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
    error = context["exception"]
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
