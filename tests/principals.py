"""Who a test acts as: the access key says it, and the platform's record of calls keeps it (local/calls.py)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest

AIRFLOW = "airflow"
OPERATOR = "operator"
SIMULATOR = "simulator"


@contextmanager
def acting_as(principal: str) -> Iterator[None]:
    """Meanwhile, clients of the plugins' calls are that principal's; a test's own are not."""
    from ecomm.aws import client

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", principal)
        # It keeps the credentials that it found first.
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        client.cache_clear()
        yield
    client.cache_clear()
