"""What kpi_popular_categories must hold, and for each of its checks a fault that the check must find."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal

from tests.include.sql.faults import NOTHING, TWICE, Faults
from tests.reference_model import Audience, Event, Model, Table, revenue, strings

FAULTS: Faults = {
    "the table is not empty": NOTHING,
    "one row for a day, audience and category": TWICE,
    "events, visitors and revenue are those of the activity, row by row": (
        "category_code",
        "if(category_code is not null, 'apparel.scarf')",
    ),
    "a category has its place by views and by revenue": ("rank_by_revenue", "rank_by_views"),
    "events without a category have no rank": ("rank_by_views", "coalesce(rank_by_views, 1)"),
}
# By how much `all` and `human` differ if a user puts a product of 130.76 into the cart 131 times.
PLANTED = ("carts", "131")


def expected(model: Model) -> Table:
    return [row for audience in model.audiences for row in _of(audience)]


def _of(audience: Audience) -> Table:
    rows: Table = []
    for day in audience.days:
        categories: dict[str | None, list[Event]] = defaultdict(list)
        for event in audience.events:
            if event.day == day:
                categories[event.category].append(event)
        kinds = {code: Counter(event.kind for event in events) for code, events in categories.items()}
        views = {code: count["view"] for code, count in kinds.items()}
        sales = {code: revenue(events) for code, events in categories.items()}
        rows += [
            audience.label(day)
            | {"category_code": code}
            | strings(
                visitors=len({event.user for event in events}),
                events=len(events),
                views=views[code],
                carts=kinds[code]["cart"],
                purchases=kinds[code]["purchase"],
                revenue=sales[code],
                rank_by_views=_rank(code, views),
                rank_by_revenue=_rank(code, sales),
            )
            for code, events in categories.items()
        ]
    return rows


def _rank(code: str | None, values: dict[str | None, int] | dict[str | None, Decimal]) -> int | None:
    if code is None:
        return None
    return 1 + sum(value > values[code] for other, value in values.items() if other is not None)
