"""CREATE TABLE AS, INSERT INTO and UNLOAD: rows to files, files to S3, partitions to the catalogue."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.athena import render, tables
from local.athena.errors import QueryError
from local.athena.query import Column, Prepared
from local.athena.relation import CSV, JSON, PARQUET, SERDE_OF_FORMAT
from local.athena.targets import Target, folder
from local.athena.types import Type, quote, text, to_duckdb, to_hive
from local.objects import split_uri

if TYPE_CHECKING:
    from local.athena.engine import Run

MOST_PARTITIONS = 100
_ENDINGS = {"gzip": ".gz", "zstd": ".zst", "none": ""}


def create_table_as(run: Run, prepared: Prepared, target: Target, with_data: bool) -> int:
    names = checked_names(prepared.columns)
    _keys_last(names, target.keys)
    target.columns = names
    types = dict(zip(names, (column.type for column in prepared.columns), strict=True))
    for name, type_ in types.items():
        _storable(name, type_)
    rows, partitions = _write(run, prepared.sql, names, types, target) if with_data else (0, [])
    serde = SERDE_OF_FORMAT[target.format]
    parameters = (
        {"field.delim": target.delimiter, "serialization.format": target.delimiter} if target.format == CSV else {}
    )
    run.catalog.create_table(
        target.database,
        {
            "Name": target.name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {
                "EXTERNAL": "TRUE",
                "has_encrypted_data": "false",
                "classification": target.format,
                "auto.purge": "false",
            },
            "PartitionKeys": [{"Name": key, "Type": to_hive(types[key])} for key in target.keys],
            "StorageDescriptor": {
                **serde,
                "SerdeInfo": {**serde["SerdeInfo"], "Parameters": parameters},
                "Columns": [{"Name": name, "Type": to_hive(types[name])} for name in names if name not in target.keys],
                "Location": target.location,
            },
        },
    )
    _register(run, target, partitions)
    return rows


def insert(run: Run, prepared: Prepared, target: Target) -> int:
    assert target.table is not None
    types = {column.name: column.type for column in target.table.all_columns}
    wanted = [types[name] for name in target.columns]
    given = [column.type for column in prepared.columns]
    if len(wanted) != len(given) or not all(map(_assignable, given, wanted)):
        raise QueryError(
            "TYPE_MISMATCH",
            f"Insert query has mismatched column types: Table: [{', '.join(map(str, wanted))}], "
            f"Query: [{', '.join(map(str, given))}]",
            (1, 1),
        )
    given_names = ", ".join(quote(name) for name in target.columns)
    columns = ", ".join(
        quote(name) if name in target.columns else f"CAST(NULL AS {to_duckdb(type_)}) AS {quote(name)}"
        for name, type_ in types.items()
    )
    names = tuple(types)
    rows, partitions = _write(
        run, f"SELECT {columns} FROM ({prepared.sql}\n) AS given({given_names})", names, types, target
    )
    _register(run, target, partitions)
    return rows


def unload(run: Run, prepared: Prepared, target: Target) -> int:
    names = checked_names(prepared.columns)
    _keys_last(names, target.keys)
    target.columns = names
    types = dict(zip(names, (column.type for column in prepared.columns), strict=True))
    for name, type_ in types.items():
        _storable(name, type_)
    rows, _ = _write(run, prepared.sql, names, types, target)
    return rows


def checked_names(columns: Sequence[Column]) -> tuple[str, ...]:
    """The names of a query's columns, as a table or view needs them. Raises QueryError."""
    names = tuple(column.name.lower() for column in columns)
    for number, name in enumerate(names, 1):
        if not name or name.startswith("_col"):
            raise QueryError("MISSING_COLUMN_NAME", f"Column name not specified at position {number}", (1, 1))
        if names.count(name) > 1:
            raise QueryError("DUPLICATE_COLUMN_NAME", f"Column name '{name}' specified more than once", (1, 1))
    return names


def _keys_last(names: tuple[str, ...], keys: tuple[str, ...]) -> None:
    for key in keys:
        if key not in names:
            raise QueryError("INVALID_TABLE_PROPERTY", f"Partition columns {list(keys)} not present in schema")
    if keys and names[-len(keys) :] != keys:
        raise QueryError(
            "HIVE_COLUMN_ORDER_MISMATCH",
            "Partition keys must be the last columns in the table and in the same order as the table properties: "
            f"[{', '.join(keys)}]",
        )
    if keys and len(names) == len(keys):
        raise QueryError("INVALID_TABLE_PROPERTY", "Table contains only partition columns")


def _storable(name: str, type_: Type) -> None:
    if type_.name == "unknown":
        raise QueryError("COLUMN_TYPE_UNKNOWN", f"Column type is unknown: {name}", (1, 1))
    if type_.name in ("timestamp with time zone", "time", "time with time zone", "json") or type_.name.startswith(
        "interval"
    ):
        raise QueryError("NOT_SUPPORTED", f"Unsupported Hive type: {type_} of column {name}: cast it")
    for child in type_.children:
        _storable(name, child)


_WIDER = {"tinyint": 0, "smallint": 1, "integer": 2, "bigint": 3, "decimal": 4, "real": 5, "double": 6}


