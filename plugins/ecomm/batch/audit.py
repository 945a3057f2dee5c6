"""Counts and checks what the conversion made, before anybody reads it."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ecomm import athena, catalog, checks
from ecomm.aws import client, list_objects, split_uri
from ecomm.batch import refusals
from ecomm.batch.months import report_key, version_location
from ecomm.batch.served import FILES, Snapshot, snapshot
from ecomm.contract import partition
from ecomm.errors import DataError
from ecomm.raw_bucket import RawObject
from ecomm.settings import settings
from ecomm.sql import qualified, render_check
from ecomm.tables import FACT, QUARANTINE
from ecomm.upload.layout import is_archived_day

log = logging.getLogger(__name__)

ROWS = ("rows_in", "rows_curated", "rows_quarantined")


def audit(
    months: Sequence[str], version: str, limits: Mapping[str, float], snapshots: Mapping[str, Snapshot]
) -> dict[str, Any]:
    """Decides for each month alone whether it may be published, and remembers those that may not.

    Compares the job's report with Athena's own count of the files, and runs the fact's check file on them. limits:
    the largest share of each month's uploaded rows that may be set aside; clicks of the stream's archive are counted
    apart, so a sender's mistakes keep no month back. snapshots: what stands for the raw objects of each month, as they
    were when it was chosen; what the job has read may be newer.
    Returns {rows_in, rows_curated, rows_quarantined, months: {month: the same and reasons} (to be published),
    snapshots: {month: what stands for the objects that it was made of}, refused: {month: why not},
    checks: {name: {outcome, failing_rows, detail}}, bytes_scanned}. Raises DataError if the job left no report.
    """
    report = _report(version, months)
    reported: dict[str, dict[str, Any]] = report["months"]
    read = {**snapshots, **_read_by_the_job(report)}
    refused: dict[str, str] = {}
    for month, reason in report.get("refused", {}).items():
        refused[month] = reason
        refusals.remember(month, reason, read[month], refusals.WHATEVER_THE_LIMIT, version)
    # Not remembered: the same files may convert well the next time.
    refused |= report.get("failed", {})
    converted = [month for month in months if month in reported]
    counted, results, bytes_scanned = _count(converted, version)
    checks.show(results)
    for month in months:
        if month in refused:
            continue
        if month in reported and _are_deleted(reported[month], month, version):
            refused[month] = _why_deleted(month, read[month], version)
            continue
        # Not remembered, as above.
        if faults := list(_differences(month, reported.get(month), counted)):
            refused[month] = f"{'; '.join(faults)}; start ecomm_batch_kpis again, which converts the month once more"
            continue
        failed: list[str] = []
        if checks.failed(results):
            month_results, scanned = _check([month], version)
            bytes_scanned += scanned
            failed = checks.failed(month_results)
        if faults := [*failed, *_too_many(month, reported[month], limits[month], version, not failed)]:
            refused[month] = "; ".join(faults)
            limit = refusals.WHATEVER_THE_LIMIT if failed else limits[month]
            refusals.remember(month, refused[month], read[month], limit, version)
    for month, reason in sorted(refused.items()):
        log.error("%s is not published: %s", month, reason)
    good = {month: reported[month] for month in converted if month not in refused}
    return {
        **{name: sum(month[name] for month in good.values()) for name in ROWS},
        "months": good,
        "snapshots": {month: read[month] for month in good},
        "refused": refused,
        "checks": checks.as_result(results),
        "bytes_scanned": bytes_scanned,
    }


def _read_by_the_job(report: Mapping[str, Any]) -> dict[str, Snapshot]:
    """Stands for the objects that each month was read from, if the job's file system names them as S3 does."""
    return {
        month: snapshot(RawObject(split_uri(found["uri"])[1], found["size"], found["etag"]) for found in objects)
        for month, objects in report.get("objects", {}).items()
        if all(found["etag"] for found in objects)
    }


def _are_deleted(reported: Mapping[str, Any], month: str, version: str) -> bool:
    """Whether a month of which the job has reported events has no file with them."""
    location = f"{version_location(FACT, version)}{partition(month)}/"
    return reported["rows_curated"] > 0 and not list_objects(*split_uri(location))


def _why_deleted(month: str, read: Snapshot, version: str) -> str:
    """Why a month cannot be audited once more: it was refused before, as the note says, or published over."""
    note = refusals.read().get(month, {})
    if note.get("version") == version and note["files"] == read[FILES]:
        return str(note["reason"])
    return (
        f"version {version} has no file of {month} any more: what is not served is deleted whenever a run publishes. "
        f"To convert the month once more, {refusals.convert_again([month])}"
    )


