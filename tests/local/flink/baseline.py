"""The traffic alarm's rule in Python, written from its words: docs/streaming.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from statistics import fmean, pstdev
from typing import Any, NamedTuple

WINDOW = 5000
MEMORY = 3_600_000
MINIMUM = {"events": 300, "new_users": 150}
FACTOR, DEVIATIONS = 3, 6
LOOKS_BACK, WARMUP = 120 * WINDOW, 24 * WINDOW


class Alarm(NamedTuple):
    """start: of the window, in milliseconds since 1970."""

    start: int
    signal: str
    observed: int
    baseline: float


def expected_alarms(clicks: Iterable[dict[str, Any]]) -> list[Alarm]:
    """In the order of their windows."""
    series = traffic(clicks)
    return sorted(alarm for signal, counts in series.items() for alarm in _judge(signal, counts))


def traffic(clicks: Iterable[dict[str, Any]]) -> dict[str, Counter[int]]:
    """Events, and users who had not clicked for an hour, by window; windows without a click are in neither."""
    seen = sorted((_milliseconds(click["txn_timestamp"]), click["user_id"]) for click in clicks)
    events, new_users = Counter[int](), Counter[int]()
    last: dict[int, int] = {}
    for moment, user in seen:
        start = moment - moment % WINDOW
        events[start] += 1
        new_users[start] += user not in last or last[user] < start - MEMORY
        last[user] = start
    return {"events": events, "new_users": new_users}


def _judge(signal: str, counts: Counter[int]) -> Iterable[Alarm]:
    for start in (start for start, count in counts.items() if count >= MINIMUM[signal]):
        observed = counts[start]
        before = {other: count for other, count in counts.items() if start - LOOKS_BACK <= other < start}
        if not before or min(before) > start - WARMUP:
            continue
        mean, spread = fmean(before.values()), pstdev(before.values())
        if observed > FACTOR * mean and observed > mean + DEVIATIONS * spread:
            yield Alarm(start, signal, observed, _rounded(mean))


def _rounded(mean: float) -> float:
    return float(Decimal(str(mean)).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
