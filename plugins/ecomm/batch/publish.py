"""Publishes by switching the catalog: readers see the version before or this one, whole (docs/decisions/0002)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ecomm import catalog
from ecomm.aws import delete_objects, list_objects, split_uri
from ecomm.batch import refusals
from ecomm.batch.months import version_location
from ecomm.batch.served import MADE_FROM
from ecomm.catalog import PREVIOUS
from ecomm.contract import partition
from ecomm.errors import DataError
from ecomm.operators.derived_table import KPI_PREFIX
from ecomm.settings import settings
from ecomm.tables import FACT, QUARANTINE, column_comments, describe

log = logging.getLogger(__name__)


def publish_activity(
    months: Sequence[str],
    gone: Sequence[str],
    version: str,
    described: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """Points each month of the fact and of the quarantine at the version, and drops the months that are gone.

    Each month is switched in one step; the files of the version before stay, older ones are deleted. May be repeated.
    described: the parameters of each month (ecomm.batch.served), which say what it was made of. The fact is switched
    last: a month whose fact has them is published whole. Returns {published, dropped, files_deleted}. Raises DataError
    if a later run has published a month over the version, or deleted its files.
    """
    database = settings().curated_database
    storages = {table: catalog.deployed_table(database, table)["StorageDescriptor"] for table in (QUARANTINE, FACT)}
    before = {table: catalog.by_month(catalog.list_partitions(database, table)) for table in storages}
    _require_files(months, version, before[FACT])
    _require_no_later(months, version, before[FACT])
    for table, storage in storages.items():
        for month in months:
            location = f"{version_location(table, version)}{partition(month)}/"
            catalog.put_partition(
                database,
                table,
                {
                    "Values": month.split("-"),
                    "StorageDescriptor": {**storage, "Location": location},
                    "Parameters": {
                        **_remembered(before[table].get(month), location),
                        **(described or {}).get(month, {}),
                    },
                },
            )
            log.info("%s: %s is served from %s", table, month, location)
        for month in gone:
            catalog.drop_partition(database, table, month.split("-"))
            log.info("%s: %s dropped, it is no longer in the raw bucket", table, month)
        catalog.drop_aside(database, table)  # an audit that was killed leaves one
    refusals.forget([*months, *gone])
    deleted = sum(map(_delete_unserved, storages))
    return {"published": list(months), "dropped": list(gone), "files_deleted": deleted}


def publish_table(written: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the table the files that were written aside, in one step; an earlier version's older files are deleted.

    written: what WriteTableOperator returned. May be repeated. Returns {table, location, files_deleted}.
    """
    database, name, location = settings().curated_database, written["table"], written["location"]
    served = catalog.find_table(database, name)
    staged = catalog.find_table(database, written["staged"])
    if staged is not None:
        catalog.put_table(
            database,
            {
                **staged,
                "Name": name,
                "Description": describe(name)["description"],
                "StorageDescriptor": _with_comments(staged["StorageDescriptor"], column_comments(name)),
                "Parameters": {
                    **staged.get("Parameters", {}),
                    **_remembered(served, location),
                    MADE_FROM: str(written.get("made_from", "")),
                },
            },
        )
        catalog.drop_table(database, written["staged"])
        served = catalog.find_table(database, name)
    if served is None or served["StorageDescriptor"]["Location"] != location:
        raise DataError(f"{written['staged']} is gone, so {name} cannot be published; clear the task that writes it.")
    kept = catalog.kept_locations(served)
    deleted = _delete(f"{KPI_PREFIX}{name}/", lambda uri: not uri.startswith(kept))
    log.info("%s serves %s rows from %s; %d older files deleted", name, f"{written['rows']:,}", location, deleted)
    return {"table": name, "location": location, "files_deleted": deleted}


def _with_comments(storage: Mapping[str, Any], comments: Mapping[str, str]) -> dict[str, Any]:
    columns = [{**column, "Comment": comments.get(column["Name"], "")} for column in storage["Columns"]]
    return {**storage, "Columns": columns}


def _require_files(months: Sequence[str], version: str, served: Mapping[str, catalog.Partition]) -> None:
    """Raises DataError where a month that is served with rows would have none: its version's files are gone."""
    for month in months:
        folders = [f"{version_location(table, version)}{partition(month)}/" for table in (FACT, QUARANTINE)]
        if month not in served or any(map(_has_files, folders)):
            continue
        if _has_files(served[month]["StorageDescriptor"]["Location"]):
            raise DataError(
                f"The version {version} has no file of {month} any more: a later run has published the month, and "
                f"deleted what was older. To convert it once more, {refusals.convert_again([month])}."
            )


def require_written(months: Sequence[str], version: str) -> None:
    """Raises DataError if a month with rows has no file of the version: it was dropped since, or is being published."""
    for month in months:
        if not any(
            _has_files(f"{version_location(table, version)}{partition(month)}/") for table in (FACT, QUARANTINE)
        ):
            raise DataError(
                f"The version {version} has no file of {month} any more: what is not served is deleted whenever a run "
                f"publishes. To convert the month once more, {refusals.convert_again([month])}."
            )


def _require_no_later(months: Sequence[str], version: str, served: Mapping[str, catalog.Partition]) -> None:
    """Raises DataError if a later run has published a month over this version: a cleared run restores no rows."""
    for month in months:
        location = f"{version_location(FACT, version)}{partition(month)}/"
        if month in served and served[month].get("Parameters", {}).get(PREVIOUS) == location:
            raise DataError(
                f"A later run has published {month} over the version {version}, which is kept only as the way back. "
                f"To convert the month once more, {refusals.convert_again([month])}."
            )


def _has_files(location: str) -> bool:
    return bool(list_objects(*split_uri(location)))


def _remembered(served: Mapping[str, Any] | None, location: str) -> dict[str, str]:
    """The parameter naming the location before this one, if there was any."""
    if served is None:
        return {}
    before = served["StorageDescriptor"]["Location"]
    if before != location:
        return {PREVIOUS: before}
    return {name: value for name, value in served.get("Parameters", {}).items() if name == PREVIOUS}


def _delete_unserved(table: str) -> int:
    """Deletes the files of versions and months that are neither served, nor were just before.

    The lines that a refused month has set aside stay: its error points to them.
    """
    kept = catalog.kept_locations(*catalog.list_partitions(settings().curated_database, table))
    if table == QUARANTINE:
        notes = refusals.read().items()
        kept += tuple(f"{version_location(table, note['version'])}{partition(month)}/" for month, note in notes)
    return _delete(f"{table}/version=", lambda uri: not uri.startswith(kept))


def _delete(prefix: str, unwanted: Callable[[str], bool]) -> int:
    bucket = settings().curated_bucket
    keys = [found["Key"] for found in list_objects(bucket, prefix) if unwanted(f"s3://{bucket}/{found['Key']}")]
    delete_objects(bucket, keys)
    return len(keys)
