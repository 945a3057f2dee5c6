"""Writes found tables into the Data Catalog, as the crawler's schema change policy says.

Source: AWS Glue guide, "Setting crawler configuration options" (schema change policy, MergeNewColumns,
InheritFromTable) and the parameters that Glue's crawlers leave on tables.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from local.glue_crawler.layout import Table, distinct_name, partition_keys, partition_values, table_name
from local.glue_crawler.schema import Schema
from local.glue_crawler.types import to_hive

_TEXT = ("org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat")
_PARQUET = tuple(f"org.apache.hadoop.hive.ql.io.parquet.MapredParquet{way}Format" for way in ("Input", "Output"))
_OWNER = "UPDATED_BY_CRAWLER"
_DEPRECATED = "DEPRECATED_BY_CRAWLER"
# Of the format: never carried over from the table's last crawl.
_MAY_VANISH = ("skip.header.line.count", "delimiter", "columnsOrdered", "areColumnsQuoted", _DEPRECATED)
_CREATE_BATCH = 100
_DELETE_BATCH = 25


class CatalogWriter:
    """Writes what one crawl found; `changes` counts by (object, action), e.g. ("TABLE", "ADD")."""

    def __init__(self, glue: Any, crawler: Mapping[str, Any], log: Callable[[str], None]) -> None:
        self._glue = glue
        self._database = crawler["DatabaseName"]
        self._crawler = crawler["Name"]
        self._prefix = crawler.get("TablePrefix") or ""
        self._log = log
        policy = crawler.get("SchemaChangePolicy") or {}
        new_only = (crawler.get("RecrawlPolicy") or {}).get("RecrawlBehavior") == "CRAWL_NEW_FOLDERS_ONLY"
        self._update = not new_only and policy.get("UpdateBehavior", "UPDATE_IN_DATABASE") == "UPDATE_IN_DATABASE"
        self._delete = "LOG" if new_only else policy.get("DeleteBehavior", "DEPRECATE_IN_DATABASE")
        output = json.loads(crawler.get("Configuration") or "{}").get("CrawlerOutput", {})
        self._merge_columns = output.get("Tables", {}).get("AddOrUpdateBehavior") == "MergeNewColumns"
        self._inherit = output.get("Partitions", {}).get("AddOrUpdateBehavior") == "InheritFromTable"
        self.changes: Counter[tuple[str, str]] = Counter()

    def write(self, tables: Sequence[Table]) -> None:
        """Creates and updates the tables and their partitions, then treats those of this crawler that are gone."""
        known = {table["Name"]: table for table in self._pages("get_tables", "TableList")}
        written = {self._write_table(table, known) for table in tables}
        for name, table in known.items():
            if name not in written and table.get("Parameters", {}).get(_OWNER) == self._crawler:
                self._remove_table(table)

    def _pages(self, operation: str, result: str, **arguments: str) -> Iterator[Any]:
        for page in self._glue.get_paginator(operation).paginate(DatabaseName=self._database, **arguments):
            yield from page[result]

    def _write_table(self, table: Table, known: dict[str, Any]) -> str:
        name = table_name(table.location, self._prefix)
        if name in known and _location(known[name]) != table.location.rstrip("/"):
            name = distinct_name(name, table.location)
        keys = partition_keys(table.partitions)
        wanted = self._table_input(name, table, keys)
        present = known.get(name)
        if present is None:
            self._glue.create_table(DatabaseName=self._database, TableInput=wanted)
            known[name] = wanted
            self._count("TABLE", "ADD", f"Created table {name} in database {self._database}.")
        elif self._update:
            wanted = self._updated(present, wanted)
            if any(present.get(part) != wanted[part] for part in ("StorageDescriptor", "PartitionKeys", "Parameters")):
                self._glue.update_table(DatabaseName=self._database, TableInput=wanted)
                self._count("TABLE", "UPDATE", f"Updated table {name} in database {self._database}.")
        elif present["StorageDescriptor"]["Columns"] != wanted["StorageDescriptor"]["Columns"]:
            self._log(f"The schema of table {name} has changed; the crawler's policy leaves the table as it is.")
        if table.partitions:
            self._write_partitions(name, table, keys, wanted["StorageDescriptor"])
        return name

    def _table_input(self, name: str, table: Table, keys: list[str]) -> dict[str, Any]:
        return {
            "Name": name,
            "Owner": "owner",
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
            "Parameters": {
                **_parameters(table.schema),
                "CrawlerSchemaDeserializerVersion": "1.0",
                "CrawlerSchemaSerializerVersion": "1.0",
                _OWNER: self._crawler,
            },
            "StorageDescriptor": storage_descriptor(table.schema, table.location),
        }

    def _updated(self, present: Mapping[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
        """The new input with what others set on the table, and with its old columns where the crawler only adds."""
        kept = {name: value for name, value in present.get("Parameters", {}).items() if name not in _MAY_VANISH}
        storage = wanted["StorageDescriptor"]
        if self._merge_columns:
            old = present["StorageDescriptor"]["Columns"]
            names = {column["Name"] for column in old}
            storage = {**storage, "Columns": old + [new for new in storage["Columns"] if new["Name"] not in names]}
        return {**wanted, "Parameters": {**kept, **wanted["Parameters"]}, "StorageDescriptor": storage}

    def _write_partitions(self, name: str, table: Table, keys: list[str], of_table: Mapping[str, Any]) -> None:
        known = {
            tuple(partition["Values"]): partition
            for partition in self._pages("get_partitions", "Partitions", TableName=name)
        }
        created, updated = [], []
        for partition in table.partitions:
            values = partition_values(partition, keys)
            storage = storage_descriptor(partition.schema, f"{table.location}{'/'.join(partition.folders)}/")
            if self._inherit:
                storage = {**of_table, "Location": storage["Location"], "Parameters": storage["Parameters"]}
            wanted = {"Values": values, "StorageDescriptor": storage, "Parameters": {}}
            present = known.pop(tuple(values), None)
            if present is None:
                created.append(wanted)
            elif self._update and present["StorageDescriptor"] != storage:
                updated.append({"PartitionValueList": values, "PartitionInput": wanted})
        target = {"DatabaseName": self._database, "TableName": name}
        for batch in _batches(created, _CREATE_BATCH):
            self._glue.batch_create_partition(**target, PartitionInputList=batch)
        for batch in _batches(updated, _CREATE_BATCH):
            self._glue.batch_update_partition(**target, Entries=batch)
        self._count("PARTITION", "ADD", f"Created {len(created)} partitions of table {name}.", len(created))
        self._count("PARTITION", "UPDATE", f"Updated {len(updated)} partitions of table {name}.", len(updated))
        if self._delete == "DELETE_FROM_DATABASE":
            for batch in _batches([{"Values": list(values)} for values in known], _DELETE_BATCH):
                self._glue.batch_delete_partition(**target, PartitionsToDelete=batch)
            self._count("PARTITION", "DELETE", f"Deleted {len(known)} partitions of table {name}.", len(known))
        elif known:
            self._log(f"{len(known)} partitions of table {name} have no objects any more; the policy leaves them.")

    def _remove_table(self, table: Mapping[str, Any]) -> None:
        name = table["Name"]
        if self._delete == "DELETE_FROM_DATABASE":
            self._glue.delete_table(DatabaseName=self._database, Name=name)
            self._count("TABLE", "DELETE", f"Deleted table {name}: its objects are gone.")
        elif self._delete == "DEPRECATE_IN_DATABASE" and _DEPRECATED not in table["Parameters"]:
            kept = {part: table[part] for part in ("Name", "TableType", "PartitionKeys", "StorageDescriptor")}
            deprecated = {**table["Parameters"], _DEPRECATED: str(int(time.time() * 1000))}
            self._glue.update_table(DatabaseName=self._database, TableInput={**kept, "Parameters": deprecated})
            self._count("TABLE", "UPDATE", f"Marked table {name} as deprecated: its objects are gone.")

    def _count(self, thing: str, action: str, message: str, number: int = 1) -> None:
        if number:
            self.changes[thing, action] += number
            self._log(message)


def storage_descriptor(schema: Schema, location: str) -> dict[str, Any]:
    """How Athena and Spark read the objects at `location`."""
    kind = schema.format
    match kind.classification:
        case "parquet":
            formats, library = _PARQUET, "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
            parameters = {"serialization.format": "1"}
        case "json":
            formats, library = _TEXT, "org.openx.data.jsonserde.JsonSerDe"
            parameters = {"paths": ",".join(sorted(schema.paths))}
        case _ if kind.quote:
            formats, library = _TEXT, "org.apache.hadoop.hive.serde2.OpenCSVSerde"
            parameters = {"separatorChar": kind.delimiter, "quoteChar": kind.quote, "escapeChar": "\\"}
        case _:
            formats, library = _TEXT, "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
            parameters = {"field.delim": kind.delimiter}
    return {
        "Columns": [{"Name": name, "Type": to_hive(kind)} for name, kind in schema.columns.items()],
        "Location": location,
        "InputFormat": formats[0],
        "OutputFormat": formats[1],
        "Compressed": kind.compression != "none",
        "NumberOfBuckets": -1,
        "SerdeInfo": {"SerializationLibrary": library, "Parameters": parameters},
        "BucketColumns": [],
        "SortColumns": [],
        "Parameters": _parameters(schema),
        "StoredAsSubDirectories": False,
    }


def _parameters(schema: Schema) -> dict[str, str]:
    kind = schema.format
    parameters = {
        "classification": kind.classification,
        "compressionType": kind.compression,
        "typeOfData": "file",
        "objectCount": str(schema.objects),
        "sizeKey": str(schema.size),
        "recordCount": str(schema.records),
        "averageRecordSize": str(round(schema.size / max(schema.records, 1))),
    }
    if kind.classification == "csv":
        quoted = str(bool(kind.quote)).lower()
        parameters |= {"delimiter": kind.delimiter, "columnsOrdered": "true", "areColumnsQuoted": quoted}
        if kind.header:
            parameters["skip.header.line.count"] = "1"
    return parameters


def _location(table: Mapping[str, Any]) -> str:
    return str(table.get("StorageDescriptor", {}).get("Location", "")).rstrip("/")


def _batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
