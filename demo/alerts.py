"""The alerts of the demo: who is in the table, the mail about it, and how long it took from the click."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3

from demo import DemoError
from demo.clicks import read_time
from demo.counts import window
from local.mail import Mail, mails

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Alert:
    """One user who was alerted. milliseconds: from the sending of the click over the threshold to the mail."""

    user: int
    mail: Mail
    milliseconds: int


class Alerts:
    """Those since `begin`, as the function keeps them and as they were mailed to the address."""

    def __init__(self, function: str, folder: Path, address: str, begin: datetime) -> None:
        """function: its name; its own settings tell where its table is. folder: of the mails."""
        configuration = boto3.client("lambda").get_function_configuration(FunctionName=function)
        variables = configuration["Environment"]["Variables"]
        self.threshold = int(variables["ALERT_THRESHOLD"])
        self._block_seconds = int(variables["BLOCK_SECONDS"])
        self._table = boto3.resource("dynamodb").Table(variables["TABLE_NAME"])
        self._folder = folder
        self._address = address
        self._begin = begin

    def wait_for_mail(self, user: int, seconds: float) -> Mail:
        """The mail that names the user; raises DemoError where none comes in time."""
        deadline = time.monotonic() + seconds
        while True:
            for mail in reversed(list(mails(self._folder, self._address))):
                if mail.delivered_at < self._begin:
                    break
                if str(user) in mail.text():
                    return mail
            if time.monotonic() > deadline:
                raise DemoError(
                    f"No mail about user {user} came within {seconds:.0f} s. What the function did is in CloudWatch, "
                    "/aws/lambda/; what it could not do lies in the queue of failures: make redrive."
                )
            time.sleep(POLL_SECONDS)

    def users(self) -> list[int]:
        """Whom the function alerted, by the block list."""
        found = self._table.query(
            IndexName="block-list",
            KeyConditionExpression="blocked = :yes AND blocked_until >= :since",
            ExpressionAttributeValues={
                ":yes": "yes",
                ":since": int(self._begin.timestamp()) + self._block_seconds,
            },
        )["Items"]
        return sorted(int(item["user_id"]) for item in found)


def latencies(
    users: Iterable[int], found: Mapping[int, Mail], clicks: Sequence[Mapping[str, Any]], threshold: int
) -> list[Alert]:
    """For each user with a mail, the time from the click that went over the threshold within a window to the mail."""
    alerts = []
    for user in users:
        within: dict[datetime, int] = {}
        for moment in sorted(read_time(click["txn_timestamp"]) for click in clicks if click["user_id"] == user):
            begin = window(moment)
            within[begin] = within.get(begin, 0) + 1
            if within[begin] > threshold:
                elapsed = (found[user].delivered_at - moment).total_seconds()
                alerts.append(Alert(user, found[user], round(elapsed * 1000)))
                break
    return alerts


def percentile(alerts: Sequence[Alert], percent: int) -> int:
    """The least number of milliseconds that so many percent of the alerts did not exceed."""
    ordered = sorted(alert.milliseconds for alert in alerts)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
