"""Computes from CSV lines, in plain Python, what the tables must hold: no SQL, and no code of the pipeline."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
Row = dict[str, str | None]
Table = list[Row]


class Event(NamedTuple):
    time: str
    kind: str
    category: str | None
    price: Decimal
    user: str
    session: str | None
    brand: str | None
    # The whole line: events with equal lines repeat each other.
    line: str

    @property
    def day(self) -> str:
        return self.time[:10]

    @property
    def hour(self) -> str:
        return f"{self.time[:13]}:00:00.000"


@dataclass
class Session:
    """The events of one session, in any order."""

    name: str
    events: list[Event]

    @property
    def day(self) -> str:
        return min(event.time for event in self.events)[:10]

    @property
    def users(self) -> set[str]:
        return {event.user for event in self.events}

    def count(self, kind: str) -> int:
        return sum(event.kind == kind for event in self.events)

    def value(self, kind: str) -> Decimal:
        return sum((event.price for event in self.events if event.kind == kind), Decimal("0.00"))


class Audience:
    """What one audience did: all users, or only those who are not suspicious."""

    def __init__(self, name: str, events: list[Event], sessions: list[Session], suspicious: set[str]) -> None:
        self.name = name
        self.events = [event for event in events if event.user not in suspicious]
        self.sessions = [session for session in sessions if not suspicious & session.users]
        self.days = sorted({event.day for event in self.events})

    def label(self, day: str) -> Row:
        return {"day": day, "audience": self.name}


@dataclass(frozen=True)
class Model:
    """The events of the data set, and what is known of them.

    suspicious: users with the rule that they break. quarantined: number of lines per day that they begin with.
    """

    events: list[Event]
    suspicious: Mapping[str, str] = field(default_factory=dict)
    quarantined: Mapping[str | None, int] = field(default_factory=dict)

    @cached_property
    def sessions(self) -> list[Session]:
        sessions: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            if event.session:
                sessions[event.session].append(event)
        return [Session(name, events) for name, events in sessions.items()]

    @cached_property
    def audiences(self) -> list[Audience]:
        return [
            Audience("all", self.events, self.sessions, set()),
            Audience("human", self.events, self.sessions, set(self.suspicious)),
        ]


def parse(lines: Iterable[str]) -> list[Event]:
    """Returns the events of CSV lines without a header, all of which are valid."""
    return [
        Event(
            row["event_time"].removesuffix(" UTC"),
            row["event_type"],
            row["category_code"] or None,
            Decimal(row["price"]),
            row["user_id"],
            row["user_session"] or None,
            row["brand"] or None,
            ",".join(row.values()),
        )
        for row in csv.DictReader([HEADER, *lines])
    ]


def revenue(events: Iterable[Event]) -> Decimal:
    return sum((event.price for event in events if event.kind == "purchase"), Decimal("0.00"))


def span(events: list[Event]) -> Row:
    times = [f"{event.time}.000" for event in events]
    return {"first_event_time": min(times), "last_event_time": max(times)}


def strings(**values: object) -> Row:
    """Returns the values as Athena prints them: strings, or None."""
    return {name: None if value is None else str(value) for name, value in values.items()}


def rate(part: int, whole: int) -> str | None:
    """Returns part / whole as Athena prints a double: with an exponent below a thousandth, None for a whole of 0."""
    if not whole:
        return None
    value = Decimal(repr(part / whole))
    if 0 < value < Decimal("1e-3"):
        digits = str(value.scaleb(-value.adjusted()))
        return f"{digits if '.' in digits else digits + '.0'}E{value.adjusted()}"
    return str(part / whole)
