"""What our operators share: start something on AWS, wait for its end here or in the triggerer, then judge it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict
from typing import Any

from airflow.configuration import conf
from airflow.sdk import BaseOperator, Context

from ecomm.waiting import Wait, wait


class AwsOperator(BaseOperator):
    """Runs `start`, waits as `waiting` says, and returns what `finish` makes of the end.

    deferrable: wait in the triggerer. By default as the setting `operators.default_deferrable` of Airflow says.
    """

    def __init__(self, *, deferrable: bool | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if deferrable is None:
            deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable
        self.handle: str | None = None

    @abstractmethod
    def start(self, context: Context) -> str:
        """Starts the work, or finds it running already; returns its id on AWS."""

    @abstractmethod
    def waiting(self, handle: str) -> Wait:
        """How to see that the work of this id has ended."""

    @abstractmethod
    def finish(self, context: Context, handle: str) -> Any:
        """Returns the result of ended work; raises where it ended badly."""

    def stop(self, handle: str) -> None:
        """Ends the work of this id before its time, because the task was killed. By default it goes on."""

    def execute(self, context: Context) -> Any:
        self.handle = self.start(context)
        what = self.waiting(self.handle)
        if self.deferrable:
            from ecomm.triggers import StateTrigger

            self.defer(
                trigger=StateTrigger(self.handle, **asdict(what)),
                method_name="resume",
                timeout=self.execution_timeout,
            )
        wait(what)
        return self.finish(context, self.handle)

    def resume(self, context: Context, event: dict[str, str]) -> Any:
        """Goes on after a deferral, with the trigger's event."""
        return self.finish(context, event["handle"])

    def on_kill(self) -> None:
        if self.handle:
            self.stop(self.handle)
