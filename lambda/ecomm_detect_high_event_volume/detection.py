"""What is done with a batch of counts: store them, find the new attacks among them, and have them mailed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecomm_detect_high_event_volume import episodes
from ecomm_detect_high_event_volume.alerts import Alert, alert_of
from ecomm_detect_high_event_volume.deadline import Deadline, OutOfTimeError
from ecomm_detect_high_event_volume.mailing import RECEIPT_SECONDS, Mailer
from ecomm_detect_high_event_volume.observations import Observation
from ecomm_detect_high_event_volume.records import Received
from ecomm_detect_high_event_volume.settings import Settings
from ecomm_detect_high_event_volume.table import Key, Table, WriteError
from ecomm_detect_high_event_volume.windows import ALERT, Stored, best_by_window, key_of, store

# What passes: the records that it hits are delivered again.
PASSING = (ClientError, BotoCoreError, WriteError, OutOfTimeError)


@dataclass
class Outcome:
    """What a batch came to.

    failed: by window, what could not be finished; the records that brought it have to come again.
    raised: the alerts that are mailed or safely queued. suppressed: alarming windows of a running episode.
    allowed: alarming windows of users on the allow-list.
    delays: milliseconds from a record's arrival in the stream to its alert's mail.
    """

    stored: Stored
    failed: dict[Key, Exception] = field(default_factory=dict)
    raised: list[Alert] = field(default_factory=list)
    suppressed: int = 0
    allowed: int = 0
    mails: int = 0
    deferred: int = 0
    refused: int = 0
    delays: list[float] = field(default_factory=list)


class Detector:
    def __init__(self, table: Table, settings: Settings, mailer: Mailer) -> None:
        self._table = table
        self._settings = settings
        self._mailer = mailer

    def process(self, received: Sequence[Received], deadline: Deadline) -> Outcome:
        """Never raises for what passes: `failed` of the outcome names the windows that were not finished."""
        best = best_by_window(each.observation for each in received)
        stored = store(self._table, self._settings, best.values(), deadline)
        outcome = Outcome(stored, failed=dict(stored.failed))
        alarming = {
            key: seen
            for key, seen in best.items()
            if key not in stored.failed and seen.is_alarming(self._settings.threshold)
        }
        if alarming:
            arrived = {key_of(each.observation): each.arrived for each in received}
            try:
                self._alert(alarming, arrived, outcome, deadline)
            except PASSING as error:
                outcome.failed |= dict.fromkeys(alarming, error)
        return outcome

    def _alert(
        self, alarming: dict[Key, Observation], arrived: dict[Key, datetime], outcome: Outcome, deadline: Deadline
    ) -> None:
        open_ones = self._not_handled(alarming, arrived, outcome, deadline)
        handled: list[tuple[Key, str]] = []
        opened: list[Alert] = []
        resumed: list[Alert] = []
        groups = list(_by_subject(open_ones).values())
        # The earliest: it is the first of them in a batch that comes again, however that one is cut.
        firsts = [min(windows, key=lambda key: alarming[key].window_start) for windows in groups]
        alerts = [alert_of(alarming[first], arrived[first], self._settings.threshold) for first in firsts]
        claims = episodes.claim_each(self._table, self._settings, alerts, deadline)
        for windows, alert, claimed in zip(groups, alerts, claims, strict=True):
            if isinstance(claimed, Exception):
                outcome.failed |= dict.fromkeys(windows, claimed)
                continue
            claim, episode = claimed
            handled += [(key, episode) for key in windows]
            outcome.suppressed += len(windows) - (claim is not episodes.Claim.COVERED)
            if claim is episodes.Claim.OPENED:
                opened.append(alert)
            elif claim is episodes.Claim.RESUMED:
                resumed.append(alert)
        outcome.raised += opened
        if opened:
            sent = self._mailer.send(opened, deadline)
            outcome.mails += sent.mails
            outcome.deferred += sent.deferred
            outcome.refused += sent.refused
            if sent.mails:
                now = datetime.now(UTC)
                outcome.delays += [(now - alert.last_seen).total_seconds() * 1000 for alert in opened]
        if resumed:
            self._mailer.defer(resumed, deadline, RECEIPT_SECONDS)
            outcome.deferred += len(resumed)
        episodes.mark_handled(self._table, handled, deadline)

    def _not_handled(
        self, alarming: dict[Key, Observation], arrived: dict[Key, datetime], outcome: Outcome, deadline: Deadline
    ) -> list[Key]:
        """The alarming windows for which nothing has been done yet, without those of allowed users."""
        known = [key for key in alarming if key not in outcome.stored.new]
        # Of new windows too: an item that was removed, by its time to live or by hand, is new when it comes again.
        marks = [mark for key in alarming for mark in episodes.marks_of(key)]
        oldest = datetime.now(UTC) - timedelta(seconds=episodes.REPLAY_SECONDS)
        allow_keys = [episodes.allow_key(subject) for subject, _ in alarming]
        items: dict[Key, dict[str, Any]] = self._table.read(known + marks + allow_keys, deadline)
        open_ones = []
        for key in alarming:
            if episodes.allowed(items, key[0]):
                outcome.allowed += 1
            elif arrived[key] < oldest:
                outcome.suppressed += 1
            elif ALERT not in items.get(key, {}) and not any(mark in items for mark in episodes.marks_of(key)):
                open_ones.append(key)
        return open_ones


def _by_subject(keys: Sequence[Key]) -> dict[str, list[Key]]:
    grouped: dict[str, list[Key]] = {}
    for key in keys:
        grouped.setdefault(key[0], []).append(key)
    return grouped
