"""What a deferred task waits for ends with the task, and outlives a triggerer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest
from ecomm import athena
from ecomm.triggers import StateTrigger
from ecomm.waiting import stop, wait

from tests.plugins.conftest import World

MINUTES = (
    "select count_if((a.n * b.n * c.n) % 7 = 3) as number from unnest(sequence(1, 10000)) as a (n) "
    "cross join unnest(sequence(1, 10000)) as b (n) cross join unnest(sequence(1, 10000)) as c (n)"
)


async def cancelled(trigger: Any) -> None:
    """Runs the trigger, and cancels it as a triggerer does."""
    waiting = asyncio.ensure_future(anext(trigger.run()))
    await asyncio.sleep(0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    assert waiting.cancelled()


@pytest.mark.parametrize(
    ("task_is", "query_is"),
    [("deferred", "RUNNING"), ("failed", "CANCELLED"), ("scheduled", "CANCELLED"), ("success", "CANCELLED")],
)
def test_only_a_task_that_is_no_longer_deferred_is_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch, task_is: str, query_is: str
) -> None:
    """A triggerer that ends cancels its triggers too, and another takes them over."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    def states(dag_id: str, task_ids: list[str], run_ids: list[str], map_index: int) -> dict[str, dict[str, str]]:
        """Airflow's answer, which it gives to a triggerer only."""
        assert (dag_id, map_index) == ("dag", -1)
        return {run_ids[0]: {task_ids[0]: task_is}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(states))
    what = athena.waiting(athena.start(MINUTES))
    trigger = StateTrigger("handle", **asdict(what))
    trigger.task_instance = SimpleNamespace(dag_id="dag", run_id="run", task_id="task", map_index=-1)
    asyncio.run(cancelled(trigger))
    if query_is == "RUNNING":
        found = world.aws.client("athena").get_query_execution(**what.arguments)
        assert what.state_in(found) in what.busy
        stop(what)
    assert wait(what) == "CANCELLED"
