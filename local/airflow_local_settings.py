"""Airflow imports this from its home: the wait for SQLite's one place to write, where Airflow opens a savepoint.

A savepoint that begins a transaction begins it for reading. Where another process commits before it writes, SQLite
refuses the write at once, however long it was told to wait ("database is locked"), since what was read is not the
newest any more (https://www.sqlite.org/rescode.html#busy_snapshot). A backfill, and an asset's event, would be lost.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, event


@event.listens_for(Engine, "savepoint")
def wait_for_the_place_to_write(connection: Connection, name: str) -> None:
    if not connection.connection.driver_connection.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
