"""The rows of the second stream: what a user did in a window, or that the traffic as a whole is far over its usual.

include/flink/sql writes them; docs/streaming.md describes them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# DynamoDB keeps 38 digits and a user_id is a BIGINT; what is beyond was not written by Flink.
MAX_INTEGER = 2**63 - 1


class UnreadableError(Exception):
    """A row that is not what the stream's contract says: a sentence on what is wrong with it. No retry would help."""


@dataclass(frozen=True)
class UserCount:
    """Actions of one user in one window; not final while the window goes on."""

    user_id: int
    actions: int
    window_start: datetime
    window_end: datetime
    final: bool

    @property
    def subject(self) -> str:
        return f"user#{self.user_id}"

    @property
    def window(self) -> str:
        return f"window#{timestamp(self.window_start)}"

    def is_alarming(self, threshold: int) -> bool:
        return self.actions > threshold

    def supersedes(self, other: UserCount) -> bool:
        """Whether this count of the same window is to be kept instead of the other."""
        return (self.final, self.actions) > (other.final, other.actions)


@dataclass(frozen=True)
class TrafficSurge:
    """A window in which all users together made far more events, or far more new users came, than in those before.

    signal: `events` or `new_users`, what was counted.
    baseline: mean of the windows before.
    """

    signal: str
    observed: int
    baseline: float
    window_start: datetime
    window_end: datetime

    subject = "traffic"
    final = True

    @property
    def window(self) -> str:
        return f"window#{timestamp(self.window_start)}#{self.signal}"

    def is_alarming(self, threshold: int) -> bool:
        """Flink sends no other."""
        return True

    def supersedes(self, other: TrafficSurge) -> bool:
        return self.observed > other.observed


Observation = UserCount | TrafficSurge


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, which sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Raises ValueError for a text that is no time or does not say its zone."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} does not say its time zone")
    return found


def read(payload: bytes) -> Observation:
    """The row in a record's data. Raises UnreadableError."""
    try:
        row = json.loads(payload)
    except ValueError as error:
        raise UnreadableError(f"It is not JSON: {error}.") from error
    if not isinstance(row, dict):
        raise UnreadableError("It is JSON, but not an object.")
    kind = row.get("kind")
    if kind in ("final", "early"):
        start, end = _window(row)
        return UserCount(
            user_id=_integer(row, "user_id", least=None),
            actions=_integer(row, "num_actions_per_watermark", least=1),
            window_start=start,
            window_end=end,
            final=kind == "final",
        )
    if kind == "traffic":
        start, end = _window(row)
        signal = row.get("signal")
        if signal not in ("events", "new_users"):
            raise UnreadableError(f"Its signal is {signal!r}, not 'events' or 'new_users'.")
        baseline = row.get("baseline")
        if isinstance(baseline, bool) or not isinstance(baseline, int | float) or not 0 <= baseline <= MAX_INTEGER:
            raise UnreadableError(f"Its baseline is {baseline!r}, not a number of events.")
        return TrafficSurge(signal, _integer(row, "observed", least=1), float(baseline), start, end)
    raise UnreadableError(f"Its kind is {kind!r}, not 'final', 'early' or 'traffic'.")


def _integer(row: dict[str, Any], name: str, least: int | None) -> int:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_INTEGER:
        raise UnreadableError(f"Its {name} is {value!r}, not a whole number.")
    if least is not None and value < least:
        raise UnreadableError(f"Its {name} is {value}, less than {least}.")
    return value


def _window(row: dict[str, Any]) -> tuple[datetime, datetime]:
    try:
        start, end = (moment(row[name]) for name in ("window_start", "window_end"))
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableError(
            f"Its window is from {row.get('window_start')!r} to {row.get('window_end')!r}, not two times in ISO 8601."
        ) from error
    if not start < end:
        raise UnreadableError(f"Its window ends at {row['window_end']}, not after its start at {row['window_start']}.")
    return start, end
