"""Carries out a statement on the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.athena.catalog import Catalog
from local.athena.hive import alter, show, statements, tables
from local.athena.hive.common import Result
from local.athena.tables import Lister


def run(statement: statements.Statement, catalog: Catalog, database: str, lister: Lister) -> Result:
    """The columns and rows that the statement answers. Raises QueryError."""
    handler = _HANDLERS[type(statement)]
    return handler(statement, catalog, database, lister)


_HANDLERS: dict[type[statements.Statement], Callable[[Any, Catalog, str, Lister], Result]] = {
    statements.CreateDatabase: tables.create_database,
    statements.DropDatabase: tables.drop_database,
    statements.CreateTable: tables.create_table,
    statements.DropTable: tables.drop_table,
    statements.AddPartitions: alter.add_partitions,
    statements.DropPartitions: alter.drop_partitions,
    statements.SetLocation: alter.set_location,
    statements.RenamePartition: alter.rename_partition,
    statements.AddColumns: alter.add_columns,
    statements.SetProperties: alter.set_properties,
    statements.RepairTable: alter.repair_table,
    statements.Show: show.show,
    statements.Describe: show.describe,
}
