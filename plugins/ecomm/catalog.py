"""The Glue catalog: what tables and partitions there are, and the switches by which data is published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ecomm.aws import client
from ecomm.errors import DataError

# Keys of a table or partition, as the catalog gives it, that it also takes.
TABLE_FIELDS = ("Name", "Description", "Retention", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")
PARTITION_FIELDS = ("Values", "StorageDescriptor", "Parameters")
# The parameter of a table or partition that remembers the location before, which is kept for a way back.
PREVIOUS = "ecomm.previous_location"

Table = dict[str, Any]
Partition = dict[str, Any]


def list_tables(database: str) -> list[Table]:
    """All tables of a database."""
    pages = client("glue").get_paginator("get_tables").paginate(DatabaseName=database)
    return [table for page in pages for table in page["TableList"]]


def find_table(database: str, name: str) -> Table | None:
    """The table of this name, or None."""
    try:
        return dict(client("glue").get_table(DatabaseName=database, Name=name)["Table"])
    except client("glue").exceptions.EntityNotFoundException:
        return None


def deployed_table(database: str, name: str) -> Table:
    """A table that the stacks create; raises DataError where they are not deployed."""
    found = find_table(database, name)
    if found is None:
        raise DataError(f"There is no table {name} in {database}; deploy the stacks (make deploy).")
    return found


def put_table(database: str, table: Table) -> None:
    """Creates the table or, in one step, replaces what it says; `table` is as `find_table` gives it."""
    wanted = {name: table[name] for name in TABLE_FIELDS if name in table}
    try:
        client("glue").update_table(DatabaseName=database, TableInput=wanted, SkipArchive=True)
    except client("glue").exceptions.EntityNotFoundException:
        client("glue").create_table(DatabaseName=database, TableInput=wanted)


def drop_table(database: str, name: str) -> None:
    """Takes a table out of the catalog, if it is there; its objects stay."""
    try:
        client("glue").delete_table(DatabaseName=database, Name=name)
    except client("glue").exceptions.EntityNotFoundException:
        return


def aside(table: str, suffix: str) -> str:
    """The name under which a table is prepared before it is published."""
    return f"{table}__{suffix}"


def drop_aside(database: str, table: str, keep: str = "") -> list[str]:
    """Takes out of the catalog what was prepared for a table but `keep`, and returns the names; the objects stay."""
    prepared = [found["Name"] for found in list_tables(database) if found["Name"].startswith(aside(table, ""))]
    left = [name for name in prepared if name != keep]
    for name in left:
        drop_table(database, name)
    return left


def list_partitions(database: str, table: str) -> list[Partition]:
    """All partitions of a table, without their columns, which are the table's."""
    pages = (
        client("glue")
        .get_paginator("get_partitions")
        .paginate(DatabaseName=database, TableName=table, ExcludeColumnSchema=True)
    )
    return [partition for page in pages for partition in page["Partitions"]]


def put_partition(database: str, table: str, partition: Partition) -> None:
    """Creates the partition or, in one step, replaces what it says."""
    wanted = {name: partition[name] for name in PARTITION_FIELDS if name in partition}
    try:
        client("glue").update_partition(
            DatabaseName=database, TableName=table, PartitionValueList=wanted["Values"], PartitionInput=wanted
        )
    except client("glue").exceptions.EntityNotFoundException:
        client("glue").create_partition(DatabaseName=database, TableName=table, PartitionInput=wanted)


def kept_locations(*served: Table | Partition) -> tuple[str, ...]:
    """Where these tables or partitions lie, and where they lay before that."""
    now = [each["StorageDescriptor"]["Location"] for each in served]
    before = [each.get("Parameters", {}).get(PREVIOUS) for each in served]
    return tuple({location for location in now + before if location})


def by_month(partitions: Iterable[Partition]) -> dict[str, Partition]:
    """Partitions by year and month, by the month as in 2019-11."""
    return {"-".join(each["Values"]): each for each in partitions}


def drop_partition(database: str, table: str, values: list[str]) -> None:
    """Takes a partition out of the catalog, if it is there; its objects stay."""
    try:
        client("glue").delete_partition(DatabaseName=database, TableName=table, PartitionValues=values)
    except client("glue").exceptions.EntityNotFoundException:
        return