def _too_many(month: str, reported: Mapping[str, Any], limit: float, version: str, limit_helps: bool) -> Iterator[str]:
    """The fault of a month of whose uploaded rows more were set aside than the limit allows; logs the counts.

    limit_helps: whether a higher limit would publish the month.
    """
    by_file = reported.get("files", {})
    uploaded = [rows for uri, rows in by_file.items() if not is_archived_day(uri)] if by_file else [reported]
    rows_in, set_aside = (sum(rows[name] for rows in uploaded) for name in ("rows_in", "rows_quarantined"))
    share = set_aside / max(rows_in, 1)
    log.info(
        "%s: %s rows in, %s curated, %s quarantined; of %s uploaded rows %.3f %%",
        month,
        *(f"{reported[name]:,}" for name in ROWS),
        f"{rows_in:,}",
        100 * share,
    )
    reasons = sorted(reported["reasons"].items(), key=lambda item: -item[1])
    for reason, rows in reasons:
        log.info("    %s: %s", reason, f"{rows:,}")
    if share > limit:
        yield (
            f"{share:.2%} of {month}'s rows were set aside, {limit:.2%} are allowed "
            f"({', '.join(f'{reason}: {rows:,}' for reason, rows in reasons)}); "
            f"the lines are in {version_location(QUARANTINE, version)}{partition(month)}/"
            + (f"; {refusals.raise_limit(month, share)}" if limit_helps else "")
        )


def _differences(
    month: str, reported: Mapping[str, Any] | None, counted: Mapping[tuple[str, str], int]
) -> Iterator[str]:
    """How the job's report disagrees with itself or with the files."""
    if reported is None:
        yield f"the job's report has no {month}"
        return
    if reported["rows_in"] != reported["rows_curated"] + reported["rows_quarantined"]:
        yield (
            f"of {reported['rows_in']:,} rows of {month}, {reported['rows_curated']:,} were curated and "
            f"{reported['rows_quarantined']:,} quarantined, which is not all"
        )
    for kind in ("curated", "quarantined"):
        rows = counted.get((kind, month), 0)
        if rows != reported[f"rows_{kind}"]:
            yield f"{month} has {rows:,} {kind} rows in its files, {reported[f'rows_{kind}']:,} in the job's report"


def _report(version: str, months: Collection[str]) -> dict[str, Any]:
    s3, bucket, key = client("s3"), settings().artifacts_bucket, report_key(version)
    try:
        return dict(json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
    except s3.exceptions.NoSuchKey as error:
        raise DataError(
            f"The conversion left no report at s3://{bucket}/{key}; {refusals.convert_again(months)}."
        ) from error


def _count(months: Sequence[str], version: str) -> tuple[dict[tuple[str, str], int], list[checks.Check], int]:
    """Rows by (curated or quarantined, month), the results of the fact's check file, and the bytes scanned for both."""
    if not months:
        return {}, [], 0
    with _aside(FACT, months, version) as curated, _aside(QUARANTINE, months, version) as quarantined:
        counting = athena.run(
            f"""
            select 'curated' as kind, p_year || '-' || p_month as month, count(*) as row_count
            from {qualified(curated)} group by p_year, p_month
            union all
            select 'quarantined' as kind, p_year || '-' || p_month as month, count(*) as row_count
            from {qualified(quarantined)} group by p_year, p_month
            """
        )
    counts = {
        (str(row["kind"]), str(row["month"])): int(row["row_count"] or 0) for row in athena.rows(counting.query_id)
    }
    results, scanned = _check(months, version)
    return counts, results, counting.bytes_scanned + scanned


def _check(months: Sequence[str], version: str) -> tuple[list[checks.Check], int]:
    """The results of the fact's check file for these months together, and the bytes scanned."""
    with _aside(FACT, months, version) as curated:
        checking = athena.run(render_check(FACT, curated))
    return checks.read(checking.query_id, FACT), checking.bytes_scanned


@contextmanager
def _aside(table: str, months: Sequence[str], version: str) -> Iterator[str]:
    """A table like this one with the version's files, for as long as it is looked at; gives its name."""
    database = settings().curated_database
    served = catalog.deployed_table(database, table)
    name = catalog.aside(table, version)
    location = version_location(table, version)
    storage = served["StorageDescriptor"]
    catalog.put_table(database, {**served, "Name": name, "StorageDescriptor": {**storage, "Location": location}})
    try:
        for month in months:
            folder = {**storage, "Location": f"{location}{partition(month)}/"}
            catalog.put_partition(database, name, {"Values": month.split("-"), "StorageDescriptor": folder})
        yield name
    finally:
        catalog.drop_table(database, name)
