"""Every check finds the fault that it is there for: each is shown a table with just that fault."""

from __future__ import annotations

import pytest
from ecomm.tables import FACT

from tests.include.sql.conftest import DERIVED, Warehouse

NOTHING = "select * from {table} where false"
TWICE = "select * from {table} union all select * from {table}"

# For each check what makes a table that fails it: a query of the sound {table}, or a column and its value in every row.
FAULTS: dict[str, dict[str, str | tuple[str, str]]] = {
    FACT: {
        "time, type, product, category, price and user are known": ("category_id", "cast(null as bigint)"),
        "an event lies in the month of its partition": ("p_month", "'12'"),
        "the event type is view, cart, purchase or remove_from_cart": ("event_type", "'click'"),
        "no day without an event between the first and the last of a month": (
            "event_time",
            "if(day(event_time) = 3, event_time - interval '1' day, event_time)",
        ),
        "no event lies in the future": ("event_time", "event_time + interval '100' year"),
    },
    "agg_activity": {
        "the table is not empty": NOTHING,
        "one row for an hour, category, event type, user and session": TWICE,
        "as many events as the fact has": ("events", "events + 1"),
        "as fresh as the fact": ("last_event_time", "last_event_time - interval '1' second"),
        "hour, event type and user are known": ("user_id", "cast(null as bigint)"),
        "a row counts at least one event, and its events lie in its hour": (
            "last_event_time",
            "last_event_time + interval '1' hour",
        ),
        "few events repeat another": ("repeated_events", "events - 1"),
    },
    "suspicious_users": {
        "one row a user": TWICE,
        "every user breaks the rule that is named": ("hours_in_busiest_day", "bigint '21'"),
        "every user has activity": ("user_id", "-user_id"),
    },
    "agg_sessions": {
        "one row a session": TWICE,
        "day and users are known, and the first event is not after the last": ("day", "day + interval '1' day"),
        "events and money are those of the activity with a session": ("cart_value", "cart_value + decimal '0.01'"),
        "the sessions of suspicious users are suspicious, and no other": ("suspicious", "true"),
    },
    "kpi_daily_visitors": {
        "the table is not empty": NOTHING,
        "one row for a day and audience": TWICE,
        "a visitor is either new or returning": ("returning_visitors", "returning_visitors + 1"),
        "the conversion rate lies between 0 and 1": ("conversion_rate", "conversion_rate + 1e0"),
        "visitors, events and revenue are those of the activity, by day and audience": (
            "revenue",
            "revenue + decimal '0.01'",
        ),
        "as many sessions as in agg_sessions, human ones those that are not suspicious": ("sessions", "sessions + 1"),
        "people are not more than all": ("views", "if(audience = 'human', views + 100000, views)"),
    },
    "kpi_cart_abandonment": {
        "the table is empty only where there is no session": NOTHING,
        "one row for a day and audience": TWICE,
        "the abandonment rate lies between 0 and 1, and is known where a session has a cart": (
            "abandonment_rate",
            "cast(null as double)",
        ),
        "sessions and the abandoned value are those of agg_sessions, by day and audience": (
            "sessions_abandoned",
            "sessions_abandoned - 1",
        ),
        "people are not more than all": (
            "abandoned_value",
            "if(audience = 'human', abandoned_value + decimal '9999.00', abandoned_value)",
        ),
    },
    "kpi_popular_categories": {
        "the table is not empty": NOTHING,
        "one row for a day, audience and category": TWICE,
        "ranks are there exactly where a category code is": ("rank_by_views", "coalesce(rank_by_views, 1)"),
        "the first category of a day has rank 1": ("rank_by_revenue", "rank_by_revenue + 1"),
        "a category has a visitor, and no more visitors than events": ("visitors", "visitors + events"),
        "events and revenue add up to those of the activity, by day and audience": ("purchases", "purchases + 1"),
        "people are not more than all": ("revenue", "if(audience = 'human', revenue + decimal '1.00', revenue)"),
    },
    "kpi_hourly_activity": {
        "the table is not empty": NOTHING,
        "one row for an hour, category, event type and audience": TWICE,
        "a row has a visitor, no more visitors than events, and revenue only of purchases": (
            "revenue",
            "revenue + decimal '0.01'",
        ),
        "events and revenue add up to those of the activity, by day and audience": ("events", "events + 1"),
        "people are not more than all": ("visitors", "if(audience = 'human', visitors + 1, visitors)"),
    },
    "kpi_data_quality": {
        "the table is not empty": NOTHING,
        "one row for a day and check": TWICE,
        "no more rows fail than there are, and the rate is theirs": ("rate", "rate / 2"),
        "events and repeated ones are those of the activity, day by day": ("rows", '"rows" + 1'),
        "every line of the quarantine is counted": "select * from {table} where day is not null",
        "a day is called empty only where the activity has none of it": ("failing_rows", '"rows"'),
    },
}


@pytest.mark.parametrize("table", [FACT, *DERIVED])
def test_there_is_a_fault_for_every_check(warehouse: Warehouse, table: str) -> None:
    assert set(warehouse.check(table)) == set(FAULTS[table])


@pytest.mark.parametrize(("table", "check"), [(table, check) for table, faults in FAULTS.items() for check in faults])
def test_a_check_finds_its_fault(warehouse: Warehouse, table: str, check: str) -> None:
    fault = FAULTS[table][check]
    if isinstance(fault, tuple):
        column, value = fault
        columns = {
            **{f'"{name}"': f'"{name}"' for name in warehouse.columns(table)},
            f'"{column}"': f'{value} as "{column}"',
        }
        fault = f"select {', '.join(columns.values())} from {{table}}"
    faulty = f"{table}__faulty"
    warehouse.create(faulty, fault.format(table=f"{warehouse.database}.{table}"))
    try:
        assert warehouse.check(table, faulty)[check] > warehouse.check(table)[check]
    finally:
        warehouse.drop(faulty)
