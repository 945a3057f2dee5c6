"""What an object holds: Parquet, JSON lines or CSV, and its columns (Glue's classifiers).

Parquet is read by DuckDB from the file's footer. CSV and JSON follow Glue's own rules on the sample, because a reader
that is cleverer than Glue's would give types that the real crawler does not.
Source: AWS Glue guide, "Built-in classifiers".
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import duckdb

from local.glue_crawler import delimited
from local.glue_crawler.sample import Sample, UnreadableObjectError, read_sample
from local.glue_crawler.schema import Format, Schema
from local.glue_crawler.types import UNKNOWN, Array, Struct, Type, merge, of_json, to_hive
from local.objects import StoredObject

MOST_RECORDS = 1000


def classify(stored: StoredObject, classifiers: list[delimited.CsvClassifier]) -> Schema | None:
    """The schema of one object, or None where no classifier knows its content.

    Custom classifiers are asked first, in their order. Raises UnreadableObjectError where the object is damaged.
    """
    with stored.path.open("rb") as raw:
        if raw.read(4) == b"PAR1":
            return _parquet(stored)
    sample = read_sample(stored)
    text, records_read = _lines(sample)
    if not text:
        return None
    for classifier in classifiers:
        if found := delimited.infer(text, classifier):
            return _sized(found, sample, stored, records_read)
    found = _json_lines(text) or delimited.infer(text, delimited.BUILT_IN)
    return found and _sized(found, sample, stored, records_read)


def _lines(sample: Sample) -> tuple[list[str], int]:
    """The sample's first complete lines with their line ends, and the bytes they take; none where it is no text.

    Blank lines and the few that hold a NUL byte are left out: a file with many of those is a binary one.
    """
    lines = sample.data.splitlines(keepends=True)
    if not sample.complete and len(lines) > 1:
        lines.pop()
    lines = [line for line in lines[: MOST_RECORDS + 1] if line.strip()]
    text = [line.decode("utf-8-sig", "replace") for line in lines if b"\0" not in line]
    if len(text) < delimited.REGULAR * len(lines):
        return [], 0
    return text, sum(map(len, lines))


def _sized(schema: Schema, sample: Sample, stored: StoredObject, bytes_read: int) -> Schema:
    """The schema with the object's own size and the number of records that its size lets expect."""
    return replace(
        schema,
        format=replace(schema.format, compression=sample.compression),
        records=max(round(schema.records * sample.size / max(bytes_read, 1)), 1),
        size=stored.size,
    )


def _json_lines(lines: list[str]) -> Schema | None:
    columns: dict[str, Type] = {}
    paths: dict[str, None] = {}
    records = 0
    for line in filter(str.strip, lines):
        try:
            record = json.loads(line)
        except ValueError:
            return None
        if not isinstance(record, dict):
            return None
        records += 1
        for name, value in record.items():
            paths[name] = None
            columns[name.lower()] = merge(columns.get(name.lower(), UNKNOWN), of_json(value))
    if not columns:
        return None
    return Schema(Format("json"), columns, records, 0, paths=tuple(paths))


def _parquet(stored: StoredObject) -> Schema:
    try:
        with duckdb.connect() as connection:
            relation = connection.read_parquet(str(stored.path), hive_partitioning=False)
            columns = {
                name.lower(): _from_duckdb(kind) for name, kind in zip(relation.columns, relation.types, strict=True)
            }
            counted = connection.execute("select num_rows from parquet_file_metadata(?)", [str(stored.path)]).fetchone()
    except duckdb.Error as error:
        raise UnreadableObjectError(
            f"{stored.uri} begins as Parquet but cannot be read ({error}); write it again."
        ) from error
    return Schema(Format("parquet"), columns, int(counted[0]) if counted else 0, stored.size)


_HIVE_NAMES = {
    "boolean": "boolean",
    "tinyint": "tinyint",
    "smallint": "smallint",
    "integer": "int",
    "bigint": "bigint",
    "utinyint": "smallint",
    "usmallint": "int",
    "uinteger": "bigint",
    "ubigint": "decimal(20,0)",
    "float": "float",
    "double": "double",
    "date": "date",
    "blob": "binary",
}


def _from_duckdb(kind: Any) -> Type:
    children = dict(kind.children) if kind.id in ("struct", "list", "map", "decimal", "array") else {}
    match kind.id:
        case "struct":
            return Struct(tuple((name.lower(), _from_duckdb(child)) for name, child in children.items()))
        case "list" | "array":
            return Array(_from_duckdb(children["child"]))
        case "map":
            key, value = (to_hive(_from_duckdb(children[part])) for part in ("key", "value"))
            return f"map<{key},{value}>"
        case "decimal":
            return f"decimal({children['precision']},{children['scale']})"
        case name if name.startswith("timestamp"):
            return "timestamp"
        case name:
            return _HIVE_NAMES.get(name, "string")
