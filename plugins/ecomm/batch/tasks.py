"""What the plain tasks of the batch DAG do; the operators are in ecomm.operators."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecomm import athena
from ecomm.aws import client
from ecomm.batch import partition_key_report
from ecomm.batch.months import average_month, choose, job_arguments
from ecomm.batch.partition_key import BY_PROFILE, choose_key
from ecomm.batch.profile import read_profile
from ecomm.contract import DOMAINS
from ecomm.errors import DataError
from ecomm.settings import settings
from ecomm.sql import qualified

log = logging.getLogger(__name__)


def plan(params: Mapping[str, Any], run_id: str, events: Mapping[Any, Sequence[Any]]) -> dict[str, Any]:
    """What the run is about: {months, gone, version}.

    events: the asset events that triggered the run, by asset; none where a person did.
    """
    extras = [event.extra for of_asset in events.values() for event in of_asset]
    return choose(run_id, params["months"], extras)


def choose_partition_key(profiled: Mapping[str, Any], plan: Mapping[str, Any], cluster_by: str) -> dict[str, Any]:
    """The partition key of the run: {key, key_of_the_profile, sentence, report, arguments (of the conversion)}.

    profiled: what ProfileOperator returned. cluster_by: a column, or `auto` for that of which the profile speaks. The
    reasons go to the log and, as Markdown and JSON, to the bucket of artifacts. Raises DataError where the profile has
    no row, or the column is none of the data.
    """
    profile, month = read_profile(profiled["profile"]), average_month(profiled["rows"])
    if not profile.rows:
        raise DataError(f"The profile {profiled['profile']} has no row; is there data in the raw bucket?")
    if cluster_by not in (BY_PROFILE, *DOMAINS):
        raise DataError(f"cluster_by is {cluster_by!r}; choose {BY_PROFILE} or one of {', '.join(DOMAINS)}.")
    verdict = choose_key(profile, DOMAINS, month)
    key = verdict.key if cluster_by == BY_PROFILE else cluster_by
    told = (verdict, key, month, profile.rows, profiled["profile"])
    sentence = partition_key_report.sentence(verdict, key, profile.rows)
    log.info("Partition key: %s\n%s", sentence, partition_key_report.table(verdict, month))
    report = f"reports/partition_key/{plan['version']}"
    _keep(f"{report}.md", partition_key_report.markdown(*told), "text/markdown")
    uri = _keep(f"{report}.json", json.dumps(partition_key_report.content(*told), indent=2), "application/json")
    return {
        "key": key,
        "key_of_the_profile": verdict.key,
        "sentence": sentence,
        "report": uri,
        "arguments": job_arguments(plan["months"], plan["version"], key),
    }


def _keep(key: str, text: str, content_type: str) -> str:
    """Puts the text into the bucket of artifacts; returns its address."""
    bucket = settings().artifacts_bucket
    client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType=content_type)
    log.info("Wrote s3://%s/%s", bucket, key)
    return f"s3://{bucket}/{key}"


def summary(plan: Mapping[str, Any], tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The run in short, and as tables in the log.

    tables: what each WriteTableOperator returned. Returns {months, version, tables: {name: {rows, bytes_scanned}},
    quality: {check: {rows, failing_rows}}}, the quality being that of all loaded days.
    """
    found = {each["table"]: {name: each[name] for name in ("rows", "bytes_scanned")} for each in tables}
    log.info("%-26s %12s %16s", "table", "rows", "bytes scanned")
    for name, each in found.items():
        log.info("%-26s %12s %16s", name, f"{each['rows']:,}", f"{each['bytes_scanned']:,}")
    quality = _quality()
    log.info("%-26s %12s %16s %9s", "check of all days", "rows", "failing rows", "rate")
    for name, each in quality.items():
        share = each["failing_rows"] / each["rows"]
        log.info("%-26s %12s %16s %8.3f%%", name, f"{each['rows']:,}", f"{each['failing_rows']:,}", 100 * share)
    return {"months": list(plan["months"]), "version": plan["version"], "tables": found, "quality": quality}


def _quality() -> dict[str, dict[str, int]]:
    query = athena.run(
        f"""
        select check, sum("rows") as all_rows, sum(failing_rows) as failing_rows
        from {qualified("kpi_data_quality")} group by check order by check
        """
    )
    return {
        str(row["check"]): {"rows": int(row["all_rows"] or 0), "failing_rows": int(row["failing_rows"] or 0)}
        for row in athena.rows(query.query_id)
    }
