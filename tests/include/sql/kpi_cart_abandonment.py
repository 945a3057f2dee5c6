"""What kpi_cart_abandonment must hold, and for each of its checks a fault that the check must find."""

from __future__ import annotations

from decimal import Decimal

from tests.include.sql.faults import NOTHING, TWICE, Faults
from tests.reference_model import Audience, Model, Table, rate, strings

FAULTS: Faults = {
    "one row for a day and audience": TWICE,
    "the abandonment rate is that of the sessions": ("abandonment_rate", "cast(null as double)"),
    "sessions and the abandoned value are those of agg_sessions, by day and audience": NOTHING,
}
# By how much `all` and `human` differ if a user puts a product of 130.76 into the cart 131 times.
PLANTED = ("abandoned_value", str(131 * Decimal("130.76")))


def expected(model: Model) -> Table:
    return [row for audience in model.audiences for row in _of(audience)]


def _of(audience: Audience) -> Table:
    rows = []
    for day in sorted({session.day for session in audience.sessions}):
        sessions = [session for session in audience.sessions if session.day == day]
        carts = [session for session in sessions if session.count("cart")]
        abandoned = [session for session in carts if not session.count("purchase")]
        rows.append(
            audience.label(day)
            | strings(
                sessions_with_cart=len(carts),
                sessions_abandoned=len(abandoned),
                abandonment_rate=rate(len(abandoned), len(carts)),
                abandoned_value=sum((session.value("cart") for session in abandoned), Decimal("0.00")),
                sessions_bought_without_cart=sum(
                    bool(session.count("purchase") and not session.count("cart")) for session in sessions
                ),
            )
        )
    return rows
