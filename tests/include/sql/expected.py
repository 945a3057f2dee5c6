"""The tables of include/sql computed once more in plain Python, on top of what the DAGs' tests expect of the marts."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

from tests.dags.expected import Audience, Event, Row, Session, Table, audiences, parse


def tables(lines: list[str], suspicious: dict[str, str]) -> dict[str, Table]:
    """Every table's rows, values as Athena's text, for CSV lines and the suspicious users with their reasons."""
    events = parse(lines)
    both = audiences(events, set(suspicious))
    return {
        "agg_activity": activity(events),
        "suspicious_users": [{"user_id": user, "reason": reason} for user, reason in suspicious.items()],
        "agg_sessions": sessions(events, set(suspicious)),
        "kpi_daily_visitors": [row for audience in both for row in daily_visitors(audience)],
        "kpi_cart_abandonment": [row for audience in both for row in cart_abandonment(audience)],
        "kpi_popular_categories": [row for audience in both for row in popular_categories(audience)],
        "kpi_hourly_activity": [row for audience in both for row in audience.hourly_activity()],
    }


def activity(events: list[Event]) -> Table:
    groups: dict[tuple[str, str | None, str, str, str | None], list[Event]] = defaultdict(list)
    for event in events:
        groups[event.hour, event.category, event.kind, event.user, event.session].append(event)
    names = ("hour", "category_code", "event_type", "user_id", "user_session")
    return [
        {
            **dict(zip(names, group, strict=True)),
            "events": str(len(found)),
            "amount": str(sum((event.price for event in found), Decimal("0.00"))),
            **_span(found),
        }
        for group, found in groups.items()
    ]


def sessions(events: list[Event], suspicious: set[str]) -> Table:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.session:
            found[event.session].append(event)
    rows = []
    for name, members in found.items():
        session = Session(members)
        users = {event.user for event in members}
        purchases = [event.price for event in members if event.kind == "purchase"]
        rows.append(
            {
                "user_session": name,
                "day": session.day,
                **_span(members),
                "users": str(len(users)),
                "suspicious": str(bool(users & suspicious)).lower(),
                "views": str(session.count("view")),
                "carts": str(session.count("cart")),
                "purchases": str(session.count("purchase")),
                "cart_value": str(session.cart_value),
                "revenue": str(sum(purchases, Decimal("0.00"))),
            }
        )
    return rows


def daily_visitors(audience: Audience) -> Table:
    return [
        row | {"conversion_rate": _rate(row, "sessions_with_purchase", "sessions")} for row in audience.daily_visitors()
    ]


def cart_abandonment(audience: Audience) -> Table:
    uncarted = Counter(
        session.day for session in audience.sessions if session.count("purchase") and not session.count("cart")
    )
    return [
        row
        | {
            "abandonment_rate": _rate(row, "sessions_abandoned", "sessions_with_cart"),
            "sessions_bought_without_cart": str(uncarted[str(row["day"])]),
        }
        for row in audience.cart_abandonment()
    ]


def popular_categories(audience: Audience) -> Table:
    events = Counter((event.day, event.category) for event in audience.events)
    return [
        row | {"events": str(events[str(row["day"]), row["category_code"]])} for row in audience.popular_categories()
    ]


def _span(events: list[Event]) -> Row:
    times = [f"{event.time}.000" for event in events]
    return {"first_event_time": min(times), "last_event_time": max(times)}


def _rate(row: Row, part: str, whole: str) -> str | None:
    """As Athena prints a double."""
    parts, of = int(str(row[part])), int(str(row[whole]))
    return str(parts / of) if of else None
