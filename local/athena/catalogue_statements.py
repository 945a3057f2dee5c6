"""The statements on the catalogue, carried out on Glue; each answers with its result's columns and rows."""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable
from typing import Any

from local.athena import hive, tables
from local.athena.catalog import Catalog, is_view, view_definition
from local.athena.errors import QueryError
from local.athena.relation import CSV, JSON, PARQUET, SERDE_OF_FORMAT
from local.athena.tables import Lister
from local.athena.types import to_hive
from local.objects import split_uri

Rows = list[list[str | None]]
Result = tuple[list[str], Rows]
NOTHING: Result = ([], [])


def run(statement: hive.Statement, catalog: Catalog, database: str, lister: Lister) -> Result:
    """Carries out one statement. Raises QueryError."""
    handler = _HANDLERS[type(statement)]
    return handler(statement, catalog, database, lister)


def _failed(message: str) -> QueryError:
    """How Hive's statements fail."""
    return QueryError(
        "FAILED", f"Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. {message}"
    )


def _schema(catalog: Catalog, name: str) -> str:
    if not catalog.has_database(name):
        raise QueryError("SCHEMA_NOT_FOUND", f"Schema '{name}' does not exist")
    return name


def _table(catalog: Catalog, name: hive.Name, database: str) -> tuple[str, dict[str, Any]]:
    schema = _schema(catalog, name[0] or database)
    found = catalog.table(schema, name[1])
    if found is None:
        raise QueryError("TABLE_NOT_FOUND", f"Table 'awsdatacatalog.{schema}.{name[1]}' does not exist")
    return schema, found


# ---- databases ----------------------------------------------------------------------------------------------------


def _create_database(statement: hive.CreateDatabase, catalog: Catalog, database: str, lister: Lister) -> Result:
    if catalog.has_database(statement.name):
        if not statement.if_not_exists:
            raise _failed(f"Database {statement.name} already exists")
        return NOTHING
    catalog.create_database(statement.name, statement.comment, statement.location, statement.properties)
    return NOTHING


def _drop_database(statement: hive.DropDatabase, catalog: Catalog, database: str, lister: Lister) -> Result:
    if not catalog.has_database(statement.name):
        if not statement.if_exists:
            raise _failed(f"Database does not exist: {statement.name}")
        return NOTHING
    if catalog.tables(statement.name) and not statement.cascade:
        raise _failed(
            f"Database {statement.name} is not empty. One or more tables exist; drop them first, or add CASCADE"
        )
    for table in catalog.tables(statement.name):
        catalog.drop_table(statement.name, table["Name"])
    catalog.drop_database(statement.name)
    return NOTHING


# ---- tables -------------------------------------------------------------------------------------------------------

_STORED_AS = {"textfile": CSV, "parquet": PARQUET, "parquetfile": PARQUET, "json": JSON, "jsonfile": JSON}


