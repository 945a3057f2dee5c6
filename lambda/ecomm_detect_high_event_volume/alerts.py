"""An alert: who acted too much, when, how much, and how bad that is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ecomm_detect_high_event_volume.observations import TrafficSurge, UserCount, moment, timestamp

# Times the threshold from which on a user is more than a nuisance.
_HIGH = 5
_CRITICAL = 20
SEVERITIES = ("WARNING", "HIGH", "CRITICAL")
# The users of ecomm_streaming_drill, as include/contract/ecomm_user_activity.json has them; a test holds both equal.
DRILL_USERS = range(9_100_000_000_000, 9_101_000_000_000)


@dataclass(frozen=True)
class Alert:
    """What one episode is mailed with; the same for a user and for the traffic as a whole.

    subject: `user#<id>` or `traffic`, the partition of the table where the episode is.
    measured: actions of a user in the window, or events or new users of the traffic (signal says which).
    usual: the threshold for a user, the baseline for the traffic.
    last_seen: when the last count of the window reached the stream.
    """

    subject: str
    signal: str
    measured: int
    usual: float
    complete: bool
    window_start: datetime
    window_end: datetime
    last_seen: datetime

    @property
    def name(self) -> tuple[str, str]:
        """Tells it from every other alert."""
        return self.subject, timestamp(self.window_start)

    @property
    def user_id(self) -> int | None:
        return None if self.subject == TrafficSurge.subject else int(self.subject.removeprefix("user#"))

    @property
    def is_drill(self) -> bool:
        return self.user_id in DRILL_USERS

    @property
    def severity(self) -> str:
        ratio = self.measured / max(self.usual, 1)
        return SEVERITIES[(ratio > _HIGH) + (ratio > _CRITICAL)]

    @property
    def window_seconds(self) -> int:
        return round((self.window_end - self.window_start).total_seconds())

    def to_json(self) -> str:
        times = {name: timestamp(getattr(self, name)) for name in ("window_start", "window_end", "last_seen")}
        return json.dumps(asdict(self) | times)

    @classmethod
    def from_json(cls, text: str) -> Alert:
        fields: dict[str, Any] = json.loads(text)
        times = {name: moment(fields[name]) for name in ("window_start", "window_end", "last_seen")}
        return cls(**fields | times)


def alert_of(seen: UserCount | TrafficSurge, arrived: datetime, threshold: int) -> Alert:
    if isinstance(seen, TrafficSurge):
        signal, measured, usual = seen.signal, seen.observed, seen.baseline
    else:
        signal, measured, usual = "actions", seen.actions, float(threshold)
    return Alert(seen.subject, signal, measured, usual, seen.final, seen.window_start, seen.window_end, arrived)
