"""Which folders are tables and which are partitions of one, as a Glue crawler groups them.

Sources: AWS Glue guide, "How does a crawler determine when to create partitions?" and "Creating a single schema for
each Amazon S3 include path"; AWS re:Post, "How does the AWS Glue crawler detect the schema?" (the numbers, see
schema.py).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from local.glue_crawler.schema import Schema, are_one_table, combine
from local.objects import StoredObject


@dataclass(frozen=True)
class Partition:
    """One folder of a table: the names of the folders below the table's root, and what it holds."""

    folders: tuple[str, ...]
    schema: Schema


@dataclass(frozen=True)
class Table:
    """location: `s3://bucket/folder/`, or an object's own URI. partitions: empty where the table has none."""

    location: str
    schema: Schema
    partitions: tuple[Partition, ...] = ()

    @property
    def depth(self) -> int:
        return len(self.partitions[0].folders) if self.partitions else 0


@dataclass(frozen=True)
class Grouping:
    """How a crawler's configuration groups: the `Grouping` of its Configuration.

    combine: CombineCompatibleSchemas. level: TableLevelConfiguration, the depth of every table's folder, where a bucket
    is level 1; None leaves the depth to the schemas.
    """

    combine: bool = False
    level: int | None = None

    @classmethod
    def from_configuration(cls, configuration: str) -> Grouping:
        """From a crawler's Configuration, a JSON text that may be empty."""
        grouping = json.loads(configuration or "{}").get("Grouping", {})
        combine = grouping.get("TableGroupingPolicy") == "CombineCompatibleSchemas"
        return cls(combine, grouping.get("TableLevelConfiguration"))


@dataclass
class _Folder:
    location: str
    level: int
    objects: dict[str, Schema] = field(default_factory=dict)
    folders: dict[str, _Folder] = field(default_factory=dict)


def find_tables(
    bucket: str, prefix: str, found: Iterable[tuple[StoredObject, Schema]], grouping: Grouping
) -> list[Table]:
    """Groups the objects of one target.

    prefix: the target's folder, empty or ending in `/`, or one object's key; every object's key begins with it.
    """
    root = _Folder(f"s3://{bucket}/{prefix}", 1 + prefix.count("/"))
    for stored, schema in found:
        if stored.key == prefix:
            return [Table(stored.uri, schema)]
        *names, _ = stored.key[len(prefix) :].split("/")
        folder = root
        for name in names:
            folder = folder.folders.setdefault(name, _Folder(f"{folder.location}{name}/", folder.level + 1))
        folder.objects[stored.uri] = schema
    return _tables(root, grouping)


def _tables(folder: _Folder, grouping: Grouping) -> list[Table]:
    """One table where the objects, or the folders below, are alike; else those of each object and each folder.

    Objects beside folders are never partitions, so a folder that holds both is not one table.
    """
    below = {name: _tables(inner, grouping) for name, inner in sorted(folder.folders.items())}
    schemas = list(folder.objects.values())
    if grouping.level is None or folder.level >= grouping.level:
        alike = partial(are_one_table, ignore_similarity=grouping.combine or grouping.level is not None)
        if not below and schemas and alike(schemas):
            return [Table(folder.location, combine(schemas))]
        if not schemas and (whole := _partitioned(folder.location, below, alike)):
            return [whole]
    return [Table(uri, schema) for uri, schema in folder.objects.items()] + [
        table for tables in below.values() for table in tables
    ]


def _partitioned(location: str, below: dict[str, list[Table]], alike: Callable[[list[Schema]], bool]) -> Table | None:
    """One table of all folders below, where each is one table, equally deep, and all are alike."""
    whole = {
        name: tables[0] for name, tables in below.items() if [t.location for t in tables] == [f"{location}{name}/"]
    }
    if not whole or len(whole) < len(below) or len({table.depth for table in whole.values()}) > 1:
        return None
    if not alike([table.schema for table in whole.values()]):
        return None
    partitions = tuple(
        Partition((name, *inner.folders), inner.schema)
        for name, table in whole.items()
        for inner in table.partitions or (Partition((), table.schema),)
    )
    return Table(location, combine(table.schema for table in whole.values()), partitions)


def partition_keys(partitions: Iterable[Partition]) -> list[str]:
    """Names of the partition columns: Hive's where every folder of a level is `name=value`, else `partition_<n>`."""
    levels = zip(*(partition.folders for partition in partitions), strict=True)
    keys = []
    for number, names in enumerate(levels):
        heads = {name.partition("=")[0].lower() if "=" in name else "" for name in names}
        head = heads.pop()
        keys.append(head if head and not heads else f"partition_{number}")
    return keys


def partition_values(partition: Partition, keys: list[str]) -> list[str]:
    """The values of one partition: what follows `name=` of a Hive folder, else the folder's whole name."""
    return [
        folder[len(key) + 1 :] if folder.lower().startswith(f"{key}=") else folder
        for key, folder in zip(keys, partition.folders, strict=True)
    ]


def table_name(location: str, prefix: str) -> str:
    """The crawler's table prefix and the last part of the location, lower case, other characters as `_`.

    `s3://b/user activity/` gives `user_activity`, `s3://b/2019-Nov.csv` gives `2019_nov_csv`.
    """
    last = location.removeprefix("s3://").rstrip("/").rpartition("/")[2]
    return (prefix + re.sub(r"[^a-zA-Z0-9_]", "_", last)).lower()


def distinct_name(name: str, location: str) -> str:
    """The name for a table whose own is taken by another location's: Glue adds a hash."""
    return f"{name}_{hashlib.md5(location.encode(), usedforsecurity=False).hexdigest()}"
