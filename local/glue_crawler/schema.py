"""What one object, or several alike, look like: format, columns, number of records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from local.glue_crawler.types import UNKNOWN, Type, merge

# Source: AWS re:Post, "How does the AWS Glue crawler detect the schema?": schemas that agree by more than 70 % are one
# table's, and no table is made of more than five different ones.
SIMILARITY = 0.7
MOST_VARIANTS = 5


@dataclass(frozen=True)
class Format:
    """How the bytes are to be read; objects of different formats never share a table.

    classification: csv, json or parquet. compression: none, gzip, bzip2 or zip.
    delimiter, header: of CSV; quote: the quoting character where a custom classifier asks for OpenCSVSerDe.
    """

    classification: str
    compression: str = "none"
    delimiter: str = ""
    header: bool = False
    quote: str = ""


@dataclass(frozen=True)
class Schema:
    """Columns by name in the order of the file; `paths` are JSON's own names, before lower-casing.

    records and size (bytes, as stored) are those of all objects together; records is an estimate but for Parquet.
    """

    format: Format
    columns: dict[str, Type] = field(hash=False)
    records: int
    size: int
    objects: int = 1
    paths: tuple[str, ...] = ()

    def is_like(self, other: Schema) -> bool:
        """Whether both may be one table's: the same format, and more than 70 % of all column names in common."""
        names, others = set(self.columns), set(other.columns)
        return self.format == other.format and len(names & others) > SIMILARITY * len(names | others)


def combine(schemas: Iterable[Schema]) -> Schema:
    """One schema that holds all of the given ones (at least one): every column, each of the type that fits all."""
    first, *others = schemas
    columns, paths = dict(first.columns), dict.fromkeys(first.paths)
    for other in others:
        paths.update(dict.fromkeys(other.paths))
        for name, kind in other.columns.items():
            columns[name] = merge(columns.get(name, UNKNOWN), kind)
    return replace(
        first,
        columns=columns,
        paths=tuple(paths),
        records=first.records + sum(other.records for other in others),
        size=first.size + sum(other.size for other in others),
        objects=first.objects + sum(other.objects for other in others),
    )


def are_one_table(schemas: list[Schema], ignore_similarity: bool) -> bool:
    """Whether objects or folders with these schemas make one table, as Glue decides it.

    They must have one format. Their columns may differ where the largest group of similar schemas is more than 70 % of
    all and there are at most five groups, or where the crawler combines compatible schemas (`ignore_similarity`).
    """
    if any(schema.format != schemas[0].format for schema in schemas):
        return False
    if ignore_similarity:
        return True
    groups: list[list[Schema]] = []
    for schema in schemas:
        group = next((known for known in groups if known[0].is_like(schema)), None)
        if group is None:
            groups.append([schema])
        else:
            group.append(schema)
    return len(groups) <= MOST_VARIANTS and max(map(len, groups)) > SIMILARITY * len(schemas)
