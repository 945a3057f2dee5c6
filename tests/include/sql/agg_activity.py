"""What agg_activity must hold, and for each of its checks a fault that the check must find."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from tests.include.sql.faults import NOTHING, TWICE, Faults
from tests.reference_model import Event, Model, Table, span, strings

FAULTS: Faults = {
    "the table is not empty": NOTHING,
    "one row for an hour, category, event type, user and session": TWICE,
    "events, times and money are those of the fact, by hour, category and event type": (
        "amount",
        "amount + decimal '0.01'",
    ),
    "hour, event type and user are known": ("user_id", "cast(null as bigint)"),
    "a row counts at least one event, and its events lie in its hour": (
        "last_event_time",
        "last_event_time + interval '1' hour",
    ),
    "few events repeat another": ("repeated_events", "events - 1"),
}


def expected(model: Model) -> Table:
    groups: dict[tuple[str, str | None, str, str, str | None], list[Event]] = defaultdict(list)
    for event in model.events:
        groups[event.hour, event.category, event.kind, event.user, event.session].append(event)
    names = ("hour", "category_code", "event_type", "user_id", "user_session")
    return [
        dict(zip(names, group, strict=True))
        | strings(
            events=len(events),
            repeated_events=len(events) - len({event.line for event in events}),
            events_without_brand=sum(event.brand is None for event in events),
            events_without_price=sum(event.price <= 0 for event in events),
            amount=sum((event.price for event in events), Decimal("0.00")),
        )
        | span(events)
        for group, events in groups.items()
    ]
