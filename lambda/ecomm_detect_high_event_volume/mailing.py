"""Sends alerts by mail: at once, or, when there are many or SNS refuses, later and together.

A mail that has to wait is kept twice: its alerts as items of a partition of the table, and a delayed message in the
mail queue that brings the function back to them. So nothing waits in a process, and nothing is lost with one.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecomm_detect_high_event_volume import mail_text
from ecomm_detect_high_event_volume.alerts import Alert
from ecomm_detect_high_event_volume.deadline import Deadline
from ecomm_detect_high_event_volume.episodes import mark_told, untold
from ecomm_detect_high_event_volume.settings import Settings
from ecomm_detect_high_event_volume.table import Table, WriteError
from ecomm_detect_high_event_volume.windows import DAY_SECONDS

MINUTE = 60
# After SNS refused a mail.
RETRY_SECONDS = 15
# After the answer about a mail was lost: its receipt comes within the time-out of its queue, 30 seconds.
RECEIPT_SECONDS = 45
# How long one invocation may be busy with a digest before another takes it for lost; over the function's time-out.
LEASE_SECONDS = 60
# SNS takes 256 KB; more alerts than this come in several mails.
ALERTS_A_MAIL = 500
# Attribute of a mail's message: the names of the alerts that it tells.
EPISODES = "episodes"

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

    def send(self, alerts: Sequence[Alert], deadline: Deadline) -> Sent:
        """One mail about all of the alerts, now or later.

        Raises ClientError, BotoCoreError, WriteError or OutOfTimeError when neither could be; nothing is lost then, as
        the records that brought the alerts come again.
        """
        now = time.time()
        if not self._may_send(int(now) // MINUTE):
            self.defer(alerts, deadline, math.ceil(MINUTE - now % MINUTE))
            return Sent(mails=0, deferred=len(alerts))
        try:
            mails = self._publish(alerts, deadline)
        except ClientError:
            self.defer(alerts, deadline)
            return Sent(mails=0, deferred=len(alerts))
        except BotoCoreError:
            # Without an answer nobody knows whether the mail went out.
            self.defer(alerts, deadline, RECEIPT_SECONDS)
            return Sent(mails=0, deferred=len(alerts))
        mark_told(self._table, [alert.name for alert in alerts], deadline)
        return Sent(mails=mails, deferred=0)

    def defer(self, alerts: Sequence[Alert], deadline: Deadline, seconds: int = RETRY_SECONDS) -> None:
        """Keeps the alerts for a mail in so many seconds, to those of them of which none is known to be sent by then.

        Raises ClientError, BotoCoreError or WriteError.
        """
        now = int(time.time())
        digest = f"digest#{now // MINUTE}"
        expires = now + self._settings.keep_days * DAY_SECONDS
        items = [
            {"pk": digest, "sk": alert.subject, "alert": alert.to_json(), "expires_at": expires} for alert in alerts
        ]
        self._write([self._table.insert(item) for item in items], deadline)
        # Last: the message must find the alerts.
        self._sqs.send_message(
            QueueUrl=self._settings.mail_queue_url, MessageBody=json.dumps({"digest": digest}), DelaySeconds=seconds
        )

    def send_digest(self, digest: str, owner: str, deadline: Deadline) -> int:
        """Mails about the alerts that were kept under this name, as far as they are not sent already; how many mails.

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
        alerts = untold(self._table, [Alert.from_json(text) for text in waiting.values()], deadline)
        mails = self._publish(alerts, deadline)
        mark_told(self._table, [alert.name for alert in alerts], deadline)
        self._write([self._table.delete(key) for key in waiting], deadline)
        return mails

    def note_receipt(self, envelope: Mapping[str, Any], deadline: Deadline) -> None:
        """Writes down which alerts a mail told, by the copy of it that the topic sends to a queue. Raises WriteError.

        For the function that was cut off between SNS's answer and its own note.
        """
        told = envelope.get("MessageAttributes", {}).get(EPISODES)
        # What somebody else says through the topic tells of no alert.
        names = json.loads(told["Value"]) if told else []
        mark_told(self._table, [(subject, name) for subject, name in names], deadline)

    def _may_send(self, minute: int) -> bool:
        """Takes one of the minute's mails, of which there are a few for all invocations together."""
        full = self._table.change(
            (f"minute#{minute}", _GATE),
            "SET expires_at = :expires ADD mails :one",
            "attribute_not_exists(pk) OR mails < :most",
            {":one": 1, ":most": self._settings.mails_per_minute, ":expires": (minute + 60) * MINUTE},
        )
        return full is None

    def _publish(self, alerts: Sequence[Alert], deadline: Deadline) -> int:
        """Sends mails about the alerts, and returns how many: one, if they are not a great many."""
        mails = 0
        for told in itertools.batched(alerts, ALERTS_A_MAIL):
            # Cut off in this call, nobody would know whether the mail went out.
            deadline.check()
            mail = mail_text.write(told, self._settings)
            self._sns.publish(
                TopicArn=self._settings.topic_arn,
                Subject=mail.subject,
                Message=mail.body,
                MessageAttributes={
                    EPISODES: {"DataType": "String", "StringValue": json.dumps([alert.name for alert in told])}
                },
            )
            mails += 1
        return mails

    def _write(self, statements: Sequence[dict[str, Any]], deadline: Deadline) -> None:
        for outcome in self._table.run(statements, deadline):
            if isinstance(outcome, WriteError):
                raise outcome
