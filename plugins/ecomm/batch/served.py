"""Compares what the curated table serves with the raw bucket: the bucket is the truth, an event only wakes a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ecomm import catalog
from ecomm.raw_bucket import RawObject
from ecomm.settings import settings
from ecomm.sql import render_query
from ecomm.tables import DERIVED, FACT
from ecomm.upload.layout import is_archived_day

# Parameters of the fact's partitions: the objects that the served version was made of, those of them that were
# uploaded, the limit that it was held to, and its counts.
FILES, UPLOADED, LIMIT, COUNTS = "ecomm.files", "ecomm.uploaded_files", "ecomm.limit", "ecomm.counts"
# Raise it if the conversion gives the fact other columns or other values of the same lines.
FACT_VERSION = 2
# Parameter of a derived table: what it was computed from and by.
MADE_FROM = "ecomm.made_from"

# The first two of the parameters above.
Snapshot = dict[str, str]


def partitions() -> dict[str, catalog.Partition]:
    """The served months of the fact, by month."""
    return catalog.by_month(catalog.list_partitions(settings().curated_database, FACT))


def snapshot(files: Iterable[RawObject]) -> Snapshot:
    """Stands for the objects of a month: key, size and ETag of all, and of those that the archive did not bring.

    And for what the conversion makes of them, so that a month is converted again once its Parquet has other columns.
    As digests, since a value in the Glue catalog has at most 512,000 bytes.
    """
    listed = sorted(files)
    return {
        FILES: _digest([FACT_VERSION, listed]),
        UPLOADED: _digest([file for file in listed if not is_archived_day(file.key)]),
    }


def changed_months(snapshots: Mapping[str, Snapshot], served: Mapping[str, catalog.Partition]) -> set[str]:
    """The months whose objects in the raw bucket are not those that the served version was made of."""
    return {month for month, now in snapshots.items() if _parameter(served.get(month), FILES) != now[FILES]}


def location(partition: catalog.Partition | None) -> str:
    """Where a month is served from; empty if it is not."""
    return str(partition["StorageDescriptor"]["Location"]) if partition else ""


def accepted_limit(now: Snapshot, partition: catalog.Partition | None) -> float:
    """The limit under which these uploaded files are served already; 0 if they are not.

    So a month whose limit was raised by hand is not refused again when the archive brings it a day more.
    """
    same = _parameter(partition, UPLOADED) == now[UPLOADED]
    return float(_parameter(partition, LIMIT) or 0) if same else 0.0


def counts(partition: catalog.Partition) -> dict[str, Any]:
    """rows_in, rows_curated, rows_quarantined and reasons of a served month, as its audit counted them."""
    return dict(json.loads(_parameter(partition, COUNTS) or "{}"))


def parameters(now: Snapshot, limit: float, month_counts: Mapping[str, Any]) -> dict[str, str]:
    """The parameters with which a partition says what it was made of."""
    kept = {name: month_counts[name] for name in ("rows_in", "rows_curated", "rows_quarantined", "reasons")}
    return {**now, LIMIT: str(limit), COUNTS: json.dumps(kept)}


def fingerprint(table: str, served: Mapping[str, catalog.Partition]) -> str:
    """Stands for the served fact and the statements of a derived table and of all that it reads.

    A table that has it is up to date.
    """
    locations = sorted((month, partition["StorageDescriptor"]["Location"]) for month, partition in served.items())
    return _digest([locations, *_statements(table)])


def _statements(name: str) -> list[str]:
    """The query of the table, then those of the tables that it reads, down to the fact."""
    sources = next((table.sources for table in DERIVED if table.name == name), ())
    read = [table.name for table in DERIVED if table.name in sources]
    return [render_query(name), *(statement for source in read for statement in _statements(source))]


def outdated_tables(served: Mapping[str, catalog.Partition]) -> list[str]:
    """The derived tables that are missing, or were computed from another version of the fact or by another statement.

    So a run completes what an earlier one left undone: killed between publication and tables, or stopped by an audit.
    """
    listed = {table["Name"]: table for table in catalog.list_tables(settings().curated_database)}
    return [
        table.name
        for table in DERIVED
        if _parameter(listed.get(table.name), MADE_FROM) != fingerprint(table.name, served)
    ]


def _parameter(described: Mapping[str, Any] | None, name: str) -> str | None:
    return (described or {}).get("Parameters", {}).get(name)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