def _create_table(statement: hive.CreateTable, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema = _schema(catalog, statement.name[0] or database)
    if catalog.table(schema, statement.name[1]):
        if not statement.if_not_exists:
            raise _failed(f"AlreadyExistsException(message:Table {statement.name[1]} already exists)")
        return NOTHING
    if not statement.location:
        raise QueryError("FAILED", "SemanticException: No location was given; add LOCATION 's3://bucket/folder/'")
    _folder_location(statement.location)
    names = [column.name for column in statement.columns + statement.keys]
    for name in names:
        if names.count(name) > 1:
            raise QueryError(
                "FAILED", f"SemanticException: Column {name} stands more than once in columns and partition keys"
            )
    catalog.create_table(schema, _glue_table(statement))
    return NOTHING


def _glue_table(statement: hive.CreateTable) -> dict[str, Any]:
    stored_as = statement.stored_as or "textfile"
    if not statement.input_format and stored_as not in _STORED_AS:
        raise QueryError(
            "NOT_SUPPORTED",
            f"STORED AS {stored_as.upper()} is not supported on this machine: use PARQUET, TEXTFILE or JSON",
        )
    base = SERDE_OF_FORMAT[_STORED_AS.get(stored_as, CSV)]
    serde = statement.serde or base["SerdeInfo"]["SerializationLibrary"]
    if "parquet" in serde.lower() and not statement.stored_as:
        base = SERDE_OF_FORMAT[PARQUET]
    properties = {"EXTERNAL": "TRUE", **statement.properties}
    table = {
        "Name": statement.name[1],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": properties,
        "PartitionKeys": [_glue_column(column) for column in statement.keys],
        "StorageDescriptor": {
            "Columns": [_glue_column(column) for column in statement.columns],
            "Location": statement.location,
            "InputFormat": statement.input_format or base["InputFormat"],
            "OutputFormat": statement.output_format or base["OutputFormat"],
            "SerdeInfo": {
                "SerializationLibrary": serde,
                "Parameters": statement.serde_properties or {"serialization.format": "1"},
            },
            "NumberOfBuckets": -1,
        },
    }
    if statement.comment:
        table["Description"] = statement.comment
    return table


def _glue_column(column: hive.ColumnDefinition) -> dict[str, str]:
    found = {"Name": column.name, "Type": to_hive(column.type)}
    return {**found, "Comment": column.comment} if column.comment else found


def _folder_location(location: str) -> str:
    try:
        split_uri(location)
    except ValueError as error:
        raise QueryError("FAILED", str(error)) from error
    return location


def _drop_table(statement: hive.DropTable, catalog: Catalog, database: str, lister: Lister) -> Result:
    """Takes the table or view out of the catalogue; the data stays, as with every external table."""
    schema, name = statement.name[0] or database, statement.name[1]
    found = catalog.table(schema, name) if catalog.has_database(schema) else None
    what = "View" if statement.view else "Table"
    if found is None:
        if not statement.if_exists:
            raise QueryError(f"{what.upper()}_NOT_FOUND", f"{what} '{schema}.{name}' does not exist", (1, 1))
        return NOTHING
    if is_view(found) and not statement.view:
        raise _failed(f"Cannot drop a view with DROP TABLE: {schema}.{name}; use DROP VIEW")
    if statement.view and not is_view(found):
        raise QueryError("TABLE_NOT_FOUND", f"'{schema}.{name}' is a table, not a view; use DROP TABLE", (1, 1))
    catalog.drop_table(schema, name)
    return NOTHING


# ---- ALTER TABLE ---------------------------------------------------------------------------------------------------


def _values(table: dict[str, Any], given: hive.Values) -> list[str]:
    """The values of a partition in the order of the table's keys."""
    keys = [key["Name"].lower() for key in table.get("PartitionKeys") or []]
    if sorted(keys) != sorted(given):
        raise QueryError(
            "FAILED",
            f"SemanticException: partition ({', '.join(given)}) does not name the partition keys of {table['Name']}: ({', '.join(keys)})",
        )
    return [tables.DEFAULT_PARTITION if given[key] is None else str(given[key]) for key in keys]


def _partition(table: tables.Table, values: list[str], location: str) -> dict[str, Any]:
    place = location or tables.partition_location(table.location, table.keys, tuple(values))
    return {"Values": values, "StorageDescriptor": {**table.descriptor, "Location": place}}


def _add_partitions(statement: hive.AddPartitions, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = _table(catalog, statement.name, database)
    table = tables.load(source, schema)
    new = []
    for given, location in statement.partitions:
        if location:
            _folder_location(location)
        new.append(_partition(table, _values(source, given), location))
    known = [partition["Values"] for partition in catalog.partitions(schema, table.name)]
    present = [partition["Values"] for partition in new if partition["Values"] in known]
    if present and not statement.if_not_exists:
        raise _failed(f"AlreadyExistsException(message:Partition already exists: {present[0]})")
    catalog.add_partitions(schema, table.name, [partition for partition in new if partition["Values"] not in known])
    return NOTHING


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<>": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


def _drop_partitions(statement: hive.DropPartitions, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = _table(catalog, statement.name, database)
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


def _set_location(statement: hive.SetLocation, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = _table(catalog, statement.name, database)
    _folder_location(statement.location)
    if statement.partition is None:
        catalog.update_table(
            schema, {**source, "StorageDescriptor": {**source["StorageDescriptor"], "Location": statement.location}}
        )
        return NOTHING
    partition = _existing(catalog, schema, source, statement.partition)
    descriptor = {**(partition.get("StorageDescriptor") or {}), "Location": statement.location}
    catalog.update_partition(schema, source["Name"], {**partition, "StorageDescriptor": descriptor})
    return NOTHING


def _existing(catalog: Catalog, schema: str, source: dict[str, Any], given: hive.Values) -> dict[str, Any]:
    values = _values(source, given)
    for partition in catalog.partitions(schema, source["Name"]):
        if partition["Values"] == values:
            return partition
    raise QueryError("FAILED", f"SemanticException [Error 10006]: Partition not found {dict(given)}")


def _rename_partition(statement: hive.RenamePartition, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = _table(catalog, statement.name, database)
    partition = _existing(catalog, schema, source, statement.partition)
    catalog.add_partitions(
        schema,
        source["Name"],
        [{"Values": _values(source, statement.to), "StorageDescriptor": partition["StorageDescriptor"]}],
    )
    catalog.drop_partition(schema, source["Name"], partition["Values"])
    return NOTHING


def _add_columns(statement: hive.AddColumns, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = _table(catalog, statement.name, database)
    descriptor = source["StorageDescriptor"]
    present = [] if statement.replace else descriptor["Columns"]
    known = {column["Name"].lower() for column in present + (source.get("PartitionKeys") or [])}
    for column in statement.columns:
        if column.name in known:
            raise _failed(f"Duplicate column name: {column.name}")
    columns = present + [_glue_column(column) for column in statement.columns]
    catalog.update_table(schema, {**source, "StorageDescriptor": {**descriptor, "Columns": columns}})
    return NOTHING


def _set_properties(statement: hive.SetProperties, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema, source = _table(catalog, statement.name, database)
    catalog.update_table(schema, {**source, "Parameters": {**(source.get("Parameters") or {}), **statement.properties}})
    return NOTHING


def _repair_table(statement: hive.RepairTable, catalog: Catalog, database: str, lister: Lister) -> Result:
    """Adds the partitions whose Hive folders hold objects; never takes one away."""
    schema, source = _table(catalog, statement.name, database)
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


# ---- SHOW and DESCRIBE ---------------------------------------------------------------------------------------------


def _show(statement: hive.Show, catalog: Catalog, database: str, lister: Lister) -> Result:
    if statement.what == "databases":
        return ["database_name"], [[name] for name in catalog.databases() if _like(name, statement.pattern)]
    if statement.what in ("tables", "views"):
        schema = _schema(catalog, statement.database or database)
        chosen = [table["Name"] for table in catalog.tables(schema) if statement.what == "tables" or is_view(table)]
        column = "tab_name" if statement.what == "tables" else "views"
        return [column], [[name] for name in chosen if _like(name, statement.pattern)]
    schema, source = _table(catalog, statement.name, database)
    if statement.what == "partitions":
        keys = [key["Name"] for key in source.get("PartitionKeys") or []]
        if not keys:
            raise _failed(f"Table {source['Name']} is not a partitioned table")
        values = sorted(partition["Values"] for partition in catalog.partitions(schema, source["Name"]))
        return ["partition"], [["/".join(map("=".join, zip(keys, one, strict=True)))] for one in values]
    if statement.what == "columns":
        columns = source["StorageDescriptor"]["Columns"] + (source.get("PartitionKeys") or [])
        return ["field"], [[column["Name"]] for column in columns]
    if statement.what == "tblproperties":
        properties = {**(source.get("Parameters") or {})}
        return ["prpt_name", "prpt_value"], [
            [key, value] for key, value in sorted(properties.items()) if statement.pattern in (None, key)
        ]
    if statement.what == "create view" or is_view(source):
        if not is_view(source):
            raise QueryError("NOT_SUPPORTED", f"Relation '{schema}.{source['Name']}' is a table, not a view", (1, 1))
        sql = view_definition(source)["originalSql"]
        return ["Create View"], [[line] for line in f"CREATE VIEW {schema}.{source['Name']} AS\n{sql}".splitlines()]
    return ["createtab_stmt"], [[line] for line in _create_statement(source)]


def _like(name: str, pattern: str | None) -> bool:
    """Hive's patterns: * for anything, | for one or the other."""
    return pattern is None or any(
        fnmatch.fnmatchcase(name, part.replace(".*", "*")) for part in pattern.lower().split("|")
    )


def _create_statement(source: dict[str, Any]) -> list[str]:
    def columns(found: list[dict[str, str]]) -> list[str]:
        lines = [f"  `{column['Name']}` {column.get('Type', 'string')}" + _comment(column) for column in found]
        return [line + ", " for line in lines[:-1]] + [line + ")" for line in lines[-1:]]

    descriptor, keys = source["StorageDescriptor"], source.get("PartitionKeys") or []
    serde = descriptor.get("SerdeInfo") or {}
    lines = [f"CREATE EXTERNAL TABLE `{source['DatabaseName']}.{source['Name']}`(", *columns(descriptor["Columns"])]
    if keys:
        lines += ["PARTITIONED BY ( ", *columns(keys)]
    lines += ["ROW FORMAT SERDE ", f"  '{serde.get('SerializationLibrary', '')}' "]
    if serde.get("Parameters"):
        lines += ["WITH SERDEPROPERTIES ( ", *_pairs(serde["Parameters"])]
    lines += ["STORED AS INPUTFORMAT ", f"  '{descriptor.get('InputFormat', '')}' "]
    lines += [
        "OUTPUTFORMAT ",
        f"  '{descriptor.get('OutputFormat', '')}'",
        "LOCATION",
        f"  '{descriptor.get('Location', '')}'",
    ]
    if source.get("Parameters"):
        lines += ["TBLPROPERTIES (", *_pairs(source["Parameters"])]
    return lines


def _comment(column: dict[str, str]) -> str:
    return f" COMMENT '{column['Comment']}'" if column.get("Comment") else ""


def _pairs(found: dict[str, str]) -> list[str]:
    lines = [f"  '{key}'='{_escaped(value)}'" for key, value in sorted(found.items())]
    return [line + ", " for line in lines[:-1]] + [line + ")" for line in lines[-1:]]


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\x01", "\\001")


def _describe(statement: hive.Describe, catalog: Catalog, database: str, lister: Lister) -> Result:
    """Hive's padded table of columns, the partition keys repeated under their own heading."""
    _, source = _table(catalog, statement.name, database)
    keys = source.get("PartitionKeys") or []
    rows: Rows = [_padded(column) for column in source["StorageDescriptor"]["Columns"] + keys]
    if keys:
        rows += [
            ["", "", ""],
            ["# Partition Information", "", ""],
            ["# col_name".ljust(20), "data_type".ljust(20), "comment".ljust(20)],
            ["", "", ""],
            *[_padded(key) for key in keys],
        ]
    if statement.extended:
        descriptor = source["StorageDescriptor"]
        details = [
            ("Database:", source["DatabaseName"]),
            ("Table Type:", source.get("TableType", "")),
            ("Location:", descriptor.get("Location", "")),
            ("SerDe Library:", (descriptor.get("SerdeInfo") or {}).get("SerializationLibrary", "")),
            ("InputFormat:", descriptor.get("InputFormat", "")),
            ("OutputFormat:", descriptor.get("OutputFormat", "")),
            *sorted((source.get("Parameters") or {}).items()),
        ]
        rows += [["", "", ""], ["# Detailed Table Information", "", ""]]
        rows += [[name.ljust(20), value.ljust(20), ""] for name, value in details]
    return ["col_name", "data_type", "comment"], rows


def _padded(column: dict[str, str]) -> list[str | None]:
    return [column["Name"].ljust(20), column.get("Type", "string").ljust(20), column.get("Comment", "").ljust(20)]


_HANDLERS: dict[type[hive.Statement], Callable[[Any, Catalog, str, Lister], Result]] = {
    hive.CreateDatabase: _create_database,
    hive.DropDatabase: _drop_database,
    hive.CreateTable: _create_table,
    hive.DropTable: _drop_table,
    hive.AddPartitions: _add_partitions,
    hive.DropPartitions: _drop_partitions,
    hive.SetLocation: _set_location,
    hive.RenamePartition: _rename_partition,
    hive.AddColumns: _add_columns,
    hive.SetProperties: _set_properties,
    hive.RepairTable: _repair_table,
    hive.Show: _show,
    hive.Describe: _describe,
}
