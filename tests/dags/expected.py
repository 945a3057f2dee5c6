"""The KPIs computed once more from CSV lines, in plain Python: no SQL, no code of the pipeline."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
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
    # All that is known of it: events of one line repeat each other.
    line: str

    @property
    def day(self) -> str:
        return self.time[:10]

    @property
    def hour(self) -> str:
        return f"{self.time[:13]}:00:00.000"


@dataclass
class Session:
    """Its events, in the order of their times."""

    events: list[Event]

    @property
    def day(self) -> str:
        return min(event.time for event in self.events)[:10]

    def count(self, kind: str) -> int:
        return sum(event.kind == kind for event in self.events)

    @property
    def cart_value(self) -> Decimal:
        return sum((event.price for event in self.events if event.kind == "cart"), Decimal("0.00"))


def parse(lines: Iterable[str]) -> list[Event]:
    """The events of CSV lines without a header, all of them good."""
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


class Audience:
    """The tables of one audience: all events, or those that are left without the suspicious users."""

    def __init__(self, name: str, events: list[Event], suspicious: set[str]) -> None:
        self.name = name
        self.events = [event for event in events if event.user not in suspicious]
        sessions: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            if event.session:
                sessions[event.session].append(event)
        self.sessions = [
            Session(found) for found in sessions.values() if not suspicious & {event.user for event in found}
        ]
        self.days = sorted({event.day for event in self.events})

    def _label(self, day: str) -> Row:
        return {"day": day, "audience": self.name}

    def daily_visitors(self) -> Table:
        """kpi_daily_visitors without its rate."""
        seen: set[str] = set()
        rows = []
        for day in self.days:
            events = [event for event in self.events if event.day == day]
            sessions = [session for session in self.sessions if session.day == day]
            visitors = {event.user for event in events}
            kinds = Counter(event.kind for event in events)
            rows.append(
                self._label(day)
                | _texts(
                    visitors=len(visitors),
                    new_visitors=len(visitors - seen),
                    returning_visitors=len(visitors & seen),
                    sessions=len(sessions),
                    sessions_with_purchase=sum(session.count("purchase") > 0 for session in sessions),
                    views=kinds["view"],
                    carts=kinds["cart"],
                    purchases=kinds["purchase"],
                    revenue=_revenue(events),
                )
            )
            seen |= visitors
        return rows

    def cart_abandonment(self) -> Table:
        """kpi_cart_abandonment without its rate."""
        rows = []
        for day in sorted({session.day for session in self.sessions}):
            carts = [session for session in self.sessions if session.day == day and session.count("cart")]
            left = [session for session in carts if not session.count("purchase")]
            rows.append(
                self._label(day)
                | _texts(
                    sessions_with_cart=len(carts),
                    sessions_abandoned=len(left),
                    abandoned_value=sum((session.cart_value for session in left), Decimal("0.00")),
                )
            )
        return rows

    def popular_categories(self) -> Table:
        """kpi_popular_categories, its ranks included."""
        rows: Table = []
        for day in self.days:
            categories: dict[str | None, list[Event]] = defaultdict(list)
            for event in self.events:
                if event.day == day:
                    categories[event.category].append(event)
            views = {code: sum(event.kind == "view" for event in found) for code, found in categories.items()}
            revenue = {code: _revenue(found) for code, found in categories.items()}
            for code, found in categories.items():
                kinds = Counter(event.kind for event in found)
                rows.append(
                    self._label(day)
                    | {"category_code": code}
                    | _texts(
                        visitors=len({event.user for event in found}),
                        views=views[code],
                        carts=kinds["cart"],
                        purchases=kinds["purchase"],
                        revenue=revenue[code],
                        rank_by_views=_rank(code, views),
                        rank_by_revenue=_rank(code, revenue),
                    )
                )
        return rows

    def hourly_activity(self) -> Table:
        """kpi_hourly_activity."""
        groups: dict[tuple[str, str | None, str], list[Event]] = defaultdict(list)
        for event in self.events:
            groups[event.hour, event.category, event.kind].append(event)
        return [
            {"hour": hour, "category_code": code, "event_type": kind, "audience": self.name}
            | _texts(events=len(found), visitors=len({event.user for event in found}), revenue=_revenue(found))
            for (hour, code, kind), found in groups.items()
        ]


def audiences(events: list[Event], suspicious: set[str]) -> list[Audience]:
    return [Audience("all", events, set()), Audience("human", events, suspicious)]


def _revenue(events: Iterable[Event]) -> Decimal:
    return sum((event.price for event in events if event.kind == "purchase"), Decimal("0.00"))


def _rank(code: str | None, values: dict[str | None, int] | dict[str | None, Decimal]) -> int | None:
    if code is None:
        return None
    return 1 + sum(value > values[code] for other, value in values.items() if other is not None)


def _texts(**values: object) -> Row:
    """As Athena gives values: text, or None."""
    return {name: None if value is None else str(value) for name, value in values.items()}
