"""The waiting of deferred tasks, in the triggerer: a task that waits an hour for Glue takes no worker for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from ecomm.aws import CONNECTION
from ecomm.settings import settings
from ecomm.waiting import Wait, pauses, stop


class StateTrigger(BaseTrigger):
    """Fires when the state of something on AWS is none of the busy ones; judging it is the operator's.

    handle: the operator's id of it. The other arguments are the fields of a Wait. The event is {handle, state}.
    Where the deferred task is failed, cleared or timed out, what it waits for is stopped: no worker is there to do it.
    """

    def __init__(self, handle: str, **what: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.handle = handle
        self.wait = Wait(**{**what, "busy": tuple(what["busy"])})

    def serialize(self) -> tuple[str, dict[str, Any]]:
        what = {**asdict(self.wait), "busy": list(self.wait.busy)}
        return f"{type(self).__module__}.{type(self).__qualname__}", {"handle": self.handle, **what}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            state = await self._end()
        except asyncio.CancelledError:
            if self.wait.stop_operation and await self._is_given_up():
                await sync_to_async(stop)(self.wait)
            raise
        yield TriggerEvent({"handle": self.handle, "state": state})  # type: ignore[no-untyped-call]

    async def _end(self) -> str:
        """The first state that is not busy."""
        hook = AwsBaseHook(aws_conn_id=CONNECTION, client_type=self.wait.service, region_name=settings().region)
        async with await hook.get_async_conn() as client:  # type: ignore[no-untyped-call]
            look = getattr(client, self.wait.operation)
            for pause in pauses(self.wait.longest_pause):
                state = self.wait.state_in(await look(**self.wait.arguments))
                if state not in self.wait.busy:
                    return state
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _is_given_up(self) -> bool:
        """Whether the task is no longer deferred. Where only its triggerer ends it still is, and another goes on."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        task: Any = self.task_instance
        states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
            dag_id=task.dag_id, task_ids=[task.task_id], run_ids=[task.run_id], map_index=task.map_index
        )
        return set(states.get(task.run_id, {}).values()) != {"deferred"}
