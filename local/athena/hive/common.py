"""What the statements on the catalogue share: how they find tables, fail and answer."""

from __future__ import annotations

from typing import Any

from local.athena.catalog import Catalog
from local.athena.errors import QueryError
from local.athena.hive.statements import Name

Rows = list[list[str | None]]
Result = tuple[list[str], Rows]
NOTHING: Result = ([], [])


def failed(message: str) -> QueryError:
    """How Hive's statements fail."""
    return QueryError(
        "FAILED", f"Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. {message}"
    )


def existing_schema(catalog: Catalog, name: str) -> str:
    if not catalog.has_database(name):
        raise QueryError("SCHEMA_NOT_FOUND", f"Schema '{name}' does not exist")
    return name


def existing_table(catalog: Catalog, name: Name, database: str) -> tuple[str, dict[str, Any]]:
    schema = existing_schema(catalog, name[0] or database)
    found = catalog.table(schema, name[1])
    if found is None:
        raise QueryError("TABLE_NOT_FOUND", f"Table 'awsdatacatalog.{schema}.{name[1]}' does not exist")
    return schema, found
