"""Sends alerts by mail: at once, or, when there are many or SNS refuses, later and together.

A mail that has to wait is kept twice: its alerts as items of a partition of the table, and a delayed message in the
mail queue that brings the function back to them. So nothing waits in a process, and nothing is lost with one.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecomm_detect_high_event_volume import mail_text
from ecomm_detect_high_event_volume.alerts import Alert
from ecomm_detect_high_event_volume.deadline import RESERVE_SECONDS, Deadline, OutOfTimeError
from ecomm_detect_high_event_volume.episodes import MEMORY_SECONDS, mark_told, untold
from ecomm_detect_high_event_volume.messages import EPISODES, Receipt
from ecomm_detect_high_event_volume.settings import Settings
from ecomm_detect_high_event_volume.table import Table, WriteError
from ecomm_detect_high_event_volume.windows import DAY_SECONDS

MINUTE = 60
# After SNS refused a mail.
RETRY_SECONDS = 15
# After the answer about a mail was lost: its receipt comes within the time-out of its queue, 30 seconds.
RECEIPT_SECONDS = 45
# A lease ends so long after its invocation does at the latest: the clocks of two hosts differ.
CLOCK_SKEW_SECONDS = 10
# SNS takes 256 KB; more alerts than this come in several mails.
ALERTS_A_MAIL = 500

_GATE = "gate"
_LEASE = "lease"


class DigestBusyError(WriteError):
    """Another invocation is sending the digest; its message has to come again."""


@dataclass(frozen=True)
class Sent:
    """mails: sent now. deferred: alerts that wait in the mail queue. refused: mails that SNS did not take."""

    mails: int
    deferred: int
    refused: int = 0


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
        minute = int(now) // MINUTE
        if not self._may_send(minute):
            self.defer(alerts, deadline, math.ceil(MINUTE - now % MINUTE))
            return Sent(mails=0, deferred=len(alerts))
        try:
            mails = self._publish(alerts, deadline)
        except ClientError:
            self.defer(alerts, deadline)
            self._give_back(minute)
            return Sent(mails=0, deferred=len(alerts), refused=1)
        except OutOfTimeError:
            self._give_back(minute)
            raise
        except BotoCoreError:
            # Without an answer nobody knows whether the mail went out.
            self.defer(alerts, deadline, RECEIPT_SECONDS)
            return Sent(mails=0, deferred=len(alerts), refused=1)
        return Sent(mails=mails, deferred=0)

    def defer(self, alerts: Sequence[Alert], deadline: Deadline, seconds: int = RETRY_SECONDS) -> None:
        """Keeps the alerts for a mail in so many seconds, to those of them of which none is known to be sent by then.

        Raises ClientError, BotoCoreError or WriteError.
        """
        now = int(time.time())
        digest = f"digest#{now // MINUTE}"
        expires = now + MEMORY_SECONDS
        items = [
            {"pk": digest, "sk": alert.subject, "alert": alert.to_json(), "expires_at": expires} for alert in alerts
        ]
        self._write([self._table.insert(item) for item in items], deadline)
        # Last: the message must find the alerts.
        self._sqs.send_message(
            QueueUrl=self._settings.mail_queue_url, MessageBody=json.dumps({"digest": digest}), DelaySeconds=seconds
        )

    def send_digest(self, digest: str, deadline: Deadline) -> int:
        """Mails about the alerts that were kept under this name, as far as they are not sent already; how many mails.

        Raises as `send` does, and DigestBusyError while another invocation is at it.
        """
        # One of this invocation alone: the queue may deliver the same message to two of them.
        holder = uuid.uuid4().hex
        self._take_lease(digest, holder, deadline)
        try:
            items = self._table.query(digest)
            waiting = {(item["pk"], item["sk"]): item["alert"] for item in items if "alert" in item}
            alerts = untold(self._table, [Alert.from_json(text) for text in waiting.values()], deadline)
            mails = self._publish(alerts, deadline)
            # Only what was read: an alert that came in between waits for its own message.
            self._write([self._table.delete(key, {"alert": text}) for key, text in waiting.items()], deadline)
            return mails
        finally:
            self._give_lease_back(digest, holder)

    def _take_lease(self, digest: str, holder: str, deadline: Deadline) -> None:
        """Raises DigestBusyError. An invocation that is killed keeps the lease for no longer than it could have run."""
        now = int(time.time())
        longest = math.ceil(max(deadline.seconds, 0) + RESERVE_SECONDS) + CLOCK_SKEW_SECONDS
        busy = self._table.change(
            (digest, _LEASE),
            "SET held_by = :holder, held_until = :until, expires_at = :expires",
            "attribute_not_exists(held_by) OR held_by = :holder OR held_until < :now",
            {":holder": holder, ":until": now + longest, ":now": now, ":expires": now + DAY_SECONDS},
        )
        if busy is not None:
            raise DigestBusyError(f"{digest} is being sent by another invocation.")

    def _give_lease_back(self, digest: str, holder: str) -> None:
        """Lets the next invocation in at once, unless the lease is another's by now."""
        # The lease ends by its time if the table refuses, and what was sent stays sent.
        with contextlib.suppress(ClientError, BotoCoreError):
            self._table.change((digest, _LEASE), "REMOVE held_by, held_until", "held_by = :holder", {":holder": holder})

    def note_receipt(self, receipt: Receipt, deadline: Deadline) -> None:
        """Writes down which alerts a mail told, by the copy of it that the topic sends to a queue. Raises WriteError.

        For the function that was cut off between SNS's answer and its own note.
        """
        mark_told(self._table, receipt.alerts, deadline)

    def _may_send(self, minute: int) -> bool:
        """Takes one of the minute's mails, of which there are a few for all invocations together."""
        full = self._table.change(
            (f"minute#{minute}", _GATE),
            "SET expires_at = :expires ADD mails :one",
            "attribute_not_exists(pk) OR mails < :most",
            {":one": 1, ":most": self._settings.mails_per_minute, ":expires": (minute + 60) * MINUTE},
        )
        return full is None

    def _give_back(self, minute: int) -> None:
        """Lets another alert of the minute have the mail that was not sent."""
        # Of no use after the minute, and nothing depends on it.
        with contextlib.suppress(ClientError, BotoCoreError):
            self._table.change(
                (f"minute#{minute}", _GATE), "ADD mails :minus", "mails > :none", {":minus": -1, ":none": 0}
            )

    def _publish(self, alerts: Sequence[Alert], deadline: Deadline) -> int:
        """Sends mails about the alerts, notes each, and returns how many: one, if they are not a great many."""
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
            # After each, not after all: when SNS refuses the second, the first does not go out again.
            mark_told(self._table, [alert.name for alert in told], deadline)
            mails += 1
        return mails

    def _write(self, statements: Sequence[dict[str, Any]], deadline: Deadline) -> None:
        for outcome in self._table.run(statements, deadline):
            if isinstance(outcome, WriteError):
                raise outcome
