"""Makes a faulty copy of a table: what a check must find."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# A query of the sound {table}, or a column and the value that every row has in it.
Fault = str | tuple[str, str]
# Per check name.
Faults = Mapping[str, Fault]

NOTHING = "select * from {table} where false"
TWICE = "select * from {table} union all select * from {table}"


def query(fault: Fault, columns: Iterable[str]) -> str:
    """Returns the query of the faulty copy, with {table} for the sound table."""
    if isinstance(fault, str):
        return fault
    column, value = fault
    values = {name: f'"{name}"' for name in columns} | {column: f'{value} as "{column}"'}
    return f"select {', '.join(values.values())} from {{table}}"
