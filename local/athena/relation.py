"""The rows of a table as a DuckDB SELECT over its files, with the values that Athena's reader of that format gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from local.athena.errors import QueryError
from local.athena.tables import Column, Partition, Table
from local.athena.types import Type, quote, text, to_duckdb
from local.athena.types import parse as parse_type
from local.objects import StoredObject

PATH = "$path"

PARQUET, CSV, QUOTED_CSV, JSON = "parquet", "csv", "quoted csv", "json"
_SERDES = {
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe": PARQUET,
    "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe": CSV,
    "org.apache.hadoop.hive.serde2.OpenCSVSerde": QUOTED_CSV,
    "org.openx.data.jsonserde.JsonSerDe": JSON,
    "org.apache.hive.hcatalog.data.JsonSerDe": JSON,
    "org.apache.hadoop.hive.serde2.JsonSerDe": JSON,
}


@dataclass(frozen=True)
class Source:
    """A partition that a query reads, with its files."""

    partition: Partition
    files: tuple[StoredObject, ...]


def file_format(table: Table, partition: Partition) -> str:
    """Which reader a partition needs. Raises QueryError for one that this machine has not."""
    descriptor = partition.descriptor if (partition.descriptor.get("SerdeInfo") or {}) else table.descriptor
    library = (descriptor.get("SerdeInfo") or {}).get("SerializationLibrary") or ""
    if library in _SERDES:
        return _SERDES[library]
    raise QueryError(
        "HIVE_UNSUPPORTED_FORMAT",
        f"Table {table.name} has the SerDe {library or '(none)'}, which is not supported on this machine: "
        "use Parquet, CSV or JSON",
    )


def select(connection: duckdb.DuckDBPyConnection, table: Table, sources: Sequence[Source], with_path: bool) -> str:
    """A SELECT that gives the table's columns, then its partition keys, then "$path" where asked for."""
    parts = [_select_one(connection, table, source, with_path) for source in sources if source.files]
    return "\nUNION ALL ".join(parts) if parts else _nothing(table, with_path)


def _nothing(table: Table, with_path: bool) -> str:
    columns = [f"CAST(NULL AS {to_duckdb(column.type)}) AS {quote(column.name)}" for column in table.all_columns]
    if with_path:
        columns.append(f"CAST(NULL AS VARCHAR) AS {quote(PATH)}")
    return f"SELECT {', '.join(columns)} WHERE false"


def _select_one(connection: duckdb.DuckDBPyConnection, table: Table, source: Source, with_path: bool) -> str:
    reader = {PARQUET: _parquet, CSV: _csv, QUOTED_CSV: _quoted_csv, JSON: _json}[file_format(table, source.partition)]
    relation, expressions = reader(connection, table, source)
    columns = [
        f"{expression} AS {quote(column.name)}" for column, expression in zip(table.columns, expressions, strict=True)
    ]
    for key, value in zip(table.keys, source.partition.values, strict=True):
        columns.append(f"{partition_literal(key, value)} AS {quote(key.name)}")
    if with_path:
        uris = ", ".join(f"{text(str(stored.path))}: {text(stored.uri)}" for stored in source.files)
        columns.append(f"MAP {{{uris}}}[filename] AS {quote(PATH)}")
    return f"SELECT {', '.join(columns)} FROM {relation}"


def partition_literal(key: Column, value: str | None) -> str:
    if value is None:
        return f"CAST(NULL AS {to_duckdb(key.type)})"
    return f"CAST({text(value)} AS {to_duckdb(key.type)})"


def paths(stored: Sequence[StoredObject]) -> str:
    return "[" + ", ".join(text(str(one.path)) for one in stored) + "]"


# ---- Parquet ------------------------------------------------------------------------------------------------------


def _parquet(connection: duckdb.DuckDBPyConnection, table: Table, source: Source) -> tuple[str, list[str]]:
    relation = f"read_parquet({paths(source.files)}, union_by_name=true, hive_partitioning=false)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    present = {str(row[0]).lower(): (str(row[0]), str(row[1])) for row in described}
    expressions = []
    for column in table.columns:
        name, stored = present.get(column.name, ("", ""))
        expressions.append(_parquet_column(column, name, stored, source))
    return relation, expressions


def _parquet_column(column: Column, name: str, stored: str, source: Source) -> str:
    wanted = to_duckdb(column.type)
    if not name:
        return f"CAST(NULL AS {wanted})"
    if stored == wanted:
        return quote(name)
    if column.type.name == "timestamp" and stored == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {quote(name)})"
    if not _readable_as(parse_type(stored), column.type):
        raise QueryError(
            "HIVE_BAD_DATA",
            f"Field {column.name}'s type {stored} in parquet file {source.files[0].uri} is incompatible with type "
            f"{column.type} defined in table schema",
        )
    return f"CAST({quote(name)} AS {wanted})"


def _readable_as(stored: Type, wanted: Type) -> bool:
    if stored.is_number and wanted.is_number:
        return not (stored.is_floating and not wanted.is_floating)
    if stored.name == wanted.name or "unknown" in (stored.name, wanted.name):
        return True
    return {stored.name, wanted.name} in (
        {"varchar", "varbinary"},
        {"varchar", "char"},
        {"timestamp", "timestamp with time zone"},
    )


# ---- text ---------------------------------------------------------------------------------------------------------

_INTEGER = "[+-]?[0-9]+"
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_TIMESTAMP = _DATE + r" [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]{1,9})?"


