"""What the function is told by its environment; infra/detection.yaml sets every variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


class SettingError(Exception):
    """A variable is missing or wrong: a sentence that names it."""


@dataclass(frozen=True)
class Settings:
    """
    threshold: more actions than this of one user in a window are an attack.
    cooldown_seconds: how long after an alert the same user is not mailed again.
    block_seconds: how long an alerted user stays on the block list.
    mails_per_minute: after so many mails in a minute, all further alerts of it share one.
    keep_days: days for which counts are kept in the table.
    dashboard_url, logs_url, runbook_url: links of the mails; empty ones are left out.
    """

    table: str
    topic_arn: str
    mail_queue_url: str
    failed_queue_url: str
    threshold: int
    cooldown_seconds: int
    block_seconds: int
    mails_per_minute: int
    keep_days: int
    dashboard_url: str
    logs_url: str
    runbook_url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises SettingError."""

        def text(name: str) -> str:
            value = environment.get(name)
            if not value:
                raise SettingError(f"The environment variable {name} is missing; deploy infra/detection.yaml again.")
            return value

        def number(name: str) -> int:
            value = text(name)
            if not value.isdecimal() or int(value) < 1:
                raise SettingError(f"The environment variable {name} is {value!r}; give a whole number of at least 1.")
            return int(value)

        return cls(
            table=text("TABLE_NAME"),
            topic_arn=text("TOPIC_ARN"),
            mail_queue_url=text("MAIL_QUEUE_URL"),
            failed_queue_url=text("FAILED_QUEUE_URL"),
            threshold=number("ALERT_THRESHOLD"),
            cooldown_seconds=number("COOLDOWN_SECONDS"),
            block_seconds=number("BLOCK_SECONDS"),
            mails_per_minute=number("MAILS_PER_MINUTE"),
            keep_days=number("KEEP_DAYS"),
            dashboard_url=environment.get("DASHBOARD_URL", ""),
            logs_url=environment.get("LOGS_URL", ""),
            runbook_url=environment.get("RUNBOOK_URL", ""),
        )
