"""What kpi_data_quality must hold, and for each of its checks a fault that the check must find."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from tests.include.sql.faults import NOTHING, TWICE, Faults
from tests.reference_model import Event, Model, Row, Table, rate, strings

FAULTS: Faults = {
    "the table is not empty": NOTHING,
    "one row for a day and check": TWICE,
    "no more rows fail than there are, and the rate is theirs": ("rate", "rate / 2"),
    "what fails is what the activity has, day by day": (
        "check",
        "case check when 'brand_is_known' then 'price_is_above_zero' "
        "when 'price_is_above_zero' then 'brand_is_known' else check end",
    ),
    "every line of the quarantine is counted": "select * from {table} where day is not null",
    "a day is empty where the activity has none of it, and no other": ("failing_rows", '"rows"'),
    "a day is followed by the next, and a month by one that is loaded": (
        "select * from {table} where day <> date '2019-11-20'"
    ),
}


def expected(model: Model) -> Table:
    days: dict[str, list[Event]] = defaultdict(list)
    for event in model.events:
        days[event.day].append(event)
    rows = []
    loaded = sorted({*days, *(day for day in model.quarantined if day)})
    for day in _days_between(loaded[0], loaded[-1]):
        events, quarantined = days[day], model.quarantined.get(day, 0)
        if day[:7] in {each[:7] for each in loaded}:
            rows.append(_row(day, "day_has_events", 1, not events))
        if lines := quarantined + len(events):
            rows.append(_row(day, "line_is_readable", lines, quarantined))
        if events:
            failing = {
                "category_code_is_known": sum(event.category is None for event in events),
                "brand_is_known": sum(event.brand is None for event in events),
                "price_is_above_zero": sum(event.price <= 0 for event in events),
                "session_is_known": sum(event.session is None for event in events),
                "event_is_not_repeated": len(events) - len({event.line for event in events}),
                "user_is_not_suspicious": sum(event.user in model.suspicious for event in events),
            }
            rows += [_row(day, check, len(events), count) for check, count in failing.items()]
    if lines := model.quarantined.get(None, 0):
        rows.append(_row(None, "line_is_readable", lines, lines))
    return rows


def _row(day: str | None, check: str, rows: int, failing: int) -> Row:
    return strings(day=day, check=check, rows=rows, failing_rows=int(failing), rate=rate(int(failing), rows))


def _days_between(first: str, last: str) -> list[str]:
    start = date.fromisoformat(first)
    days = (date.fromisoformat(last) - start).days
    return [str(start + timedelta(days=number)) for number in range(days + 1)]
