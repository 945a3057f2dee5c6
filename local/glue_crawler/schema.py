"""What one object, or several alike, look like: format, columns, number of records."""

from __future__ import annotations

from collections import Counter
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

    def merges_with(self, other: Schema) -> bool:
        """Whether a crawler that combines compatible schemas may put both into one table."""
        mine, others = self.format, other.format
        return (mine.classification, mine.compression, mine.quote) == (
            others.classification,
            others.compression,
            others.quote,
        )

    def is_like(self, other: Schema) -> bool:
        """Whether both may be one table's: the same format, and more than 70 % of all column names in common."""
        names, others = set(self.columns), set(other.columns)
        return self.format == other.format and len(names & others) > SIMILARITY * len(names | others)


def combine(schemas: Iterable[Schema]) -> Schema:
    """One schema that holds all of the given ones (at least one): every column, each of the type that fits all.

    The format is that of most records. CSV without a header has its columns by their positions.
    """
    schemas = list(schemas)
    records: Counter[Format] = Counter()
    for schema in schemas:
        records[schema.format] += schema.records
    first = next(schema for schema in schemas if schema.format == records.most_common(1)[0][0])
    others = [_named_like(first, schema) for schema in schemas if schema is not first]
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


def _named_like(first: Schema, other: Schema) -> Schema:
    """The other schema, with the first's names where it has no header of its own."""
    if first.format.header and not other.format.header and len(first.columns) == len(other.columns):
        return replace(other, columns=dict(zip(first.columns, other.columns.values(), strict=True)))
    return other


def are_one_table(schemas: list[Schema], ignore_similarity: bool) -> bool:
    """Whether objects or folders with these schemas make one table, as Glue decides it.

    They must have one format; a crawler that combines compatible schemas (`ignore_similarity`) asks for one
    classification and compression alone. Their columns may differ where the largest group of similar schemas is more
    than 70 % of all and there are at most five groups, or where the crawler combines compatible schemas.
    """
    if ignore_similarity:
        return all(schema.merges_with(schemas[0]) for schema in schemas)
    if any(schema.format != schemas[0].format for schema in schemas):
        return False
    groups: list[list[Schema]] = []
    for schema in schemas:
        group = next((known for known in groups if known[0].is_like(schema)), None)
        if group is None:
            groups.append([schema])
        else:
            group.append(schema)
    return len(groups) <= MOST_VARIANTS and max(map(len, groups)) > SIMILARITY * len(schemas)
