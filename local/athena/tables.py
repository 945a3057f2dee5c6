"""A table of the catalogue as the engine needs it: columns, partitions with their own locations, and file format."""

from __future__ import annotations

import itertools
import re
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from local.athena.catalog import Catalog
from local.athena.errors import QueryError
from local.athena.types import Type
from local.athena.types import parse as parse_type
from local.objects import StoredObject, split_uri

Lister = Callable[[str, str], list[StoredObject]]
DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Column:
    name: str
    type: Type


@dataclass(frozen=True)
class Partition:
    """One partition: the values of its keys (None for Hive's default partition) and where its files lie."""

    values: tuple[str | None, ...]
    location: str
    descriptor: dict[str, Any] = field(compare=False)


@dataclass(frozen=True)
class Table:
    """One table of the catalogue; a table without partition keys has one partition without values."""

    database: str
    name: str
    source: dict[str, Any]
    columns: tuple[Column, ...]
    keys: tuple[Column, ...]

    @property
    def all_columns(self) -> tuple[Column, ...]:
        return self.columns + self.keys

    @property
    def descriptor(self) -> dict[str, Any]:
        found: dict[str, Any] = self.source.get("StorageDescriptor") or {}
        return found

    @property
    def location(self) -> str:
        return str(self.descriptor.get("Location") or "")

    @cached_property
    def parameters(self) -> dict[str, str]:
        return {key.lower(): value for key, value in (self.source.get("Parameters") or {}).items()}

    def partitions(self, catalog: Catalog) -> list[Partition]:
        """The partitions that a query may read: those of the catalogue, or those that the projection names."""
        if not self.keys:
            return [Partition((), self.location, self.descriptor)]
        if self.parameters.get("projection.enabled", "").lower() == "true":
            return list(_projected(self))
        found = catalog.partitions(self.database, self.name)
        return [
            Partition(
                tuple(None if value == DEFAULT_PARTITION else value for value in partition["Values"]),
                str((partition.get("StorageDescriptor") or {}).get("Location") or self.location),
                partition.get("StorageDescriptor") or {},
            )
            for partition in found
        ]


def load(source: dict[str, Any], database: str) -> Table:
    """A table from Glue's GetTable. Raises QueryError where a column's type is not Hive's."""
    return Table(
        database,
        source["Name"].lower(),
        source,
        _columns(source, (source.get("StorageDescriptor") or {}).get("Columns")),
        _columns(source, source.get("PartitionKeys")),
    )


def _columns(source: dict[str, Any], columns: list[dict[str, str]] | None) -> tuple[Column, ...]:
    found = []
    for column in columns or []:
        try:
            found.append(Column(column["Name"].lower(), parse_type(column.get("Type") or "string")))
        except ValueError as error:
            raise QueryError(
                "HIVE_INVALID_METADATA",
                f"Table {source['Name']} has a column {column['Name']} whose type is unknown: {error}",
            ) from error
    return tuple(found)


def files(lister: Lister, location: str) -> list[StoredObject]:
    """The objects under a location that hold rows: Hive ignores names that start with _ or ., and empty objects hold
    none."""
    bucket, prefix = split_uri(location)
    prefix = prefix if not prefix or prefix.endswith("/") else prefix + "/"
    try:
        found = lister(bucket, prefix)
    except LookupError as error:
        raise QueryError(
            "HIVE_FILESYSTEM_ERROR", f"The specified bucket does not exist (Service: Amazon S3; Bucket: {bucket})"
        ) from error
    return [stored for stored in found if stored.size and not _hidden(stored.key[len(prefix) :])]


def _hidden(relative_key: str) -> bool:
    return any(part.startswith(("_", ".")) for part in relative_key.split("/"))


def partition_location(table_location: str, keys: tuple[Column, ...], values: tuple[str | None, ...]) -> str:
    """Hive's own place for a partition: <location>/key=value/…/, with special characters escaped."""
    folders = [
        f"{key.name}={DEFAULT_PARTITION if value is None else escape_partition(value)}"
        for key, value in zip(keys, values, strict=True)
    ]
    return table_location.rstrip("/") + "/" + "/".join(folders) + "/"


def escape_partition(value: str) -> str:
    """A partition value as a folder's name: Hive's FileUtils.escapePathName."""
    return re.sub(r"[\x00-\x1f\"#%'*/:=?\\{\[\]^\x7f]", lambda found: f"%{ord(found.group()):02X}", value)


