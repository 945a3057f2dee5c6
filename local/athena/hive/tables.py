"""CREATE and DROP of databases, tables and views."""

from __future__ import annotations

from typing import Any

from local.athena.catalog import Catalog, is_view
from local.athena.errors import QueryError
from local.athena.hive import statements
from local.athena.hive.common import NOTHING, Result, existing_schema, failed
from local.athena.relation import CSV, JSON, PARQUET, SERDE_OF_FORMAT
from local.athena.tables import Lister
from local.athena.types import to_hive
from local.objects import split_uri

# ---- databases ----------------------------------------------------------------------------------------------------


def create_database(statement: statements.CreateDatabase, catalog: Catalog, database: str, lister: Lister) -> Result:
    if catalog.has_database(statement.name):
        if not statement.if_not_exists:
            raise failed(f"Database {statement.name} already exists")
        return NOTHING
    catalog.create_database(statement.name, statement.comment, statement.location, statement.properties)
    return NOTHING


def drop_database(statement: statements.DropDatabase, catalog: Catalog, database: str, lister: Lister) -> Result:
    if not catalog.has_database(statement.name):
        if not statement.if_exists:
            raise failed(f"Database does not exist: {statement.name}")
        return NOTHING
    if catalog.tables(statement.name) and not statement.cascade:
        raise failed(
            f"Database {statement.name} is not empty. One or more tables exist; drop them first, or add CASCADE"
        )
    for table in catalog.tables(statement.name):
        catalog.drop_table(statement.name, table["Name"])
    catalog.drop_database(statement.name)
    return NOTHING


# ---- tables -------------------------------------------------------------------------------------------------------

_STORED_AS = {"textfile": CSV, "parquet": PARQUET, "parquetfile": PARQUET, "json": JSON, "jsonfile": JSON}


def create_table(statement: statements.CreateTable, catalog: Catalog, database: str, lister: Lister) -> Result:
    schema = existing_schema(catalog, statement.name[0] or database)
    if catalog.table(schema, statement.name[1]):
        if not statement.if_not_exists:
            raise failed(f"AlreadyExistsException(message:Table {statement.name[1]} already exists)")
        return NOTHING
    if not statement.location:
        raise QueryError("FAILED", "SemanticException: No location was given; add LOCATION 's3://bucket/folder/'")
    folder_location(statement.location)
    names = [column.name for column in statement.columns + statement.keys]
    for name in names:
        if names.count(name) > 1:
            raise QueryError(
                "FAILED", f"SemanticException: Column {name} stands more than once in columns and partition keys"
            )
    catalog.create_table(schema, _glue_table(statement))
    return NOTHING


def _glue_table(statement: statements.CreateTable) -> dict[str, Any]:
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
        "PartitionKeys": [glue_column(column) for column in statement.keys],
        "StorageDescriptor": {
            "Columns": [glue_column(column) for column in statement.columns],
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


def glue_column(column: statements.ColumnDefinition) -> dict[str, str]:
    found = {"Name": column.name, "Type": to_hive(column.type)}
    return {**found, "Comment": column.comment} if column.comment else found


def folder_location(location: str) -> str:
    try:
        split_uri(location)
    except ValueError as error:
        raise QueryError("FAILED", str(error)) from error
    return location


def drop_table(statement: statements.DropTable, catalog: Catalog, database: str, lister: Lister) -> Result:
    """Takes the table or view out of the catalogue; the data stays, as with every external table."""
    schema, name = statement.name[0] or database, statement.name[1]
    found = catalog.table(schema, name) if catalog.has_database(schema) else None
    what = "View" if statement.view else "Table"
    if found is None:
        if not statement.if_exists:
            raise QueryError(f"{what.upper()}_NOT_FOUND", f"{what} '{schema}.{name}' does not exist", (1, 1))
        return NOTHING
    if is_view(found) and not statement.view:
        raise failed(f"Cannot drop a view with DROP TABLE: {schema}.{name}; use DROP VIEW")
    if statement.view and not is_view(found):
        raise QueryError("TABLE_NOT_FOUND", f"'{schema}.{name}' is a table, not a view; use DROP TABLE", (1, 1))
    catalog.drop_table(schema, name)
    return NOTHING
