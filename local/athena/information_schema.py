"""The tables of information_schema: the catalogue as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from local.athena import tables
from local.athena.catalog import CATALOG, Catalog, is_view, view_definition
from local.athena.sql.model import TableSource
from local.athena.types import BIGINT, VARCHAR, Type, quote, text, to_duckdb

NAME = "information_schema"
Row = tuple[str | int | None, ...]


def find(catalog: Catalog, name: str) -> TableSource | None:
    """One of the tables as a list of values, or None where there is none of that name."""
    if name not in _TABLES:
        return None
    columns, rows = _TABLES[name]
    listed = list(rows(catalog)) or [(None,) * len(columns)]
    values = ", ".join(f"({', '.join(map(_literal, row))})" for row in listed)
    names = ", ".join(quote(column) for column, _ in columns)
    casts = ", ".join(f"CAST({quote(column)} AS {to_duckdb(type_)}) AS {quote(column)}" for column, type_ in columns)
    return TableSource(
        f"(SELECT {casts} FROM (VALUES {values}) AS v({names}) WHERE {quote(columns[0][0])} IS NOT NULL)", columns
    )


def _literal(value: str | int | None) -> str:
    return "NULL" if value is None else str(value) if isinstance(value, int) else text(value)


def _schemata(catalog: Catalog) -> Iterator[Row]:
    for database in catalog.databases():
        yield CATALOG, database


def _all_tables(catalog: Catalog) -> Iterator[Row]:
    for database in catalog.databases():
        for source in catalog.tables(database):
            yield CATALOG, database, source["Name"], "VIEW" if is_view(source) else "BASE TABLE"


def _views(catalog: Catalog) -> Iterator[Row]:
    for database in catalog.databases():
        for source in filter(is_view, catalog.tables(database)):
            yield CATALOG, database, source["Name"], view_definition(source)["originalSql"]


def _columns(catalog: Catalog) -> Iterator[Row]:
    for database in catalog.databases():
        for source in catalog.tables(database):
            table = tables.load(source, database)
            for number, column in enumerate(table.all_columns, 1):
                extra = "partition key" if column in table.keys else None
                yield CATALOG, database, table.name, column.name, number, None, "YES", str(column.type), extra


def _texts(*names: str) -> tuple[tuple[str, Type], ...]:
    return tuple((name, BIGINT if name == "ordinal_position" else VARCHAR) for name in names)


_TABLES: dict[str, tuple[tuple[tuple[str, Type], ...], Callable[[Catalog], Iterator[Row]]]] = {
    "schemata": (_texts("catalog_name", "schema_name"), _schemata),
    "tables": (_texts("table_catalog", "table_schema", "table_name", "table_type"), _all_tables),
    "views": (_texts("table_catalog", "table_schema", "table_name", "view_definition"), _views),
    "columns": (
        _texts(
            "table_catalog", "table_schema", "table_name", "column_name", "ordinal_position", "column_default",
            "is_nullable", "data_type", "extra_info",
        ),
        _columns,
    ),
}  # fmt: skip
