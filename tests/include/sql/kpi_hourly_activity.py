"""What kpi_hourly_activity must hold, and for each of its checks a fault that the check must find."""

from __future__ import annotations

from collections import defaultdict

from tests.include.sql.faults import NOTHING, TWICE, Faults
from tests.reference_model import Event, Model, Table, revenue, strings

FAULTS: Faults = {
    "the table is not empty": NOTHING,
    "one row for an hour, category, event type and audience": TWICE,
    "events, visitors and revenue are those of the activity, row by row": (
        "revenue",
        "if(event_type = 'purchase', revenue, decimal '0.01')",
    ),
}
# By how much `all` and `human` differ if a user puts a product of 130.76 into the cart 131 times.
PLANTED = ("events", "131")


def expected(model: Model) -> Table:
    groups: dict[tuple[str, str | None, str, str], list[Event]] = defaultdict(list)
    for audience in model.audiences:
        for event in audience.events:
            groups[event.hour, event.category, event.kind, audience.name].append(event)
    return [
        {"hour": hour, "category_code": code, "event_type": kind, "audience": audience_name}
        | strings(events=len(events), visitors=len({event.user for event in events}), revenue=revenue(events))
        for (hour, code, kind, audience_name), events in groups.items()
    ]
