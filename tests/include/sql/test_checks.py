"""Every check finds the fault that it is there for: each is shown a table with just that fault."""

from __future__ import annotations

import pytest
from ecomm.tables import FACT

from tests.include.sql import edge_cases
from tests.include.sql.conftest import DERIVED, Warehouse
from tests.include.sql.test_schema import SCHEMA

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
    },
    "suspicious_users": {
        "one row a user": TWICE,
        "every user breaks the rule that is named": ("hours_in_busiest_day", "bigint '21'"),
        "whoever breaks a rule is listed, and nobody else": "select * from {table} where reason <> 'hours_per_day'",
    },
    "agg_sessions": {
        "one row a session": TWICE,
        "day and users are known, and the first event is not after the last": ("day", "day + interval '1' day"),
        "sessions, events and money are those of the activity, and as fresh": (
            "cart_value",
            "cart_value + decimal '0.01'",
        ),
        "the sessions of suspicious users are suspicious, and no other": ("suspicious", "true"),
    },
    "kpi_daily_visitors": {
        "the table is not empty": NOTHING,
        "one row for a day and audience": TWICE,
        "visitors, events and revenue are those of the activity, by day and audience": (
            "revenue",
            "revenue + decimal '0.01'",
        ),
        "a visitor is new on the first day, and returning on every other": ("returning_visitors", "new_visitors"),
        "sessions are those of agg_sessions, by day and audience": ("sessions", "sessions + 1"),
        "the conversion rate is that of the sessions": ("conversion_rate", "conversion_rate / 2"),
    },
    "kpi_cart_abandonment": {
        "one row for a day and audience": TWICE,
        "the abandonment rate is that of the sessions": ("abandonment_rate", "cast(null as double)"),
        "sessions and the abandoned value are those of agg_sessions, by day and audience": NOTHING,
    },
    "kpi_popular_categories": {
        "the table is not empty": NOTHING,
        "one row for a day, audience and category": TWICE,
        "events, visitors and revenue are those of the activity, row by row": (
            "category_code",
            "if(category_code is not null, 'apparel.scarf')",
        ),
        "a category has its place by views and by revenue": ("rank_by_revenue", "rank_by_views"),
        "events without a category have no rank": ("rank_by_views", "coalesce(rank_by_views, 1)"),
    },
    "kpi_hourly_activity": {
        "the table is not empty": NOTHING,
        "one row for an hour, category, event type and audience": TWICE,
        "events, visitors and revenue are those of the activity, row by row": (
            "revenue",
            "if(event_type = 'purchase', revenue, decimal '0.01')",
        ),
    },
    "kpi_data_quality": {
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
    },
}
# By its type, what another value is.
OTHERWISE = {
    "bigint": "coalesce({column}, 0) + 1",
    "decimal(38,2)": "{column} + decimal '0.01'",
    "double": "if({column} = 0.5e0, 0.25e0, 0.5e0)",
}
VALUES = [
    (table, column)
    for table, documented in SCHEMA.items()
    if table.startswith("kpi_")
    for column in documented["columns"]
    if column not in documented["grain"]
]


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


@pytest.mark.parametrize(
    "fault",
    [
        # A reserved user that is missing, that is named by a later rule, or by none; a customer that is named as one.
        f"select * from {{table}} where user_id <> {edge_cases.RESERVED}",
        f"select {{columns}}, if(user_id = {edge_cases.LOUD_RESERVED}, 'carts_per_hour', reason) reason from {{table}}",
        f"select {{columns}}, if(user_id <> {edge_cases.LAST_RESERVED}, reason) as reason from {{table}}",
        f"select {{columns}}, if(user_id = {edge_cases.FAST}, 'reserved', reason) as reason from {{table}}",
        "select {columns}, reason from {table} union all "
        f"select {edge_cases.AFTER_RESERVED}, 1, 1, 0, 1, 0, 'reserved'",
    ],
)
def test_a_reserved_user_is_listed_as_such_and_nobody_else(warehouse: Warehouse, fault: str) -> None:
    columns = "user_id, events_in_busiest_hour, carts_in_busiest_hour, repeats_in_busiest_hour, hours_in_busiest_day, "
    columns += "views_without_end"
    table = f"{warehouse.database}.suspicious_users"
    warehouse.create("suspicious_users__faulty", fault.format(table=table, columns=columns))
    try:
        assert warehouse.failed("suspicious_users", "suspicious_users__faulty") != []
    finally:
        warehouse.drop("suspicious_users__faulty")


@pytest.mark.parametrize(("table", "column"), VALUES)
def test_one_wrong_value_keeps_a_mart_from_being_published(warehouse: Warehouse, table: str, column: str) -> None:
    columns = warehouse.columns(table)
    otherwise = OTHERWISE[columns[column]].format(column=f'"{column}"')
    values = {name: f'"{name}"' for name in columns} | {column: f'if(place = places / 2, {otherwise}, "{column}")'}
    grain = ", ".join(f'"{name}"' for name in SCHEMA[table]["grain"])
    faulty = f"{table}__faulty"
    warehouse.create(
        faulty,
        f"""
        select {", ".join(f'{value} as "{name}"' for name, value in values.items())}
        from (
            select *, row_number() over (order by {grain}) as place, count(*) over () as places
            from {warehouse.database}.{table}
        ) as numbered
        """,
    )
    try:
        assert warehouse.failed(table, faulty) != []
    finally:
        warehouse.drop(faulty)
