"""Decides what a batch run is about: its months, and the version under which it writes."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ecomm import catalog
from ecomm.batch import refusals
from ecomm.batch.partition_key import Volume
from ecomm.batch.served import accepted_limit, changed_months, location, outdated_tables, partitions, snapshot
from ecomm.contract import is_month
from ecomm.errors import DataError
from ecomm.raw_bucket import RawObject, files_by_month
from ecomm.settings import settings
from ecomm.upload.layout import UNCOMPRESSED

log = logging.getLogger(__name__)


def choose(
    run_id: str,
    present: Mapping[str, Iterable[RawObject]],
    asked: Sequence[str],
    most_quarantined: float,
    by_month: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Returns what the raw bucket holds that the curated table does not serve, whatever events there were.

    present: the months of the bucket with their files. asked: months of the form, converted in any case and alone.
    most_quarantined: the largest share of a month's uploaded rows that may be set aside; by_month: that of single
    months. Returns {months (to convert), gone (served, but no longer present), snapshots ({month: what stands for its
    objects as listed now}), limits ({month: its share}), left_out ({month: why an earlier run refused these very
    files}), waiting (months that changed, but are not those of the form), outdated (tables to compute again), served
    ({month: where the months to convert and those left out are served from}), version}. Raises DataError if no month
    is present and none is served, or a month of the form is wrong or missing.
    """
    served = partitions()
    snapshots = {month: snapshot(files) for month, files in present.items()}
    if not snapshots and not served:
        raise DataError(
            f"s3://{settings().raw_bucket}/{UNCOMPRESSED} holds no month; run the DAG ecomm_dataset_upload first."
        )
    _check(asked, snapshots)
    limits = {
        month: (by_month or {}).get(
            month, most_quarantined if month in asked else max(most_quarantined, accepted_limit(now, served.get(month)))
        )
        for month, now in snapshots.items()
    }
    changed, refused = changed_months(snapshots, served), refusals.standing(snapshots, limits)
    left_out = {month: refused[month] for month in sorted(changed & refused.keys() - set(asked))}
    months = sorted(set(asked) or changed - left_out.keys())
    waiting = sorted(changed - left_out.keys() - set(months))
    gone = sorted(served.keys() - snapshots.keys())
    version = _version(run_id, catalog.kept_locations(*served.values()))
    outdated = outdated_tables(served)
    log.info("Months to convert: %s; version %s", ", ".join(months) or "none", version)
    if gone:
        log.info("Months no longer in the raw bucket, to be dropped: %s", ", ".join(gone))
    for month, reason in left_out.items():
        log.warning("%s has the files that were refused before, and is not converted again: %s", month, reason)
    if waiting:
        log.warning("%s", still_waiting(waiting))
    if not (months or gone or outdated or left_out):
        log.info("Every month is served as the raw bucket has it: there is nothing to do.")
    return {
        "months": months,
        "gone": gone,
        "snapshots": {month: snapshots[month] for month in months},
        "limits": {month: limits[month] for month in months},
        "left_out": left_out,
        "waiting": waiting,
        "served": {month: location(served.get(month)) for month in [*months, *left_out]},
        "outdated": outdated,
        "version": version,
    }


def still_waiting(months: Sequence[str]) -> str:
    """Names the months that a run of the form's months leaves as they are."""
    return (
        f"{', '.join(months)} changed in the raw bucket too, and this run leaves it so, since its form names other "
        "months: start ecomm_batch_kpis without months to convert all that changed."
    )


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
    present = files_by_month(settings().raw_bucket)
    size = sum(file.size for files in present.values() for file in files)
    return Volume(rows // max(len(present), 1), size // max(len(present), 1))


def version_location(table: str, version: str) -> str:
    """Where a version of the fact or of the quarantine lies."""
    return f"s3://{settings().curated_bucket}/{table}/version={version}/"


def report_key(version: str) -> str:
    """Where the conversion's report lies in the bucket of artifacts."""
    return f"reports/csv_to_parquet/{version}.json"


def _check(asked: Sequence[str], present: Collection[str]) -> None:
    for month in asked:
        if not is_month(month):
            raise DataError(f"{month!r} is not a month; write it as 2019-11.")
    if missing := sorted(set(asked) - set(present)):
        raise DataError(
            f"The raw bucket has no {', '.join(missing)}, only {', '.join(sorted(present)) or 'no month at all'}; "
            "upload it first, put it back if it was taken out (docs/guides/take-a-month-out.md), or leave it out."
        )


def _version(run_id: str, locations: Iterable[str]) -> str:
    """The run's id as a word, with a number where a run that was cleared has published under it already.

    locations: where the months lie, and lay before.
    """
    word = re.sub(r"[^a-z0-9]+", "_", run_id.lower()).strip("_")
    taken = {found[1] for location in locations if (found := re.search(r"/version=([^/]+)/", location))}
    candidates = (word if number == 1 else f"{word}_{number}" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)
