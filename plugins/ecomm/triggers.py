"""The waiting of deferred tasks, in the triggerer: a task that waits an hour for Glue takes no worker for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.triggers.base import BaseTrigger, TriggerEvent

from ecomm.aws import CONNECTION
from ecomm.settings import settings
from ecomm.waiting import Wait


class StateTrigger(BaseTrigger):
    """Fires when the state of something on AWS is none of the busy ones; judging it is the operator's.

    handle: the operator's id of it. The other arguments are the fields of a Wait. The event is {handle, state}.
    """

    def __init__(self, handle: str, **what: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.handle = handle
        self.wait = Wait(**{**what, "busy": tuple(what["busy"])})

    def serialize(self) -> tuple[str, dict[str, Any]]:
        what = {**asdict(self.wait), "busy": list(self.wait.busy)}
        return f"{type(self).__module__}.{type(self).__qualname__}", {"handle": self.handle, **what}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        hook = AwsBaseHook(aws_conn_id=CONNECTION, client_type=self.wait.service, region_name=settings().region)
        async with await hook.get_async_conn() as client:  # type: ignore[no-untyped-call]
            look = getattr(client, self.wait.operation)
            for pause in self.wait.pauses():
                state = self.wait.state_in(await look(**self.wait.arguments))
                if state not in self.wait.busy:
                    yield TriggerEvent({"handle": self.handle, "state": state})  # type: ignore[no-untyped-call]
                    return
                await asyncio.sleep(pause)
