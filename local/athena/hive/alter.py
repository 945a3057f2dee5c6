"""ALTER TABLE and MSCK REPAIR TABLE: partitions, columns, properties."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from local.athena import tables
from local.athena.catalog import Catalog
from local.athena.errors import QueryError
from local.athena.hive import statements
from local.athena.hive.common import NOTHING, Result, Rows, existing_table, failed
from local.athena.hive.tables import folder_location, glue_column
from local.athena.tables import Lister
from local.objects import split_uri

# ---- ALTER TABLE ---------------------------------------------------------------------------------------------------


def _values(table: dict[str, Any], given: statements.Values) -> list[str]:
    """The values of a partition in the order of the table's keys."""
    keys = [key["Name"].lower() for key in table.get("PartitionKeys") or []]
    if sorted(keys) != sorted(given):
        raise QueryError(
            "FAILED",
            f"SemanticException: partition ({', '.join(given)}) does not name the partition keys of "
            f"{table['Name']}: ({', '.join(keys)})",
        )
    return [tables.DEFAULT_PARTITION if given[key] is None else str(given[key]) for key in keys]


def _partition(table: tables.Table, values: list[str], location: str) -> dict[str, Any]:
    place = location or tables.partition_location(table.location, table.keys, tuple(values))
    return {"Values": values, "StorageDescriptor": {**table.descriptor, "Location": place}}


def add_partitions(statement: statements.AddPartitions, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = existing_table(catalog, statement.name, database)
    table = tables.load(source, schema)
    new = []
    for given, location in statement.partitions:
        if location:
            folder_location(location)
        new.append(_partition(table, _values(source, given), location))
    known = [partition["Values"] for partition in catalog.partitions(schema, table.name)]
    present = [partition["Values"] for partition in new if partition["Values"] in known]
    if present and not statement.if_not_exists:
        raise failed(f"AlreadyExistsException(message:Partition already exists: {present[0]})")
    catalog.add_partitions(schema, table.name, [partition for partition in new if partition["Values"] not in known])
    return NOTHING


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<>": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le,
    ">=": operator.ge,
}  # fmt: skip


def drop_partitions(statement: statements.DropPartitions, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = existing_table(catalog, statement.name, database)
    table = tables.load(source, schema)
    keys = [key.name for key in table.keys]
    for conditions in statement.partitions:
        for key, _, _ in conditions:
            if key not in keys:
                raise QueryError(
                    "FAILED", f"SemanticException: {key} is not a partition key of {table.name}: ({', '.join(keys)})"
                )
        chosen = [
            partition["Values"]
            for partition in catalog.partitions(schema, table.name)
            if all(_matches(partition["Values"][keys.index(key)], sign, value) for key, sign, value in conditions)
        ]
        if not chosen and not statement.if_exists:
            wanted = ", ".join(f"{key} {sign} {value}" for key, sign, value in conditions)
            raise QueryError("FAILED", f"SemanticException [Error 10006]: Partition not found ({wanted})")
        for values in chosen:
            catalog.drop_partition(schema, table.name, values)
    return NOTHING


def _matches(present: str, sign: str, wanted: str | None) -> bool:
    given = tables.DEFAULT_PARTITION if wanted is None else wanted
    if re.fullmatch(r"-?\d+", present) and re.fullmatch(r"-?\d+", given) and sign not in ("=", "!=", "<>"):
        return _OPERATORS[sign](int(present), int(given))
    return _OPERATORS[sign](present, given)


def set_location(statement: statements.SetLocation, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = existing_table(catalog, statement.name, database)
    folder_location(statement.location)
    if statement.partition is None:
        catalog.update_table(
            schema, {**source, "StorageDescriptor": {**source["StorageDescriptor"], "Location": statement.location}}
        )
        return NOTHING
    partition = _existing(catalog, schema, source, statement.partition)
    descriptor = {**(partition.get("StorageDescriptor") or {}), "Location": statement.location}
    catalog.update_partition(schema, source["Name"], {**partition, "StorageDescriptor": descriptor})
    return NOTHING


def _existing(catalog: Catalog, schema: str, source: dict[str, Any], given: statements.Values) -> dict[str, Any]:
    values = _values(source, given)
    for partition in catalog.partitions(schema, source["Name"]):
        if partition["Values"] == values:
            return partition
    raise QueryError("FAILED", f"SemanticException [Error 10006]: Partition not found {dict(given)}")


def rename_partition(statement: statements.RenamePartition, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = existing_table(catalog, statement.name, database)
    partition = _existing(catalog, schema, source, statement.partition)
    catalog.add_partitions(
        schema,
        source["Name"],
        [{"Values": _values(source, statement.to), "StorageDescriptor": partition["StorageDescriptor"]}],
    )
    catalog.drop_partition(schema, source["Name"], partition["Values"])
    return NOTHING


def add_columns(statement: statements.AddColumns, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = existing_table(catalog, statement.name, database)
    descriptor = source["StorageDescriptor"]
    present = [] if statement.replace else descriptor["Columns"]
    known = {column["Name"].lower() for column in present + (source.get("PartitionKeys") or [])}
    for column in statement.columns:
        if column.name in known:
            raise failed(f"Duplicate column name: {column.name}")
    columns = present + [glue_column(column) for column in statement.columns]
    catalog.update_table(schema, {**source, "StorageDescriptor": {**descriptor, "Columns": columns}})
    return NOTHING


def set_properties(statement: statements.SetProperties, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = existing_table(catalog, statement.name, database)
    catalog.update_table(schema, {**source, "Parameters": {**(source.get("Parameters") or {}), **statement.properties}})
    return NOTHING


def repair_table(statement: statements.RepairTable, catalog: Catalog, database: str, lister: Lister) -> Result:
    """Adds the partitions whose Hive folders hold objects; never takes one away."""
    schema, source = existing_table(catalog, statement.name, database)
    table = tables.load(source, schema)
    bucket, prefix = split_uri(table.location)
    prefix = prefix.rstrip("/") + "/"
    found = set()
    for stored in lister(bucket, prefix):
        folders = stored.key[len(prefix) :].split("/")[:-1]
        pairs = [folder.partition("=") for folder in folders[: len(table.keys)]]
        if [name.lower() for name, _, _ in pairs] == [key.name for key in table.keys]:
            found.add(tuple(tables.unescape_partition(value) or tables.DEFAULT_PARTITION for _, _, value in pairs))
    known = [partition["Values"] for partition in catalog.partitions(schema, table.name)]
    new = [list(values) for values in sorted(found) if list(values) not in known]
    catalog.add_partitions(schema, table.name, [_partition(table, values, "") for values in new])
    lines: Rows = []
    if new:
        names = [
            "/".join(f"{key.name}={value}" for key, value in zip(table.keys, values, strict=True)) for values in new
        ]
        lines.append(["Partitions not in metastore:\t" + "\t".join(f"{table.name}:{name}" for name in names)])
        lines += [[f"Repair: Added partition to metastore {table.name}:{name}"] for name in names]
    return ["result"], lines
