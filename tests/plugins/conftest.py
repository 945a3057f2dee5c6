"""Fixtures of the plugin's tests: AWS is the local platform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import airflow_environment  # noqa: F401 - before anything imports airflow
from tests.conftest import Platform


@pytest.fixture
def aws(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`ecomm.aws`, with clients that reach the platform and nothing else."""
    from ecomm import aws
    from ecomm.settings import settings

    monkeypatch.setenv("AWS_ENDPOINT_URL", platform.endpoint)
    for cached in (aws.client, settings):
        cached.cache_clear()
    yield aws
    for cached in (aws.client, settings):
        cached.cache_clear()
