"""What our operators share: start something on AWS, wait for its end here or in the triggerer, then judge it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict
from typing import Any

from airflow.configuration import conf
from airflow.sdk import BaseOperator, Context

from ecomm.operators.links import ConsoleLink
from ecomm.waiting import Wait, stop, wait


class AwsOperator(BaseOperator):
    """Runs `start`, waits as `waiting` says, and returns what `finish` makes of the end.

    The provider's operators each wait in their own way, in the triggerer by other code than on a worker, and each of
    those has ends that it takes for a success; here, one description serves both, and `finish` judges every end.
    A task that is killed, failed by hand or timed out stops what it started, where `waiting` says how.
    deferrable: wait in the triggerer. By default as the setting `operators.default_deferrable` of Airflow says.
    """

    operator_extra_links = (ConsoleLink(),)

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
        """How to see that the work of this id has ended, and how to end it."""

    @abstractmethod
    def finish(self, context: Context, handle: str) -> Any:
        """Returns the result of ended work; raises where it ended badly."""

    @abstractmethod
    def console_page(self, handle: str) -> str:
        """Where the console of AWS shows this work: the address behind the console's own."""

    def execute(self, context: Context) -> Any:
        self.handle = self.start(context)
        # Airflow writes a task's link when the task ends; who watches a long one wants it before.
        link = ConsoleLink()
        context["ti"].xcom_push(link.xcom_key, link.address(self))
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
        self.handle = event["handle"]
        return self.finish(context, self.handle)

    def on_kill(self) -> None:
        if self.handle:
            stop(self.waiting(self.handle))

    def first_try(self, context: Context) -> int:
        """The number of the first try since the task was cleared, or of all: what came before is another's story."""
        task = context["ti"]
        # Clearing a task sets its most tries to those it had and its retries.
        return max(1, min(task.try_number, task.max_tries - (self.retries or 0) + 1))
