"""For each check of the converted months a fault that the check must find."""

from __future__ import annotations

from tests.include.sql.faults import Faults

FAULTS: Faults = {
    "time, type, product, category, price and user are known": ("category_id", "cast(null as bigint)"),
    "an event lies in the month of its partition": ("p_month", "'12'"),
    "the event type is view, cart, purchase or remove_from_cart": ("event_type", "'click'"),
    "no day without an event between the first and the last of a month": (
        "event_time",
        "if(day(event_time) = 3, event_time - interval '1' day, event_time)",
    ),
    "no event lies in the future": ("event_time", "event_time + interval '100' year"),
}
