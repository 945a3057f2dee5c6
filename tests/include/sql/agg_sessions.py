"""What agg_sessions must hold, and for each of its checks a fault that the check must find."""

from __future__ import annotations

from tests.include.sql.faults import TWICE, Faults
from tests.reference_model import Model, Table, span, strings

FAULTS: Faults = {
    "one row a session": TWICE,
    "day and users are known, and the first event is not after the last": ("day", "day + interval '1' day"),
    "sessions, events and money are those of the activity, and as fresh": ("cart_value", "cart_value + decimal '0.01'"),
    "the sessions of suspicious users are suspicious, and no other": ("suspicious", "true"),
}


def expected(model: Model) -> Table:
    return [
        strings(
            user_session=session.name,
            day=session.day,
            users=len(session.users),
            suspicious=str(bool(session.users & set(model.suspicious))).lower(),
            views=session.count("view"),
            carts=session.count("cart"),
            purchases=session.count("purchase"),
            cart_value=session.value("cart"),
            revenue=session.value("purchase"),
        )
        | span(session.events)
        for session in model.sessions
    ]
