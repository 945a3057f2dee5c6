"""A dataset's objects in S3, and how its CSV is to be read.

Source: "Connecting data in multiple files in Amazon S3", DataBrew developer guide: a key is one object, a folder where
it ends in a slash, and what stands between < and > in it is a regular expression.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
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
    """What a run reads: objects of the same columns."""

    objects: list[StoredObject]
    columns: list[str]
    delimiter: str
    header: bool

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
    first, *others = ((stored, _first_row(stored, delimiter)) for stored in found)
    for stored, row in others:
        if (row if header else len(row)) != (first[1] if header else len(first[1])):
            raise SourceError(
                f"{stored.uri} has other columns ({delimiter.join(row)[:200]}) than {first[0].uri}; "
                "a dataset's files have the same."
            )
    columns = first[1] if header else [f"Column_{number}" for number in range(1, len(first[1]) + 1)]
    if len(set(map(str.lower, columns))) < len(columns):
        raise SourceError(f"{first[0].uri} has two columns of one name: {delimiter.join(columns)[:200]}.")
    return Source(found, columns, delimiter, header)


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
    row = next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter), [])
    if not any(row):
        raise SourceError(f"{stored.uri} begins with an empty line where its columns should stand.")
    return row
