"""A whole run in `dag.test` with a key that is no parameter: nothing of it is done, and nothing is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize("conf", [{"souces": ["/data/2019-Nov.csv"]}, {"params": {"generated_rows": 1000}}])
def test_an_upload_with_an_unknown_key_uploads_nothing(
    attempt: Callable[[str, dict[str, Any]], Any], conf: dict[str, Any]
) -> None:
    from ecomm.aws import list_objects
    from ecomm.settings import settings

    before = list_objects(settings().raw_bucket, "")
    states = {task.task_id: (str(task.state), task.try_number) for task in attempt("ecomm_dataset_upload", conf)}
    assert states["check_sources"] == ("failed", 1)
    assert {state for task, (state, _) in states.items() if task != "check_sources"} == {"upstream_failed"}
    assert list_objects(settings().raw_bucket, "") == before
