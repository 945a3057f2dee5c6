"""The data set's profile, as DataBrew writes it: of each column how many values, how often, how many missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecomm.aws import client, split_uri
from ecomm.errors import DataError


@dataclass(frozen=True)
class ColumnProfile:
    """distinct: different values. unique: those of a single row. missing: rows without a value.

    common: the rows of the most common values, the most common first. largest: that value; None where there is none.
    """

    name: str
    kind: str
    distinct: int
    unique: int
    missing: int
    common: tuple[int, ...]
    largest: Any

    @property
    def most(self) -> int:
        """Rows of the most common value."""
        return self.common[0] if self.common else 0


@dataclass(frozen=True)
class Profile:
    """rows: of the whole data set. duplicate_rows: rows that repeat another one; None where that was not counted."""

    rows: int
    duplicate_rows: int | None
    columns: tuple[ColumnProfile, ...]

    def share(self, rows: int) -> float:
        """Of all rows; 0 where there are none."""
        return rows / max(self.rows, 1)

    def cardinality(self) -> dict[str, dict[str, Any]]:
        """Of each column {type, distinct, unique, missing, largest_share}."""
        return {
            column.name: {
                "type": column.kind,
                "distinct": column.distinct,
                "unique": column.unique,
                "missing": column.missing,
                "largest_share": round(self.share(column.most), 6),
            }
            for column in self.columns
        }

    def table(self) -> str:
        """The same as plain text, a line a column, with the most common value of each."""
        rows = [("column", "type", "distinct", "once", "missing", "most common", "of the rows")]
        for column in self.columns:
            counts = (f"{column.distinct:,}", f"{column.unique:,}", f"{self.share(column.missing):.2%}")
            largest = "" if column.largest is None else str(column.largest)
            rows.append((column.name, column.kind, *counts, largest, f"{self.share(column.most):.2%}"))
        duplicates = "" if self.duplicate_rows is None else f", {self.duplicate_rows:,} of them repeat another one"
        return f"{self.rows:,} rows{duplicates}\n{text_table(rows, left=(0, 1, 5))}"


def read_profile(uri: str) -> Profile:
    """The profile that a run left at this s3:// address. Raises DataError where there is none, or it lacks a count."""
    bucket, key = split_uri(uri)
    s3 = client("s3")
    try:
        content = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey as error:
        raise DataError(f"There is no profile at {uri}; run the profile job again.") from error
    try:
        return parse(content)
    except KeyError as error:
        raise DataError(
            f"The profile {uri} has no {error}; the profile job has to count it: see its configuration in "
            "infra/batch.yaml, and deploy it (make deploy)."
        ) from error


def parse(content: Mapping[str, Any]) -> Profile:
    """A profile from DataBrew's JSON. Raises KeyError naming the statistic that it lacks."""
    columns = [
        ColumnProfile(
            column["name"],
            column["type"],
            column["distinctValuesCount"],
            column["uniqueValuesCount"],
            column["missingValuesCount"],
            tuple(value["count"] for value in column["mostCommonValues"]),
            next((value["value"] for value in column["mostCommonValues"]), None),
        )
        for column in content["columns"]
    ]
    return Profile(content["sampleSize"], content.get("duplicateRowsCount"), tuple(columns))


def text_table(rows: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Columns of equal width; those in `left` are aligned to the left."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
