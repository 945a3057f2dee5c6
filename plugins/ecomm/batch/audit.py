"""Counts and checks what the conversion made, before anybody reads it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ecomm import athena, catalog, checks
from ecomm.aws import client
from ecomm.batch.months import report_key, version_location
from ecomm.contract import partition
from ecomm.errors import DataError
from ecomm.settings import settings
from ecomm.sql import qualified, render
from ecomm.tables import FACT, FACT_CHECKS, QUARANTINE

log = logging.getLogger(__name__)


def audit(months: Sequence[str], version: str, most_quarantined: float) -> dict[str, Any]:
    """Compares the job's report with Athena's own count of the files, and runs the fact's check file on them.

    most_quarantined: the largest share of a month's rows that may be set aside. Returns {rows_in, rows_curated,
    rows_quarantined, months: {month: the same and reasons}, checks: {name: {outcome, failing_rows, detail}},
    bytes_scanned}. Raises DataError where rows are missing, the counts differ, too many rows were set aside, or a
    check fails.
    """
    report = _report(version)
    counted, found, bytes_scanned = _count(months, version)
    checks.show(found)
    faults = checks.failed(found)
    for month in months:
        told = report["months"].get(month)
        if told is None:
            faults.append(f"the report has no {month}")
            continue
        faults += _differences(month, told, counted)
        share = told["rows_quarantined"] / max(told["rows_in"], 1)
        log.info(
            "%s: %s rows in, %s curated, %s quarantined (%.3f %%)",
            *(month, f"{told['rows_in']:,}", f"{told['rows_curated']:,}", f"{told['rows_quarantined']:,}", 100 * share),
        )
        for reason, rows in sorted(told["reasons"].items(), key=lambda item: -item[1]):
            log.info("    %s: %s", reason, f"{rows:,}")
        if share > most_quarantined:
            reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in told["reasons"].items())
            faults.append(
                f"{share:.2%} of {month}'s rows were set aside, {most_quarantined:.2%} are allowed ({reasons}); "
                f"the lines are in {version_location(QUARANTINE, version)}{partition(month)}/"
            )
    if faults:
        raise DataError(f"Nothing was published: {'; '.join(faults)}.")
    return {
        **{name: report[name] for name in ("rows_in", "rows_curated", "rows_quarantined")},
        "months": report["months"],
        "checks": checks.as_result(found),
        "bytes_scanned": bytes_scanned,
    }


def _differences(month: str, told: dict[str, Any], counted: dict[tuple[str, str], int]) -> Iterator[str]:
    if told["rows_in"] != told["rows_curated"] + told["rows_quarantined"]:
        yield (
            f"of {told['rows_in']:,} rows of {month}, {told['rows_curated']:,} were curated and "
            f"{told['rows_quarantined']:,} quarantined, which is not all"
        )
    for kind in ("curated", "quarantined"):
        found = counted.get((kind, month), 0)
        if found != told[f"rows_{kind}"]:
            yield f"{month} has {found:,} {kind} rows in its files, {told[f'rows_{kind}']:,} in the job's report"


def _report(version: str) -> dict[str, Any]:
    s3, bucket, key = client("s3"), settings().artifacts_bucket, report_key(version)
    try:
        return dict(json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
    except s3.exceptions.NoSuchKey as error:
        raise DataError(f"The conversion left no report at s3://{bucket}/{key}; run it again.") from error


def _count(months: Sequence[str], version: str) -> tuple[dict[tuple[str, str], int], list[checks.Check], int]:
    """Rows by (curated or quarantined, month), what the fact's check file found, and the bytes scanned for both."""
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
        checking = athena.run(render(FACT_CHECKS, table=qualified(curated)))
    counts = {
        (str(row["kind"]), str(row["month"])): int(row["row_count"] or 0) for row in athena.rows(counting.query_id)
    }
    found = checks.read(checking.query_id, FACT_CHECKS)
    return counts, found, counting.bytes_scanned + checking.bytes_scanned


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
