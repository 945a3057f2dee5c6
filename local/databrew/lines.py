"""Reads a dataset's CSV into the table `data`, line by line.

A line ends at a line feed, with or without a carriage return before it; a quoted field ends within its line. So a quote
that is never closed costs one line, not the rest of the file. DuckDB's own CSV reader divides the file into lines and
SQL divides a line into fields: with the fields left to that reader, line ends of two kinds in one file are an error.
"""

from __future__ import annotations

import re

from local.databrew.source import Source, is_gzip
from local.databrew.statement import Query, identifier, literal

BYTE_ORDER_MARK = "\ufeff"


def load(query: Query, source: Source, rows: int | None) -> tuple[int, int]:
    """Makes `data` of the source's rows, at most `rows`; returns the number of rows, and of lines that are none.

    Blank lines and headers are neither. A line is no row if it has another number of fields than the header, a quote
    that is not closed, a NUL byte, or bytes that are not UTF-8.
    """
    fields = [f"field{number}" for number in range(len(source.columns))]
    for number, gzipped in enumerate(sorted({is_gzip(stored) for stored in source.objects})):
        paths = [literal(str(stored.path)) for stored in source.objects if is_gzip(stored) is gzipped]
        select = _select(_read(paths, source.delimiter, gzipped), source, fields)
        query(f"INSERT INTO lines {select}" if number else f"CREATE TABLE lines AS {select}")
    columns = ", ".join(f"{field} AS {identifier(name)}" for field, name in zip(fields, source.columns, strict=True))
    select = f"SELECT {columns} FROM lines WHERE is_row"
    query(f"CREATE VIEW data AS {select}" if rows is None else f"CREATE TABLE data AS {select} LIMIT {rows}")
    ((loaded,),) = query("SELECT count(*) FROM data")
    ((no_rows,),) = query("SELECT count(*) FROM lines WHERE NOT is_row")
    ((rejected,),) = query("SELECT count(DISTINCT (scan_id, file_id, line)) FROM reject_errors")
    return loaded, no_rows + rejected


def _read(paths: list[str], delimiter: str, gzipped: bool) -> str:
    """Reads files as a column of lines: the delimiter is a character that is in no text."""
    options = {
        "auto_detect": "false",
        "columns": "{'line': 'VARCHAR'}",
        "header": "false",
        "delim": literal("\x02" if delimiter == "\x01" else "\x01"),
        "quote": "''",
        "escape": "''",
        "compression": "'gzip'" if gzipped else "'none'",
        # A strict reader refuses a file with line ends of two kinds.
        "strict_mode": "false",
        "store_rejects": "true",
        "rejects_limit": "0",
    }
    return f"read_csv([{', '.join(paths)}], {', '.join(f'{name} = {value}' for name, value in options.items())})"


def _select(read: str, source: Source, fields: list[str]) -> str:
    """Selects the fields of every line that is not blank; `is_row` is false if it is no row, null if it is a header."""
    mark = literal(BYTE_ORDER_MARK)
    values = ", ".join(f"nullif(fields[{number}], '') AS {field}" for number, field in enumerate(fields, 1))
    header = " AND ".join(f"fields[{number}] = {literal(name)}" for number, name in enumerate(source.columns, 1))
    is_row = f"CASE WHEN {header} THEN NULL ELSE fields IS NOT NULL END" if source.header else "fields IS NOT NULL"
    # Headers are marked and not filtered out: as a filter, DuckDB would divide every line once per column.
    return f"""
        SELECT {values}, {is_row} AS is_row
        FROM (
          SELECT CASE WHEN len(divided) = {len(fields)} AND NOT contains(line, chr(0)) THEN divided END AS fields
          FROM (
            SELECT line, {_divided(source.delimiter)} AS divided
            FROM (
              SELECT CASE WHEN starts_with(line, {mark}) THEN ltrim(line, {mark}) ELSE line END AS line FROM {read}
            )
            WHERE trim(line, ' \t\r') != ''
          )
        )
    """


def _divided(delimiter: str) -> str:
    """Divides `line` into the list of its fields; null if its quotes are not those of CSV."""
    escaped = re.escape(delimiter)
    plain = f'(?:"[^"{escaped}]*"|[^"{escaped}]*)'
    field = f'"(?:[^"]|"")*"|(?:[^"{escaped}][^{escaped}]*)?'
    line = literal(f"(?:{field})(?:{escaped}(?:{field}))*")
    quotes = "length(line) - length(replace(line, '\"', ''))"
    return f"""
        CASE
          WHEN NOT contains(line, '"') THEN string_split(line, {literal(delimiter)})
          -- A match without captures, then a split, is many times as fast as the captures below.
          WHEN regexp_full_match(line, {literal(f"{plain}(?:{escaped}{plain})*")})
            THEN string_split(replace(line, '"', ''), {literal(delimiter)})
          WHEN ({quotes}) % 2 = 0 AND regexp_full_match(line, {line}) THEN list_transform(
            regexp_extract_all({literal(delimiter)} || line, {literal(f"{escaped}({field})")}, 1),
            lambda value: CASE
              WHEN starts_with(value, '"') THEN replace(substr(value, 2, length(value) - 2), '""', '"') ELSE value
            END
          )
        END
    """
