"""The tables of include/sql computed once more in plain Python, on top of what the DAGs' tests expect of the marts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from tests.dags.expected import Audience, Event, Row, Session, Table, audiences, parse


def tables(
    lines: list[str], suspicious: dict[str, str], quarantined: Mapping[str | None, int] | None = None
) -> dict[str, Table]:
    """Every table's rows, values as Athena's text, for CSV lines and the suspicious users with their reasons.

    quarantined: lines set aside, by the day that they begin with.
    """
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
        "kpi_data_quality": data_quality(events, set(suspicious), quarantined or {}),
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
            "repeated_events": str(len(found) - len({event.line for event in found})),
            "events_without_brand": str(sum(event.brand is None for event in found)),
            "events_without_price": str(sum(event.price <= 0 for event in found)),
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


def data_quality(events: list[Event], suspicious: set[str], quarantined: Mapping[str | None, int]) -> Table:
    days: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        days[event.day].append(event)
    rows = []
    known = sorted({*days, *(day for day in quarantined if day)})
    for day in _days_between(known[0], known[-1]):
        found = days[day]
        if day[:7] in {each[:7] for each in known}:
            rows.append(_quality(day, "day_has_events", 1, not found))
        if lines := quarantined.get(day, 0) + len(found):
            rows.append(_quality(day, "line_is_readable", lines, quarantined.get(day, 0)))
        if found:
            failing = {
                "category_code_is_known": sum(event.category is None for event in found),
                "brand_is_known": sum(event.brand is None for event in found),
                "price_is_above_zero": sum(event.price <= 0 for event in found),
                "session_is_known": sum(event.session is None for event in found),
                "event_is_not_repeated": len(found) - len({event.line for event in found}),
                "user_is_not_suspicious": sum(event.user in suspicious for event in found),
            }
            rows += [_quality(day, check, len(found), count) for check, count in failing.items()]
    if lines := quarantined.get(None, 0):
        rows.append(_quality(None, "line_is_readable", lines, lines))
    return rows


def _quality(day: str | None, check: str, rows: int, failing: int) -> Row:
    return {
        "day": day,
        "check": check,
        "rows": str(rows),
        "failing_rows": str(int(failing)),
        "rate": _rate({"failing": str(int(failing)), "rows": str(rows)}, "failing", "rows"),
    }


def _days_between(first: str, last: str) -> list[str]:
    start = date.fromisoformat(first)
    days = (date.fromisoformat(last) - start).days
    return [str(start + timedelta(days=number)) for number in range(days + 1)]


def _span(events: list[Event]) -> Row:
    times = [f"{event.time}.000" for event in events]
    return {"first_event_time": min(times), "last_event_time": max(times)}


def _rate(row: Row, part: str, whole: str) -> str | None:
    """As Athena prints a double: with an exponent below a thousandth."""
    parts, of = int(str(row[part])), int(str(row[whole]))
    if not of:
        return None
    rate = Decimal(repr(parts / of))
    if 0 < rate < Decimal("1e-3"):
        digits = str(rate.scaleb(-rate.adjusted()))
        return f"{digits if '.' in digits else digits + '.0'}E{rate.adjusted()}"
    return str(parts / of)