def unescape_partition(folder: str) -> str | None:
    return None if folder == DEFAULT_PARTITION else urllib.parse.unquote(folder)


# ---- partition projection -----------------------------------------------------------------------------------------

_UNITS = {
    "years": 365 * 86400,
    "months": 31 * 86400,
    "weeks": 7 * 86400,
    "days": 86400,
    "hours": 3600,
    "minutes": 60,
    "seconds": 1,
}
_JAVA_DATE = [
    ("yyyy", "%Y"), ("uuuu", "%Y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("mm", "%M"), ("ss", "%S"), ("'", ""),
]  # fmt: skip
_MOST_PROJECTED = 1_000_000


def _projected(table: Table) -> Iterator[Partition]:
    """The partitions that partition projection names, without asking the catalogue for any.

    Source of the rules: Amazon Athena, "Supported types for partition projection".
    """
    ranges = [_projected_values(table, key.name) for key in table.keys]
    count = 1
    for values in ranges:
        count *= len(values)
    if count > _MOST_PROJECTED:
        raise QueryError(
            "INVALID_TABLE_PROPERTY",
            f"The projection of table {table.name} names {count} partitions; at most {_MOST_PROJECTED} are read",
        )
    template = table.parameters.get("storage.location.template", "")
    for chosen in itertools.product(*ranges):
        location = template
        for key, value in zip(table.keys, chosen, strict=True):
            location = location.replace(f"${{{key.name}}}", value)
        yield Partition(chosen, location or partition_location(table.location, table.keys, chosen), {})


def _projected_values(table: Table, key: str) -> list[str]:
    def parameter(name: str, default: str | None = None) -> str:
        found = table.parameters.get(f"projection.{key}.{name}", default)
        if found is None:
            raise QueryError(
                "INVALID_TABLE_PROPERTY",
                f"Table {table.name} is configured for partition projection, but projection.{key}.{name} is missing",
            )
        return found

    kind = parameter("type").lower()
    if kind == "enum":
        return [value.strip() for value in parameter("values").split(",")]
    if kind == "integer":
        first, last = (int(end) for end in parameter("range").split(","))
        width = int(parameter("digits", "0"))
        return [str(number).zfill(width) for number in range(first, last + 1, int(parameter("interval", "1")))]
    if kind == "date":
        return _projected_dates(
            parameter("range"), parameter("format"), parameter("interval", "1"), parameter("interval.unit", "")
        )
    raise QueryError(
        "INVALID_TABLE_PROPERTY", f"projection.{key}.type={kind!r} is not supported here: use enum, integer or date"
    )


def _projected_dates(limits: str, java_format: str, interval: str, unit: str) -> list[str]:
    pattern = java_format
    for java, python in _JAVA_DATE:
        pattern = pattern.replace(java, python)
    unit = unit.lower().rstrip("s") + "s" if unit else _smallest_unit(java_format)
    if unit not in _UNITS:
        raise QueryError("INVALID_TABLE_PROPERTY", f"The interval unit {unit!r} of a projection is not known")
    current, last = (_projected_limit(limit.strip(), pattern) for limit in limits.split(","))
    found = []
    while current <= last:
        found.append(current.strftime(pattern))
        current = _later(current, unit, int(interval))
    return found


def _smallest_unit(java_format: str) -> str:
    for letters, unit in (("s", "seconds"), ("m", "minutes"), ("H", "hours"), ("d", "days"), ("M", "months")):
        if letters in java_format:
            return unit
    return "years"


def _projected_limit(limit: str, pattern: str) -> datetime:
    if relative := re.fullmatch(r"NOW(?:\s*([+-])\s*(\d+)\s*([A-Z]+?)S?)?", limit, re.I):
        sign, number, unit = relative.groups()
        now = datetime.now(UTC).replace(tzinfo=None)
        return _later(now, f"{unit.lower()}s", int(f"{sign}{number}")) if sign else now
    return datetime.strptime(limit, pattern)


def _later(moment: datetime, unit: str, count: int) -> datetime:
    if unit in ("months", "years"):
        months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "years" else 1)
        first = date(months // 12, months % 12 + 1, 1)
        return datetime.combine(first.replace(day=min(moment.day, 28)), moment.time())
    return moment + timedelta(seconds=_UNITS[unit] * count)
