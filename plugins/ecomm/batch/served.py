"""Compares what the curated table serves with the raw bucket: the bucket is the truth, an event only wakes a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ecomm import catalog
from ecomm.raw_bucket import RawObject
from ecomm.settings import settings
from ecomm.sql import render
from ecomm.tables import AGGREGATES, FACT, MARTS

# Parameters of the fact's partitions: the raw objects that the served version was made of, and its counts.
FILES = "ecomm.files"
COUNTS = "ecomm.counts"
# Parameter of a derived table: what it was computed from and by.
MADE_FROM = "ecomm.made_from"

# As XCom and JSON keep them: [key, size, ETag] of each object.
Files = Sequence[Sequence[Any]]


def partitions() -> dict[str, catalog.Partition]:
    """The served months of the fact, by month."""
    return catalog.by_month(catalog.list_partitions(settings().curated_database, FACT))


def made_of(partition: Mapping[str, Any]) -> list[RawObject] | None:
    """The raw objects that a served month was made of; None for one that was published without saying so."""
    text = partition.get("Parameters", {}).get(FILES)
    return [RawObject(*file) for file in json.loads(text)] if text else None


def counts(partition: Mapping[str, Any]) -> dict[str, Any]:
    """rows_in, rows_curated, rows_quarantined and reasons of a served month, as its audit found them."""
    return dict(json.loads(partition.get("Parameters", {}).get(COUNTS, "{}")))


def parameters(files: Files | None, month_counts: Mapping[str, Any] | None) -> dict[str, str]:
    """The parameters with which a partition says what it was made of."""
    kept = {FILES: files, COUNTS: month_counts}
    return {name: json.dumps(value) for name, value in kept.items() if value is not None}


def changed_months(present: Mapping[str, list[RawObject]], served: Mapping[str, catalog.Partition]) -> set[str]:
    """The months whose objects in the raw bucket are not those that the served version was made of."""
    return {month for month, files in present.items() if month not in served or made_of(served[month]) != files}


def fingerprint(file: str, served: Mapping[str, catalog.Partition]) -> str:
    """Stands for the served fact and the statement of a derived table: a table that has it is up to date."""
    locations = sorted((month, partition["StorageDescriptor"]["Location"]) for month, partition in served.items())
    return hashlib.sha256(json.dumps([locations, render(file)]).encode()).hexdigest()


def outdated_tables(served: Mapping[str, catalog.Partition]) -> list[str]:
    """The derived tables that are missing, or were computed from another version of the fact or by another statement.

    So a run completes what an earlier one left undone: killed between publication and tables, or stopped by an audit.
    """
    parameters_of = {
        table["Name"]: table.get("Parameters", {}) for table in catalog.list_tables(settings().curated_database)
    }
    return [
        table.name
        for table in (*AGGREGATES, *MARTS)
        if parameters_of.get(table.name, {}).get(MADE_FROM) != fingerprint(table.file, served)
    ]
