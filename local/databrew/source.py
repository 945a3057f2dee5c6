"""A dataset's objects in S3, and how its CSV is to be read.

Source: "Connecting data in multiple files in Amazon S3", DataBrew developer guide: a key is one object, a folder where
it ends in a slash, and what stands between < and > in it is a regular expression.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from local import objects
from local.api_errors import ApiError
from local.objects import BucketNotFoundError, StoredObject

HEADER_BYTES = 1 << 20
_EXPRESSION = re.compile(r"<([^<>]*)>")


class SourceError(ValueError):
    """The dataset cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Source:
    """What a run reads: objects of the same columns. `left_out` says of each other object why it is not read."""

    objects: list[StoredObject]
    columns: list[str]
    delimiter: str
    header: bool
    left_out: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes as they are stored."""
        return sum(stored.size for stored in self.objects)


def check(dataset: Mapping[str, Any]) -> None:
    """Raises ApiError where the local platform cannot read a dataset so defined."""
    location = dataset["Input"].get("S3InputDefinition")
    if not location or not location.get("Key"):
        raise ApiError("ValidationException", "The local platform reads datasets from S3: give a bucket and a key.")
    if dataset.get("Format", "CSV") != "CSV":
        raise ApiError("ValidationException", f"The local platform profiles CSV, not {dataset['Format']}.")
    if dataset.get("PathOptions"):
        raise ApiError("ValidationException", "The local platform knows no PathOptions; use <regular expressions>.")
    try:
        _pattern(location["Key"])
    except re.error as error:
        raise ApiError("ValidationException", f"The key {location['Key']!r} does not read: {error}.") from error


def find(dataset: Mapping[str, Any]) -> Source:
    """The source of a dataset as it is now. Raises SourceError."""
    location = dataset["Input"]["S3InputDefinition"]
    uri = f"s3://{location['Bucket']}/{location['Key']}"
    pattern = _pattern(location["Key"])
    try:
        listed = objects.list_objects(location["Bucket"], _EXPRESSION.split(location["Key"], maxsplit=1)[0])
    except BucketNotFoundError as error:
        raise SourceError(f"There is no bucket {location['Bucket']}; correct the dataset {dataset['Name']}.") from error
    found = [stored for stored in listed if pattern.fullmatch(stored.key) and stored.size]
    if not found:
        raise SourceError(f"{uri} is no object with anything in it; upload the data, or correct {dataset['Name']}.")
    options = (dataset.get("FormatOptions") or {}).get("Csv") or {}
    delimiter = options.get("Delimiter") or ","
    header = options.get("HeaderRow", True)
    rows: dict[StoredObject, list[str]] = {}
    left_out = []
    for stored in found:
        try:
            rows[stored] = _first_row(stored, delimiter)
        except SourceError as error:
            left_out.append(str(error))
    if not rows:
        raise SourceError(left_out[0])
    first, columns = _most_common_header(rows, header)
    alike = [stored for stored, row in rows.items() if row == columns or _goes_on(row, columns, header)]
    for stored in rows.keys() - set(alike):
        left_out.append(f"{stored.uri} has other columns ({delimiter.join(rows[stored])[:200]}) than {first.uri}.")
    if not header:
        columns = [f"Column_{number}" for number in range(1, len(columns) + 1)]
    if len(set(map(str.lower, columns))) < len(columns):
        raise SourceError(f"{first.uri} has two columns of one name: {delimiter.join(columns)[:200]}.")
    return Source(alike, columns, delimiter, header, sorted(left_out))


def _most_common_header(rows: Mapping[StoredObject, list[str]], header: bool) -> tuple[StoredObject, list[str]]:
    """Returns the columns that most objects begin with, and the first of these objects."""
    candidates = {stored: row for stored, row in rows.items() if not (header and _is_data(row))} or rows
    keys = Counter(tuple(row) if header else len(row) for row in candidates.values())
    most = keys.most_common(1)[0][0]
    return next((stored, row) for stored, row in candidates.items() if (tuple(row) if header else len(row)) == most)


def _is_data(row: list[str]) -> bool:
    return any(field.strip()[:1].isdigit() for field in row)


def _goes_on(row: list[str], columns: list[str], header: bool) -> bool:
    """Whether an object that begins with this row has the same columns but no header."""
    return len(row) == len(columns) and (not header or _is_data(row))


def is_gzip(stored: StoredObject) -> bool:
    return stored.key.endswith(".gz")


def _pattern(key: str) -> re.Pattern[str]:
    # Every other part is the inside of an expression.
    parts = [part if number % 2 else re.escape(part) for number, part in enumerate(_EXPRESSION.split(key))]
    return re.compile("".join(parts) + ("[^/]+" if key.endswith("/") else ""))


def _first_row(stored: StoredObject, delimiter: str) -> list[str]:
    with stored.path.open("rb") as raw:
        content: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if is_gzip(stored) else raw
        try:
            text = content.read(HEADER_BYTES).decode("utf-8-sig", "replace")
        except (OSError, EOFError) as error:
            raise SourceError(f"{stored.uri} is a damaged archive ({error}); upload it again.") from error
    # Not splitlines(), which also divides at characters that are text to everybody else.
    lines = filter(str.strip, re.split(r"[\r\n]+", text))
    try:
        row = next(csv.reader(lines, delimiter=delimiter), [])
    except csv.Error as error:
        raise SourceError(f"{stored.uri} does not begin with a line of CSV: {error}.") from error
    if not any(row):
        raise SourceError(f"{stored.uri} holds no line with columns.")
    return row
