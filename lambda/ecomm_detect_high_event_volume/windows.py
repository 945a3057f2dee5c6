"""Keeps one item a user and window, however often and in whatever order its counts arrive."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ecomm_detect_high_event_volume.alerts import DRILL_USERS
from ecomm_detect_high_event_volume.deadline import Deadline
from ecomm_detect_high_event_volume.observations import Observation, TrafficSurge, UserCount, timestamp
from ecomm_detect_high_event_volume.settings import Settings
from ecomm_detect_high_event_volume.table import Key, Table, WriteError

# The attribute of a window that tells which alert took care of it.
ALERT = "alert"
DAY_SECONDS = 86_400


@dataclass
class Stored:
    """What became of the observations of a batch, by their keys."""

    new: set[Key] = field(default_factory=set)
    replaced: set[Key] = field(default_factory=set)
    repeated: set[Key] = field(default_factory=set)
    failed: dict[Key, Exception] = field(default_factory=dict)


def key_of(observation: Observation) -> Key:
    return observation.subject, observation.window


def best_by_window(observations: Iterable[Observation]) -> dict[Key, Observation]:
    """One observation a window: the final one if there is one, else the highest."""
    best: dict[Key, Observation] = {}
    for observation in observations:
        key = key_of(observation)
        known = best.get(key)
        # The key tells users from traffic, so both are of one kind.
        if known is None or observation.supersedes(known):
            best[key] = observation
    return best


def store(table: Table, settings: Settings, observations: Collection[Observation], deadline: Deadline) -> Stored:
    """Writes each observation whose window is not stored yet; a final count takes the place of an early one.

    observations: at most one a window.
    """
    stored = Stored()
    inserted = list(observations)
    outcomes = table.run([table.insert(_item(seen, settings)) for seen in inserted], deadline)
    known: list[Observation] = []
    for seen, outcome in zip(inserted, outcomes, strict=True):
        if isinstance(outcome, WriteError):
            stored.failed[key_of(seen)] = outcome
        elif outcome == "":
            stored.new.add(key_of(seen))
        elif isinstance(seen, UserCount) and seen.final:
            known.append(seen)
        else:
            stored.repeated.add(key_of(seen))
    updates = [table.update(key_of(seen), _final_values(seen), where={"kind": "early"}) for seen in known]
    for seen, outcome in zip(known, table.run(updates, deadline), strict=True):
        if isinstance(outcome, WriteError):
            stored.failed[key_of(seen)] = outcome
        else:
            (stored.repeated if outcome else stored.replaced).add(key_of(seen))
    return stored


def _final_values(seen: Observation) -> dict[str, Any]:
    assert isinstance(seen, UserCount)
    return {"num_actions_per_watermark": seen.actions, "kind": "final"}


def _item(seen: Observation, settings: Settings) -> dict[str, Any]:
    item: dict[str, Any] = {
        "pk": seen.subject,
        "sk": seen.window,
        "window_start": timestamp(seen.window_start),
        "window_end": timestamp(seen.window_end),
        # From the clock, not from the window: one whose clicks carry a wrong time is kept as long as the others.
        "expires_at": int(datetime.now(UTC).timestamp()) + settings.keep_days * DAY_SECONDS,
    }
    if isinstance(seen, TrafficSurge):
        return item | {
            "kind": "traffic",
            "signal": seen.signal,
            "observed": seen.observed,
            "baseline": Decimal(repr(seen.baseline)),
        }
    item |= {
        "user_id": seen.user_id,
        "num_actions_per_watermark": seen.actions,
        "kind": "final" if seen.final else "early",
    }
    # A drill removes its own; a count that comes after that is no customer's.
    if seen.is_alarming(settings.threshold) and seen.user_id not in DRILL_USERS:
        # Only items with a day are in the index of the worst users, which therefore costs next to nothing.
        item["utc_day"] = item["window_start"][:10]
    return item
