"""What every DAG of the platform has in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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

# What repetition cannot heal (ecomm.errors.DataError) fails at once, whatever stands here.
DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(seconds=15),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": QUICK,
}
