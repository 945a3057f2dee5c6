"""Result files: written by DuckDB straight to disk, served page by page from the object in S3."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from local.athena import render
from local.athena.query import Prepared
from local.athena.session import Session
from local.athena.types import Type, text

_INTEGER_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_API_NAMES = {
    "real": "float",
    "interval day to second": "interval_day_to_second",
    "interval year to month": "interval_year_to_month",
}


def write_csv(session: Session, prepared: Prepared, path: Path) -> int:
    """Runs a query and writes its rows as Athena does: a header, every field quoted, NULL empty and bare. Returns the
    rows."""
    names = ", ".join(f"c{number}" for number in range(1, len(prepared.columns) + 1))
    header = ", ".join(text(column.name) for column in prepared.columns)
    printed = render.columns([column.type for column in prepared.columns], [column.zone for column in prepared.columns])
    counted = session.connection.execute(
        f"COPY (SELECT {header} UNION ALL SELECT {printed} FROM ({prepared.sql}\n) AS q({names})) TO {text(str(path))} "
        "(FORMAT csv, HEADER false, FORCE_QUOTE *, NULLSTR '')"
    ).fetchone()
    return int(counted[0]) - 1 if counted else 0


def write_lines(rows: list[list[str | None]], path: Path) -> None:
    """The result of a statement on the catalogue: one row a line, its fields separated by tabs."""
    with path.open("w", encoding="utf-8", newline="") as output:
        for row in rows:
            output.write("\t".join(value or "" for value in row) + "\n")


def column_info(name: str, type_: Type) -> dict[str, Any]:
    """A column of GetQueryResults' ResultSetMetadata."""
    precision, scale = 0, 0
    if type_.is_integer:
        precision = _INTEGER_DIGITS[type_.name]
    elif type_.name == "decimal":
        precision, scale = type_.arguments
    elif type_.name in ("varchar", "char"):
        precision = type_.arguments[0] if type_.arguments else 2147483647
    elif type_.is_floating:
        precision = 17
    elif type_.name.startswith("time"):
        precision = 3
    elif type_.name == "varbinary":
        precision = 1073741824
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": _API_NAMES.get(type_.name, type_.name),
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": type_.is_text,
    }


def page(path: Path, is_csv: bool, token: str | None, most: int) -> tuple[list[list[str | None]], str | None]:
    """Up to `most` rows of a result file and the token of the next page, None after the last.

    A token is the place in the file where the page starts. Raises ValueError for one that is not ours.
    """
    offset = int(base64.urlsafe_b64decode(token.encode()).decode()) if token else 0
    rows: list[list[str | None]] = []
    with path.open("rb") as source:
        source.seek(offset)
        reader = _csv_rows(source) if is_csv else _lines(source)
        for row in reader:
            rows.append(row)
            offset = source.tell()
            if len(rows) == most:
                break
        following = source.read(1)
    return rows, base64.urlsafe_b64encode(str(offset).encode()).decode() if following else None


def _lines(source: BinaryIO) -> Iterator[list[str | None]]:
    while line := source.readline():
        yield [line.decode().rstrip("\n")]


def _csv_rows(source: BinaryIO) -> Iterator[list[str | None]]:
    """Rows of a CSV whose fields are all quoted, but for NULL, which is nothing at all."""
    while line := source.readline():
        # An odd number of quotes means that a line break stands inside a field.
        while line.count(b'"') % 2:
            line += source.readline()
        yield _fields(line.decode().removesuffix("\n"))


def _fields(line: str) -> list[str | None]:
    fields: list[str | None] = []
    index = 0
    while True:
        if line[index : index + 1] == '"':
            end = line.index('"', index + 1)
            while line[end + 1 : end + 2] == '"':
                end = line.index('"', end + 2)
            fields.append(line[index + 1 : end].replace('""', '"'))
            index = end + 1
        else:
            fields.append(None)
        if line[index : index + 1] != ",":
            return fields
        index += 1
