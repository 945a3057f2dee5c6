"""CSV as Glue's classifiers see it: delimiter, header, column types.

Sources: AWS Glue guide, "Built-in CSV classifier" (delimiters, the least of columns and rows, when a first row is a
header, LazySimpleSerDe whatever the quoting) and "Writing CSV custom classifiers" (OpenCSVSerDe on request).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from local.glue_crawler.schema import Format, Schema
from local.glue_crawler.types import UNKNOWN, Type, of_text

DELIMITERS = (",", "|", "\t", ";", "\x01")
LONGEST_NAME = 150
# Of all rows this share has to have the same number of fields, else the text is not taken for a table.
REGULAR = 0.9
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f]+")


@dataclass(frozen=True)
class CsvClassifier:
    """A custom classifier's wishes; what is empty is found out.

    header: PRESENT, ABSENT or UNKNOWN. names: column names instead of the header's.
    serde: OpenCSVSerDe reads quoted fields but knows strings alone, so its columns are strings.
    """

    delimiter: str = ""
    quote: str = '"'
    header: str = "UNKNOWN"
    names: tuple[str, ...] = ()
    single_column: bool = False
    serde: str = "None"

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any]) -> CsvClassifier:
        """From the `CsvClassifier` of Glue's GetClassifier."""
        return cls(
            delimiter=definition.get("Delimiter") or "",
            quote=definition.get("QuoteSymbol") or '"',
            header=definition.get("ContainsHeader") or "UNKNOWN",
            names=tuple(definition.get("Header") or ()),
            single_column=bool(definition.get("AllowSingleColumn")),
            serde=definition.get("Serde") or "None",
        )


BUILT_IN = CsvClassifier()


def infer(lines: list[str], classifier: CsvClassifier) -> Schema | None:
    """The schema of these lines, or None where they are no table of at least two columns and two rows."""
    candidates = (classifier.delimiter,) if classifier.delimiter else DELIMITERS
    tables = [_rows(lines, delimiter, classifier) for delimiter in candidates]
    rows, delimiter = max(tables, key=lambda table: len(table[0][0]) if table[0] else 0)
    if len(rows) < 2:
        return None
    header = classifier.header == "PRESENT" or (classifier.header == "UNKNOWN" and _has_header(rows))
    data = rows[1:] if header else rows
    width = len(rows[0])
    names = classifier.names or (rows[0] if header else [f"col{number}" for number in range(width)])
    columns: dict[str, Type] = {}
    for number, (name, values) in enumerate(zip(names, zip(*data, strict=True), strict=False)):
        columns[_column_name(name, number, columns)] = of_text(values)
    quote = classifier.quote if classifier.serde == "OpenCSVSerDe" else ""
    if quote:
        columns = dict.fromkeys(columns, "string")
    return Schema(Format("csv", delimiter=delimiter, header=header, quote=quote), columns, len(data), 0)


def _rows(lines: list[str], delimiter: str, classifier: CsvClassifier) -> tuple[list[list[str]], str]:
    """The first row and all that have the usual number of fields; none where the delimiter does not make a table."""
    rows = [row for line in lines if any(row := _fields(line, delimiter, classifier.quote))]
    width, count = Counter(map(len, rows)).most_common(1)[0] if rows else (0, 0)
    if width < (1 if classifier.single_column else 2) or count < REGULAR * len(rows):
        return [], delimiter
    first = (rows[0] + [""] * width)[:width]
    return [first, *(row for row in rows[1:] if len(row) == width)], delimiter


def _fields(line: str, delimiter: str, quote: str) -> list[str]:
    """The fields of one line: a quote that is not closed ends with it, as it does for Athena."""
    try:
        return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter, quotechar=quote), [])
    except csv.Error:
        return [line]


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names the columns: all of it text, and a later row that is not."""
    first, others = rows[0], rows[1:]
    for name in first[:-1]:
        if of_text([name]) != "string" or len(name) >= LONGEST_NAME:
            return False
    if of_text(first[-1:]) not in ("string", UNKNOWN):
        return False
    return any(of_text([value]) not in ("string", UNKNOWN) for row in others for value in row)


def _column_name(name: str, number: int, taken: Container[str]) -> str:
    """Lower case, without spaces around and control characters within; `col<number>` where there is no name yet."""
    clean = _NOT_IN_NAMES.sub("_", name.strip()).lower() or f"col{number}"
    return f"{clean}_{number}" if clean in taken else clean
