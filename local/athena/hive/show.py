"""SHOW and DESCRIBE."""

from __future__ import annotations

import fnmatch
from typing import Any

from local.athena.catalog import Catalog, is_view, view_definition
from local.athena.errors import QueryError
from local.athena.hive import statements
from local.athena.hive.common import Result, Rows, existing_schema, existing_table, failed
from local.athena.tables import Lister

# ---- SHOW and DESCRIBE ---------------------------------------------------------------------------------------------


def show(  # noqa: PLR0911 - one return a thing to show
    statement: statements.Show, catalog: Catalog, database: str, lister: Lister
) -> Result:
    if statement.what == "databases":
        return ["database_name"], [[name] for name in catalog.databases() if _like(name, statement.pattern)]
    if statement.what in ("tables", "views"):
        schema = existing_schema(catalog, statement.database or database)
        chosen = [table["Name"] for table in catalog.tables(schema) if statement.what == "tables" or is_view(table)]
        column = "tab_name" if statement.what == "tables" else "views"
        return [column], [[name] for name in chosen if _like(name, statement.pattern)]
    schema, source = existing_table(catalog, statement.name, database)
    if statement.what == "partitions":
        keys = [key["Name"] for key in source.get("PartitionKeys") or []]
        if not keys:
            raise failed(f"Table {source['Name']} is not a partitioned table")
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


def describe(statement: statements.Describe, catalog: Catalog, database: str, lister: Lister) -> Result:
    """Hive's padded table of columns, the partition keys repeated under their own heading."""
    _, source = existing_table(catalog, statement.name, database)
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
