"""What Athena asks of the Glue Data Catalog, and how a view is kept there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

from local.athena.errors import QueryError
from local.athena.types import parse as parse_type
from local.athena.types import to_hive

CATALOG = "awsdatacatalog"
_VIEW_PREFIX, _VIEW_SUFFIX = "/* Presto View: ", " */"
_BATCH = 100


class Catalog:
    """The databases, tables and partitions of Glue, read through its API.

    Tables are the dictionaries of Glue's GetTable; what was read is kept for the life of this object (one query).
    """

    def __init__(self, glue: Any) -> None:
        self.glue = glue
        self._tables: dict[tuple[str, str], dict[str, Any] | None] = {}
        self._partitions: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._databases: set[str] = set()

    def databases(self) -> list[str]:
        return sorted(database["Name"] for page in self._pages("get_databases") for database in page["DatabaseList"])

    def has_database(self, name: str) -> bool:
        if name not in self._databases:
            try:
                self.glue.get_database(Name=name)
            except self.glue.exceptions.EntityNotFoundException:
                return False
            self._databases.add(name)
        return True

    def create_database(self, name: str, comment: str, location: str, properties: dict[str, str]) -> None:
        optional = {"Description": comment, "LocationUri": location, "Parameters": properties}
        self.glue.create_database(
            DatabaseInput={"Name": name, **{key: value for key, value in optional.items() if value}}
        )

    def drop_database(self, name: str) -> None:
        self._databases.discard(name)
        self.glue.delete_database(Name=name)

    def tables(self, database: str) -> list[dict[str, Any]]:
        found = [table for page in self._pages("get_tables", DatabaseName=database) for table in page["TableList"]]
        return sorted(found, key=lambda table: str(table["Name"]))

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        key = (database, name)
        if key not in self._tables:
            try:
                self._tables[key] = self.glue.get_table(DatabaseName=database, Name=name)["Table"]
            except self.glue.exceptions.EntityNotFoundException:
                self._tables[key] = None
        return self._tables[key]

    def create_table(self, database: str, table: dict[str, Any]) -> None:
        self._tables.pop((database, table["Name"]), None)
        self.glue.create_table(DatabaseName=database, TableInput=table)

    def update_table(self, database: str, table: dict[str, Any]) -> None:
        self._tables.pop((database, table["Name"]), None)
        self.glue.update_table(DatabaseName=database, TableInput=table_input(table))

    def drop_table(self, database: str, name: str) -> None:
        self._tables.pop((database, name), None)
        self.glue.delete_table(DatabaseName=database, Name=name)

    def partitions(self, database: str, name: str) -> list[dict[str, Any]]:
        key = (database, name)
        if key not in self._partitions:
            pages = self._pages("get_partitions", DatabaseName=database, TableName=name)
            self._partitions[key] = [partition for page in pages for partition in page["Partitions"]]
        return self._partitions[key]

    def add_partitions(self, database: str, name: str, partitions: Sequence[dict[str, Any]]) -> list[list[str]]:
        """Adds partitions (Values, StorageDescriptor); returns the values of those that were there already."""
        self._partitions.pop((database, name), None)
        present = []
        for start in range(0, len(partitions), _BATCH):
            answer = self.glue.batch_create_partition(
                DatabaseName=database, TableName=name, PartitionInputList=list(partitions[start : start + _BATCH])
            )
            for error in answer.get("Errors", []):
                if error["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException":
                    raise QueryError("HIVE_METASTORE_ERROR", error["ErrorDetail"]["ErrorMessage"])
                present.append(error["PartitionValues"])
        return present

    def update_partition(self, database: str, name: str, partition: dict[str, Any]) -> None:
        self._partitions.pop((database, name), None)
        change = {key: partition[key] for key in ("Values", "StorageDescriptor", "Parameters") if key in partition}
        self.glue.update_partition(
            DatabaseName=database, TableName=name, PartitionValueList=partition["Values"], PartitionInput=change
        )

    def drop_partition(self, database: str, name: str, values: list[str]) -> None:
        self._partitions.pop((database, name), None)
        self.glue.delete_partition(DatabaseName=database, TableName=name, PartitionValues=values)

    def _pages(self, call: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        yield from self.glue.get_paginator(call).paginate(**arguments)


_INPUT_KEYS = (
    "Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText",
    "ViewExpandedText",
    "TableType", "Parameters",
)  # fmt: skip


def table_input(table: dict[str, Any]) -> dict[str, Any]:
    """What UpdateTable takes, from what GetTable gave; it takes no empty text."""
    return {key: table[key] for key in _INPUT_KEYS if table.get(key) not in (None, "")}


def is_view(table: dict[str, Any]) -> bool:
    return table.get("TableType") == "VIRTUAL_VIEW"


def view_definition(table: dict[str, Any]) -> dict[str, Any]:
    """The view's definition: originalSql, catalog, schema, columns. Raises QueryError where it is not Presto's."""
    text = table.get("ViewOriginalText") or ""
    if not text.startswith(_VIEW_PREFIX):
        raise QueryError(
            "HIVE_INVALID_VIEW_DATA", f"View {table['Name']} is not a view of Athena: drop it and create it again"
        )
    definition: dict[str, Any] = json.loads(base64.b64decode(text[len(_VIEW_PREFIX) : -len(_VIEW_SUFFIX)]))
    return definition


def view_table(name: str, sql: str, database: str, columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A view as Athena keeps it in the catalogue: VIRTUAL_VIEW with Presto's base64 JSON.

    columns: names with Trino types.
    """
    definition = {
        "originalSql": sql,
        "catalog": CATALOG,
        "schema": database,
        "columns": [{"name": column, "type": type_} for column, type_ in columns],
        "owner": "local",
        "runAsInvoker": False,
    }
    encoded = base64.b64encode(json.dumps(definition).encode()).decode()
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "ViewOriginalText": f"{_VIEW_PREFIX}{encoded}{_VIEW_SUFFIX}",
        "ViewExpandedText": "/* Presto View */",
        "Parameters": {"comment": "Presto View", "presto_view": "true"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": to_hive(parse_type(type_))} for column, type_ in columns],
            "Location": "",
            "SerdeInfo": {},
        },
    }
