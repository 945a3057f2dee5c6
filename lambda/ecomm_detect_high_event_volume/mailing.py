"""Sends alerts by mail: at once, or, when there are many or SNS refuses, later and together.

A mail that has to wait is kept twice: its alerts as items of a partition of the table, and a delayed message in the
mail queue that brings the function back to them. So nothing waits in a process, and nothing is lost with one.
"""

from __future__ import annotations

import json
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecomm_detect_high_event_volume import mail_text
from ecomm_detect_high_event_volume.alerts import Alert
from ecomm_detect_high_event_volume.deadline import Deadline
from ecomm_detect_high_event_volume.episodes import mark_told
from ecomm_detect_high_event_volume.settings import Settings
from ecomm_detect_high_event_volume.table import Key, Table, WriteError
from ecomm_detect_high_event_volume.windows import DAY_SECONDS

MINUTE = 60
# After SNS refused a mail.
RETRY_SECONDS = 15
# How long one invocation may be busy with a digest before another takes it for lost; over the function's time-out.
LEASE_SECONDS = 60

# Alerts that a process remembers to have sent.
REMEMBERED = 10_000

_GATE = "gate"
_LEASE = "lease"


@dataclass(frozen=True)
class Sent:
    """mails: sent now. deferred: alerts that wait in the mail queue."""

    mails: int
    deferred: int


class Mailer:
    def __init__(self, table: Table, settings: Settings, sns: Any, sqs: Any) -> None:
        self._table = table
        self._settings = settings
        self._sns = sns
        self._sqs = sqs
        # What this process has sent: when the table refuses to write that down, the next try must not send it again.
        self._published: OrderedDict[tuple[str, str], None] = OrderedDict()

    def send(self, alerts: Sequence[Alert], deadline: Deadline) -> Sent:
        """One mail about all of the alerts, now or later.

        Raises ClientError, BotoCoreError, WriteError or OutOfTimeError when neither could be; nothing is lost then, as
        the records that brought the alerts come again.
        """
        untold = [alert for alert in alerts if alert.name not in self._published]
        sent = self._send_or_defer(untold, deadline) if untold else Sent(mails=0, deferred=0)
        mark_told(self._table, alerts, deadline)
        return sent

    def _send_or_defer(self, alerts: Sequence[Alert], deadline: Deadline) -> Sent:
        now = time.time()
        wait = math.ceil(MINUTE - now % MINUTE)
        if self._may_send(int(now) // MINUTE):
            try:
                self._publish(alerts, deadline)
                return Sent(mails=1, deferred=0)
            except (ClientError, BotoCoreError):
                wait = RETRY_SECONDS
        self._defer(alerts, now, wait, deadline)
        return Sent(mails=0, deferred=len(alerts))

    def send_digest(self, digest: str, owner: str, deadline: Deadline) -> Sent:
        """One mail about the alerts that were kept under this name; none where they have been sent already.

        owner: the message that asks for it; another one that does so meanwhile is refused.
        Raises as `send` does, and WriteError while another invocation is at it.
        """
        now = int(time.time())
        busy = self._table.change(
            (digest, _LEASE),
            "SET held_by = :owner, held_until = :until, expires_at = :expires",
            "attribute_not_exists(pk) OR held_by = :owner OR held_until < :now",
            {":owner": owner, ":until": now + LEASE_SECONDS, ":now": now, ":expires": now + DAY_SECONDS},
        )
        if busy is not None:
            raise WriteError(f"{digest} is being sent by another invocation.")
        waiting = {(item["pk"], item["sk"]): item["alert"] for item in self._table.query(digest) if "alert" in item}
        alerts = [Alert.from_json(text) for text in waiting.values()]
        untold = [alert for alert in alerts if alert.name not in self._published]
        if untold:
            self._publish(untold, deadline)
        self._forget(list(waiting), deadline)
        return Sent(mails=1 if untold else 0, deferred=0)

    def _may_send(self, minute: int) -> bool:
        """Takes one of the minute's mails, of which there are a few for all invocations together."""
        full = self._table.change(
            (f"minute#{minute}", _GATE),
            "SET expires_at = :expires ADD mails :one",
            "attribute_not_exists(pk) OR mails < :most",
            {":one": 1, ":most": self._settings.mails_per_minute, ":expires": (minute + 60) * MINUTE},
        )
        return full is None

    def _publish(self, alerts: Sequence[Alert], deadline: Deadline) -> None:
        # Cut off in this call, nobody would know whether the mail went out.
        deadline.check()
        mail = mail_text.write(alerts, self._settings)
        self._sns.publish(TopicArn=self._settings.topic_arn, Subject=mail.subject, Message=mail.body)
        self._published.update(dict.fromkeys(alert.name for alert in alerts))
        while len(self._published) > REMEMBERED:
            self._published.popitem(last=False)

    def _defer(self, alerts: Sequence[Alert], now: float, seconds: int, deadline: Deadline) -> None:
        digest = f"digest#{int(now) // MINUTE}"
        expires = int(now) + self._settings.keep_days * DAY_SECONDS
        items = [
            {"pk": digest, "sk": alert.subject, "alert": alert.to_json(), "expires_at": expires} for alert in alerts
        ]
        for outcome in self._table.run([self._table.insert(item) for item in items], deadline):
            if isinstance(outcome, WriteError):
                raise outcome
        # Last: the message must find the alerts.
        self._sqs.send_message(
            QueueUrl=self._settings.mail_queue_url, MessageBody=json.dumps({"digest": digest}), DelaySeconds=seconds
        )

    def _forget(self, keys: Sequence[Key], deadline: Deadline) -> None:
        for outcome in self._table.run([self._table.delete(key) for key in keys], deadline):
            if isinstance(outcome, WriteError):
                raise outcome
