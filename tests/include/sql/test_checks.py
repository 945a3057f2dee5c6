"""Every check finds the fault that it is there for: each is shown a table with just that fault."""

from __future__ import annotations

import pytest
from ecomm.tables import FACT, MARTS, describe

from tests.include.sql import edge_cases
from tests.include.sql.conftest import DERIVED, Warehouse
from tests.include.sql.expectations import faults
from tests.include.sql.faults import query

FAULTS = {table: faults(table) for table in (FACT, *DERIVED)}
# By its type, what another value is.
OTHERWISE = {
    "bigint": "coalesce({column}, 0) + 1",
    "decimal(38,2)": "{column} + decimal '0.01'",
    "double": "if({column} = 0.5e0, 0.25e0, 0.5e0)",
}
VALUES = [
    (table.name, column)
    for table in MARTS
    for column in describe(table.name)["columns"]
    if column not in describe(table.name)["grain"]
]


@pytest.mark.parametrize("table", [FACT, *DERIVED])
def test_there_is_a_fault_for_every_check(warehouse: Warehouse, table: str) -> None:
    assert set(warehouse.check(table)) == set(FAULTS[table])


@pytest.mark.parametrize(("table", "check"), [(table, check) for table, faults in FAULTS.items() for check in faults])
def test_a_check_finds_its_fault(warehouse: Warehouse, table: str, check: str) -> None:
    faulty = f"{table}__faulty"
    fault = query(FAULTS[table][check], warehouse.columns(table))
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
    grain = ", ".join(f'"{name}"' for name in describe(table)["grain"])
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
