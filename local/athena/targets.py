"""Where CREATE TABLE AS, INSERT INTO and UNLOAD write, and in which format; checked before the query runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.athena import relation, statements, tables
from local.athena.catalog import Catalog, is_view
from local.athena.errors import QueryError
from local.athena.relation import CSV, JSON, PARQUET
from local.athena.tables import Lister
from local.objects import split_uri

if TYPE_CHECKING:
    pass

_FORMATS = {"PARQUET": PARQUET, "TEXTFILE": CSV, "JSON": JSON}
_COMPRESSIONS = {
    PARQUET: {
        "GZIP": "gzip", "SNAPPY": "snappy", "ZSTD": "zstd", "LZ4": "lz4_raw", "NONE": "uncompressed",
        "UNCOMPRESSED": "uncompressed",
    },
    CSV: {"GZIP": "gzip", "ZSTD": "zstd", "NONE": "none", "UNCOMPRESSED": "none"},
    JSON: {"GZIP": "gzip", "ZSTD": "zstd", "NONE": "none", "UNCOMPRESSED": "none"},
}  # fmt: skip
_CREATE_PROPERTIES = {
    "external_location", "is_external", "format", "partitioned_by", "bucketed_by", "bucket_count", "write_compression",
    "parquet_compression", "orc_compression", "compression_level", "field_delimiter", "table_type",
}  # fmt: skip


@dataclass
class Target:
    """Where rows go and how they are written. written: the URIs of the files, once they are there.

    columns: the columns that the files hold, by their order in the query; None until the query is known.
    """

    location: str
    format: str
    compression: str
    keys: tuple[str, ...] = ()
    delimiter: str = "\x01"
    database: str = ""
    name: str = ""
    table: tables.Table | None = None
    columns: tuple[str, ...] = ()
    written: list[str] = field(default_factory=list)


# ---- what a statement asks for ------------------------------------------------------------------------------------


def target_of_create(
    statement: statements.CreateTableAs, database: str, name: str, default_location: str, lister: Lister
) -> Target:
    properties = statement.properties
    for unknown in sorted(set(properties) - _CREATE_PROPERTIES):
        raise QueryError(
            "INVALID_TABLE_PROPERTY", f"Catalog 'awsdatacatalog' table property '{unknown}' does not exist", (1, 1)
        )
    if properties.get("bucketed_by") or properties.get("bucket_count"):
        raise QueryError(
            "NOT_SUPPORTED", "Bucketed tables (bucketed_by) are not supported on this machine: leave the property out"
        )
    if str(properties.get("table_type", "HIVE")).upper() != "HIVE":
        raise QueryError(
            "NOT_SUPPORTED", f"Tables of type {properties['table_type']} are not supported on this machine: use HIVE"
        )
    location = folder(str(properties.get("external_location", default_location)))
    _refuse_filled(location, f"table '{database}.{name}'", lister)
    format_ = _format(properties, "PARQUET")
    keys = tuple(key.lower() for key in properties.get("partitioned_by", []))
    compression = properties.get("write_compression") or properties.get("parquet_compression") or "GZIP"
    return Target(
        location,
        format_,
        _compression(format_, compression),
        keys,
        str(properties.get("field_delimiter", "\x01")),
        database,
        name,
    )


def target_of_unload(statement: statements.Unload, lister: Lister) -> Target:
    if "format" not in statement.properties:
        raise QueryError(
            "INVALID_TABLE_PROPERTY", "UNLOAD needs the property format: WITH (format = 'PARQUET')", (1, 1)
        )
    location = folder(statement.location)
    _refuse_filled(location, "UNLOAD", lister)
    format_ = _format(statement.properties, "")
    return Target(
        location,
        format_,
        _compression(format_, statement.properties.get("compression", "GZIP")),
        tuple(key.lower() for key in statement.properties.get("partitioned_by", [])),
        str(statement.properties.get("field_delimiter", "\x01")),
    )


def target_of_insert(catalog: Catalog, database: str, name: str, columns: tuple[str, ...]) -> Target:
    source = catalog.table(database, name)
    if source is None:
        raise QueryError("TABLE_NOT_FOUND", f"Table 'awsdatacatalog.{database}.{name}' does not exist", (1, 1))
    if is_view(source):
        raise QueryError("NOT_SUPPORTED", "Inserting into views is not supported", (1, 1))
    table = tables.load(source, database)
    format_ = relation.file_format(table, tables.Partition((), table.location, {}))
    if format_ not in _COMPRESSIONS:
        raise QueryError("NOT_SUPPORTED", f"Table {name} is read by a SerDe that Athena does not write with")
    known = [column.name for column in table.all_columns]
    for column in columns:
        if column not in known:
            raise QueryError("COLUMN_NOT_FOUND", f"Insert column name does not exist in target table: {column}", (1, 1))
    parameters = table.parameters
    compression = parameters.get("write.compression") or parameters.get("parquet.compression") or "GZIP"
    serde = (table.descriptor.get("SerdeInfo") or {}).get("Parameters") or {}
    return Target(
        folder(table.location),
        format_,
        _compression(format_, compression if format_ == PARQUET else parameters.get("write.compression", "NONE")),
        tuple(key.name for key in table.keys),
        serde.get("field.delim", "\x01"),
        database,
        name,
        table,
        columns or tuple(known),
    )


def folder(location: str) -> str:
    try:
        split_uri(location)
    except ValueError as error:
        raise QueryError("INVALID_TABLE_PROPERTY", str(error)) from error
    return location if location.endswith("/") else location + "/"


def _refuse_filled(location: str, what: str, lister: Lister) -> None:
    bucket, prefix = split_uri(location)
    try:
        filled = bool(lister(bucket, prefix))
    except LookupError as error:
        raise QueryError("HIVE_FILESYSTEM_ERROR", f"The specified bucket does not exist: {bucket}") from error
    if filled:
        raise QueryError(
            "HIVE_PATH_ALREADY_EXISTS",
            f"Target directory for {what} already exists: {location}. You may need to manually clean the data at "
            f"location '{location}' before retrying. Athena will not delete data in your account.",
        )


def _format(properties: dict[str, Any], default: str) -> str:
    name = str(properties.get("format", default)).upper()
    if name not in _FORMATS:
        raise QueryError(
            "NOT_SUPPORTED", f"Format {name!r} cannot be written on this machine: use PARQUET, TEXTFILE or JSON"
        )
    return _FORMATS[name]


def _compression(format_: str, name: Any) -> str:
    known = _COMPRESSIONS[format_]
    if str(name).upper() not in known:
        raise QueryError(
            "INVALID_TABLE_PROPERTY", f"Compression {name!r} cannot be written: use one of {', '.join(sorted(known))}"
        )
    return known[str(name).upper()]