def _assignable(given: Type, wanted: Type) -> bool:
    if given.name in ("unknown", wanted.name) or (given.is_text and wanted.is_text):
        return True
    if given.is_number and wanted.is_number:
        return _WIDER[given.name] <= _WIDER[wanted.name]
    return given.name == "date" and wanted.name == "timestamp"


# ---- files --------------------------------------------------------------------------------------------------------

Values = tuple[str | None, ...]


def _write(
    run: Run, sql: str, names: tuple[str, ...], types: dict[str, Type], target: Target
) -> tuple[int, list[Values]]:
    """Writes the rows of a query, one file a partition, and uploads the files when all are written."""
    connection = run.session.connection
    casts = ", ".join(f"CAST({quote(name)} AS {to_duckdb(types[name])}) AS {quote(name)}" for name in names)
    given = f"SELECT {casts} FROM ({sql}\n) AS given({', '.join(map(quote, names))})"
    if not target.keys:
        rows = _copy(run, given, types, target, 0)
        if rows:
            _upload(run, 0, target, target.location)
        return rows, []
    connection.execute(f"CREATE TEMP TABLE staged AS {given}")
    keys = ", ".join(map(quote, target.keys))
    printed = ", ".join(_key_text(quote(key), types[key]) for key in target.keys)
    partitions: list[Values] = connection.execute(
        f"SELECT DISTINCT {printed}, {keys} FROM staged ORDER BY ALL"
    ).fetchall()
    partitions = [tuple(row[: len(target.keys)]) for row in partitions]
    if len(partitions) > MOST_PARTITIONS:
        raise QueryError(
            "HIVE_TOO_MANY_OPEN_PARTITIONS", f"Exceeded limit of {MOST_PARTITIONS} open writers for partitions/buckets"
        )
    columns = tuple(name for name in names if name not in target.keys)
    rows = 0
    for number, values in enumerate(partitions):
        conditions = [
            f"{_key_text(quote(key), types[key])} IS NOT DISTINCT FROM {'NULL' if value is None else text(value)}"
            for key, value in zip(target.keys, values, strict=True)
        ]
        chosen = f"SELECT {', '.join(map(quote, columns))} FROM staged WHERE {' AND '.join(conditions)}"
        rows += _copy(run, chosen, {name: types[name] for name in columns}, target, number)
        run.check()
    for number, values in enumerate(partitions):
        _upload(run, number, target, _partition_location(run, target, types, values))
    return rows, partitions


def _key_text(expression: str, type_: Type) -> str:
    if type_.name == "timestamp":
        return f"strftime({expression}, '%Y-%m-%d %H:%M:%S.%g')"
    return f"CAST({expression} AS VARCHAR)"


def _copy(run: Run, sql: str, types: dict[str, Type], target: Target, number: int) -> int:
    """Writes rows of these columns into the part of this number; returns how many."""
    path = text(str(run.work / f"part-{number}"))
    if target.format == PARQUET:
        options = f"FORMAT parquet, COMPRESSION {target.compression}"
    elif target.format == JSON:
        sql = f"SELECT {', '.join(_json_field(quote(name), types[name]) for name in types)} FROM ({sql})"
        options = f"FORMAT json, COMPRESSION {target.compression}"
    else:
        fields = f" || {text(target.delimiter)} || ".join(
            f"coalesce({render.as_text(quote(name), types[name])}, '\\N')" for name in types
        )
        sql = f"SELECT {fields} FROM ({sql})"
        options = f"FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x00', COMPRESSION {target.compression}"
    counted = run.session.connection.execute(f"COPY ({sql}) TO {path} ({options})").fetchone()
    return int(counted[0]) if counted else 0


def _json_field(name: str, type_: Type) -> str:
    if type_.name in ("timestamp", "varbinary"):
        return f"{render.as_text(name, type_)} AS {name}"
    return name


def _partition_location(run: Run, target: Target, types: dict[str, Type], values: Values) -> str:
    """A partition that the catalogue has keeps its location; a new one gets Hive's."""
    if target.table is not None:
        for partition in target.table.partitions(run.catalog):
            if partition.values == values:
                return folder(partition.location)
    keys = tuple(tables.Column(key, types[key]) for key in target.keys)
    return tables.partition_location(target.location, keys, values)


def _upload(run: Run, number: int, target: Target, location: str) -> None:
    bucket, prefix = split_uri(location)
    ending = ".parquet" if target.format == PARQUET else _ENDINGS[target.compression]
    name = f"{datetime.now(UTC):%Y%m%d_%H%M%S}_{number:05d}_{run.request.id[:5]}_{uuid.uuid4()}{ending}"
    run.check()
    run.s3.upload_file(str(run.work / f"part-{number}"), bucket, prefix + name)
    target.written.append(f"s3://{bucket}/{prefix}{name}")


def _register(run: Run, target: Target, partitions: list[Values]) -> None:
    if not partitions:
        return
    table = target.table or tables.load(run.catalog.table(target.database, target.name) or {}, target.database)
    known = {partition.values for partition in table.partitions(run.catalog)}
    new = [
        {
            "Values": [tables.DEFAULT_PARTITION if value is None else value for value in values],
            "StorageDescriptor": {
                **table.descriptor,
                "Location": tables.partition_location(table.location, table.keys, values),
            },
        }
        for values in partitions
        if values not in known
    ]
    if new and table.parameters.get("projection.enabled", "").lower() != "true":
        run.catalog.add_partitions(target.database, target.name, new)
