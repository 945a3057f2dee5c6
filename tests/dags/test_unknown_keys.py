"""A whole run in `dag.test` with a key that is no parameter: nothing of it is done, and nothing is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tests.conftest import Platform


@pytest.mark.parametrize("conf", [{"souces": ["/data/2019-Nov.csv"]}, {"params": {"generated_rows": 1000}}])
def test_an_upload_with_an_unknown_key_uploads_nothing(
    attempt: Callable[[str, dict[str, Any]], Any], platform: Platform, deployed: dict[str, str], conf: dict[str, Any]
) -> None:
    states = {task.task_id: (str(task.state), task.try_number) for task in attempt("ecomm_dataset_upload", conf)}
    assert states["check_sources"] == ("failed", 1)
    assert {state for task, (state, _) in states.items() if task != "check_sources"} == {"upstream_failed"}
    s3 = boto3.client("s3", endpoint_url=platform.endpoint)
    raw = next(bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if "-raw-" in bucket["Name"])
    assert "Contents" not in s3.list_objects_v2(Bucket=raw)
