"""Decides what a batch run is about: its months, and the version under which it writes."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecomm import catalog
from ecomm.aws import list_objects
from ecomm.batch.partition_key import Volume
from ecomm.contract import is_month, month_of_partition
from ecomm.errors import DataError
from ecomm.settings import settings
from ecomm.tables import FACT
from ecomm.upload.layout import UNCOMPRESSED

log = logging.getLogger(__name__)


def choose(run_id: str, asked: Sequence[str], events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns {months (to convert), gone (served, but no longer in the raw bucket), version}.

    asked: months of the form; when empty, those that the data set's asset events name, and every month that is not
    served yet; an event that names none stands for all. Raises DataError where there is nothing, or a month is wrong.
    """
    present = _present()
    partitions = catalog.list_partitions(settings().curated_database, FACT)
    served = catalog.by_month(partitions).keys()
    if not present:
        raise DataError(
            f"s3://{settings().raw_bucket}/{UNCOMPRESSED} holds no month; run the DAG ecomm_dataset_upload first."
        )
    if asked:
        _check(asked, present)
        months = sorted(set(asked))
    else:
        named = [set(event.get("months") or present) for event in events] or [present]
        months = sorted(set.union(*named) & present | present - served)
    gone = sorted(served - present)
    version = _version(run_id, catalog.kept_locations(*partitions))
    log.info("Months to convert: %s; version %s", ", ".join(months), version)
    if gone:
        log.info("Months no longer in the raw bucket, to be dropped when the others are published: %s", ", ".join(gone))
    return {"months": months, "gone": gone, "version": version}


def job_arguments(months: Sequence[str], version: str, cluster_by: str) -> dict[str, str]:
    """The arguments of the conversion, as include/glue_scripts/csv_to_parquet.py takes them."""
    names = settings()
    return {
        "--SOURCE": f"s3://{names.raw_bucket}/{UNCOMPRESSED}",
        "--MONTHS": ",".join(months),
        "--CURATED": version_location("ecomm_user_activity", version),
        "--QUARANTINE": version_location("ecomm_user_activity_quarantine", version),
        "--CLUSTER_BY": cluster_by,
        "--REPORT": f"s3://{names.artifacts_bucket}/{report_key(version)}",
    }


def average_month(rows: int) -> Volume:
    """An average month of the raw bucket, whose months have so many rows together."""
    found = {each["Key"]: each["Size"] for each in list_objects(settings().raw_bucket, UNCOMPRESSED)}
    months = max(len({month_of_partition(key) for key in found} - {None}), 1)
    return Volume(rows // months, sum(found.values()) // months)


def version_location(table: str, version: str) -> str:
    """Where a version of the fact or of the quarantine lies."""
    return f"s3://{settings().curated_bucket}/{table}/version={version}/"


def report_key(version: str) -> str:
    """Where the conversion's report lies in the bucket of artifacts."""
    return f"reports/csv_to_parquet/{version}.json"


def _present() -> set[str]:
    keys = [found["Key"] for found in list_objects(settings().raw_bucket, UNCOMPRESSED)]
    return {month for key in keys if (month := month_of_partition(key))}


def _check(asked: Sequence[str], present: set[str]) -> None:
    for month in asked:
        if not is_month(month):
            raise DataError(f"{month!r} is not a month; write it as 2019-11.")
    if missing := sorted(set(asked) - present):
        raise DataError(
            f"The raw bucket has no {', '.join(missing)}, only {', '.join(sorted(present))}; "
            "upload it first, or leave it out."
        )


def _version(run_id: str, locations: Iterable[str]) -> str:
    """The run's id as a word, with a number where a run that was cleared has published under it already.

    locations: where the months lie, and lay before.
    """
    word = re.sub(r"[^a-z0-9]+", "_", run_id.lower()).strip("_")
    taken = {found[1] for location in locations if (found := re.search(r"/version=([^/]+)/", location))}
    candidates = (word if number == 1 else f"{word}_{number}" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)