def _csv(connection: duckdb.DuckDBPyConnection, table: Table, source: Source) -> tuple[str, list[str]]:
    """LazySimpleSerDe: no quotes, a missing field or a value that its type cannot read is NULL, surplus fields are
    dropped."""
    parameters = _serde_parameters(table, source)
    delimiter = parameters.get("field.delim") or parameters.get("serialization.format") or "\x01"
    if delimiter == "1":
        delimiter = "\x01"
    escape = parameters.get("escape.delim", "")
    null = parameters.get("serialization.null.format", "\\N")
    relation = _read_csv(
        table, source, f"delim={text(delimiter)}, quote='', escape={text(escape)}, nullstr={text(null)}"
    )
    return relation, [_lazy(quote(column.name), column.type, table) for column in table.columns]


def _quoted_csv(connection: duckdb.DuckDBPyConnection, table: Table, source: Source) -> tuple[str, list[str]]:
    """OpenCSVSerde: every field is text; numbers are cast, dates are days and timestamps milliseconds since 1970."""
    parameters = _serde_parameters(table, source)
    separator, quotes = parameters.get("separatorchar", ","), parameters.get("quotechar", '"')
    escape = parameters.get("escapechar", quotes)
    # A backslash is the documented default, yet files of any origin double their quotes: both are read as one quote.
    escape = quotes if escape == "\\" else escape
    options = f"delim={text(separator)}, quote={text(quotes)}, escape={text(escape)}, nullstr=chr(0)"
    relation = _read_csv(table, source, options)
    return relation, [_opencsv(quote(column.name), column.type, table) for column in table.columns]


def _serde_parameters(table: Table, source: Source) -> dict[str, str]:
    found = (source.partition.descriptor.get("SerdeInfo") or {}).get("Parameters") or (
        (table.descriptor.get("SerdeInfo") or {}).get("Parameters") or {}
    )
    return {key.lower(): value for key, value in found.items()}


def _read_csv(table: Table, source: Source, options: str) -> str:
    skip = int(
        table.parameters.get("skip.header.line.count")
        or _serde_parameters(table, source).get("skip.header.line.count")
        or 0
    )
    columns = ", ".join(f"{text(column.name)}: 'VARCHAR'" for column in table.columns)
    return (
        f"read_csv({paths(source.files)}, auto_detect=false, header=false, skip={skip}, {options}, strict_mode=false, "
        f"null_padding=true, max_line_size=16777216, hive_partitioning=false, columns={{{columns}}})"
    )


def _lazy(field: str, type_: Type, table: Table) -> str:  # noqa: PLR0911 - one return a type
    """A field of LazySimpleSerDe as its type; what the type cannot read is NULL."""
    wanted = to_duckdb(type_)
    if type_.is_text:
        return field
    if type_.is_integer:
        return f"CASE WHEN regexp_full_match({field}, '{_INTEGER}') THEN TRY_CAST({field} AS {wanted}) END"
    if type_.name == "decimal":
        return f"CASE WHEN regexp_full_match({field}, '{_NUMBER}') THEN TRY_CAST({field} AS {wanted}) END"
    if type_.is_floating:
        pattern = f"{_NUMBER}|[+-]?(NaN|Infinity)"
        return f"CASE WHEN regexp_full_match({field}, '{pattern}') THEN TRY_CAST({field} AS {wanted}) END"
    if type_.name == "boolean":
        return f"CASE lower({field}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    if type_.name == "timestamp":
        return f"CASE WHEN regexp_full_match({field}, '{_TIMESTAMP}') THEN TRY_CAST({field} AS TIMESTAMP) END"
    if type_.name == "date":
        return f"CASE WHEN regexp_full_match({field}, '{_DATE}') THEN TRY_CAST({field} AS DATE) END"
    raise QueryError(
        "NOT_SUPPORTED",
        f"Column type {type_} of the text table {table.name} is not supported on this machine: use JSON or Parquet",
    )


def _opencsv(field: str, type_: Type, table: Table) -> str:
    if type_.is_text:
        return field
    if type_.name == "date":
        return f"DATE '1970-01-01' + CAST({field} AS INTEGER)"
    if type_.name == "timestamp":
        return f"epoch_ms(CAST({field} AS BIGINT))"
    if type_.is_number or type_.name == "boolean":
        return f"CAST({field} AS {to_duckdb(type_)})"
    raise QueryError("NOT_SUPPORTED", f"Column type {type_} is not supported by OpenCSVSerde (table {table.name})")


# ---- JSON ---------------------------------------------------------------------------------------------------------


def _json(connection: duckdb.DuckDBPyConnection, table: Table, source: Source) -> tuple[str, list[str]]:
    """JSON lines: columns by key, a missing key is NULL."""
    parameters = _serde_parameters(table, source)
    ignore = parameters.get("ignore.malformed.json", "false").lower() == "true"
    columns = ", ".join(f"{text(column.name)}: {text(_json_type(column.type))}" for column in table.columns)
    relation = (
        f"read_json({paths(source.files)}, format='newline_delimited', hive_partitioning=false, "
        f"ignore_errors={str(ignore).lower()}, columns={{{columns}}})"
    )
    return relation, [_json_value(quote(column.name), column.type) for column in table.columns]


def _json_type(type_: Type) -> str:
    return "VARCHAR" if type_.name in ("timestamp", "date") else to_duckdb(type_)


def _json_value(field: str, type_: Type) -> str:
    if type_.name == "timestamp":
        # Both spellings are read: Hive's, and ISO 8601 with T and Z as openx's SerDe takes it.
        return f"TRY_CAST(rtrim(replace({field}, 'T', ' '), 'Z') AS TIMESTAMP)"
    if type_.name == "date":
        return f"TRY_CAST({field} AS DATE)"
    return field


SERDE_OF_FORMAT: dict[str, dict[str, Any]] = {
    PARQUET: {
        "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {
            "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
            "Parameters": {},
        },
    },
    CSV: {
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", "Parameters": {}},
    },
    JSON: {
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe", "Parameters": {}},
    },
}
