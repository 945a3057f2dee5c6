"""What kpi_daily_visitors must hold, and for each of its checks a fault that the check must find."""

from __future__ import annotations

from collections import Counter

from tests.include.sql.faults import NOTHING, TWICE, Faults
from tests.reference_model import Audience, Model, Table, rate, revenue, strings

FAULTS: Faults = {
    "the table is not empty": NOTHING,
    "one row for a day and audience": TWICE,
    "visitors, events and revenue are those of the activity, by day and audience": (
        "revenue",
        "revenue + decimal '0.01'",
    ),
    "a visitor is new on the first day, and returning on every other": ("returning_visitors", "new_visitors"),
    "sessions are those of agg_sessions, by day and audience": ("sessions", "sessions + 1"),
    "the conversion rate is that of the sessions": ("conversion_rate", "conversion_rate / 2"),
}
# By how much `all` and `human` differ if a user puts a product of 130.76 into the cart 131 times.
PLANTED = ("carts", "131")


def expected(model: Model) -> Table:
    return [row for audience in model.audiences for row in _of(audience)]


def _of(audience: Audience) -> Table:
    seen: set[str] = set()
    rows = []
    for day in audience.days:
        events = [event for event in audience.events if event.day == day]
        sessions = [session for session in audience.sessions if session.day == day]
        with_purchase = sum(session.count("purchase") > 0 for session in sessions)
        visitors = {event.user for event in events}
        kinds = Counter(event.kind for event in events)
        rows.append(
            audience.label(day)
            | strings(
                visitors=len(visitors),
                new_visitors=len(visitors - seen),
                returning_visitors=len(visitors & seen),
                sessions=len(sessions),
                sessions_with_purchase=with_purchase,
                views=kinds["view"],
                carts=kinds["cart"],
                purchases=kinds["purchase"],
                revenue=revenue(events),
                conversion_rate=rate(with_purchase, len(sessions)),
            )
        )
        seen |= visitors
    return rows
