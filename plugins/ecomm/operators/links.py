"""The button beside a task that opens what it started in the console of AWS, or in what stands for the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from ecomm.settings import settings

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class ConsoleLink(BaseOperatorLink):
    """For operators with a `handle` and its `console_page`; empty where the task has started nothing."""

    @property
    def name(self) -> str:
        return "Open in the console"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        return self.address(operator)

    def address(self, operator: Any) -> str:
        if not operator.handle:
            return ""
        return f"{settings().console}/{operator.console_page(operator.handle)}"
