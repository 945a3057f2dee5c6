"""What the plain tasks of the batch DAG do; the operators are in ecomm.operators."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ecomm import athena
from ecomm.aws import client
from ecomm.batch import partition_key_report, refusals
from ecomm.batch.audit import ROWS, audit
from ecomm.batch.months import average_month, choose, job_arguments, still_waiting
from ecomm.batch.partition_key import BY_PROFILE, choose_key
from ecomm.batch.profile import read_profile
from ecomm.batch.publish import publish_activity, require_written
from ecomm.batch.served import changed_months, counts, location, parameters, partitions, snapshot
from ecomm.batch.take_out import take_out
from ecomm.catalog import Partition
from ecomm.contract import DOMAINS
from ecomm.errors import AirflowSkipException, DataError
from ecomm.raw_bucket import files_by_month
from ecomm.settings import settings
from ecomm.sql import qualified
from ecomm.upload.taken_out import months_taken_out

log = logging.getLogger(__name__)


def plan(params: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """What the run has to do, as ecomm.batch.months.choose says; months to be taken out are moved aside first."""
    bucket = settings().raw_bucket
    present = files_by_month(bucket)
    _check_absent(params, present)
    if params["take_out"]:
        take_out(params["take_out"], run_id)
        present = files_by_month(bucket)
    by_month = {month: percent / 100 for month, percent in params["most_quarantined_by_month"].items()}
    return choose(run_id, present, params["months"], params["most_quarantined"] / 100, by_month)


def _check_absent(params: Mapping[str, Any], present: Collection[str]) -> None:
    """Raises DataError, before anything is moved, if the form asks for a month and takes it out, or misspells one."""
    if both := sorted({*params["months"]} & {*params["take_out"]}):
        raise DataError(f"The form converts {', '.join(both)} and takes it out; choose one of both.")
    for name in ("take_out", "most_quarantined_by_month"):
        if {*params[name]} <= set(present):
            continue
        known = {*present, *partitions(), *months_taken_out(settings().raw_bucket)}
        if unknown := sorted({*params[name]} - known):
            raise DataError(
                f"{name} names {', '.join(unknown)}, but the raw bucket has {', '.join(sorted(known)) or 'no month'}."
            )


def require_changes(plan: Mapping[str, Any]) -> None:
    """Raises AirflowSkipException if no month came, changed or went."""
    if not plan["months"] and not plan["gone"]:
        raise AirflowSkipException("The raw bucket holds what it held before.")


def require_months(plan: Mapping[str, Any]) -> None:
    """Raises AirflowSkipException if there is no month to convert."""
    if not plan["months"]:
        raise AirflowSkipException("No month's files have changed since they were converted.")


def require_outdated(plan: Mapping[str, Any], published: Mapping[str, Any]) -> None:
    """Raises AirflowSkipException if every table was computed from the months that are served now."""
    if not (published["published"] or published["dropped"] or plan["outdated"]):
        raise AirflowSkipException("Every table is that of the months that are served.")
    if not partitions():
        raise DataError(
            "No month is served any more, so there is nothing to compute; the KPI tables keep their numbers until one "
            "is. Upload a month with ecomm_dataset_upload."
        )


def audit_months(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What ecomm.batch.audit.audit says of the run's months."""
    if not plan["months"]:
        raise AirflowSkipException("No month's files have changed since they were converted.")
    return audit(plan["months"], plan["version"], plan["limits"], plan["snapshots"])


def publish_months(plan: Mapping[str, Any], audited: Mapping[str, Any] | None) -> dict[str, Any]:
    """Publishes the months that passed their audit, and drops those that are still gone from the bucket.

    audited: None if no month was converted. A month says that it was made of the objects that the job has read.
    """
    audited = audited or {}
    counted, read = audited.get("months", {}), audited.get("snapshots", plan["snapshots"])
    present = files_by_month(settings().raw_bucket)
    if left := sorted(counted.keys() - present.keys()):
        log.warning("%s has left the raw bucket since it was converted, and is not published.", ", ".join(left))
    months = sorted(counted.keys() & present.keys())
    require_written([month for month in months if counted[month]["rows_in"]], plan["version"])
    described = {month: parameters(read[month], plan["limits"][month], counted[month]) for month in months}
    gone = [month for month in plan["gone"] if month not in present]
    refusals.forget(refusals.read().keys() - present.keys())
    return publish_activity(list(described), gone, plan["version"], described)


def check_months(plan: Mapping[str, Any], audited: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns what is served now: {months: {month: its counts}, rows_in, rows_curated, rows_quarantined, converted}.

    So says `waiting` of the months that the form did not name. Raises DataError naming each month that is not served as
    the bucket has it, with the ways out.
    """
    served = partitions()
    months = {month: counts(partition) for month, partition in sorted(served.items())}
    refused = {**plan["left_out"], **(audited or {}).get("refused", {})}
    refused = {month: reason for month, reason in refused.items() if not _is_settled(month, plan, served)}
    if refused:
        raise DataError(refusals.sentence(refused, months))
    converted = [month for month in plan["months"] if month in months]
    waiting = plan.get("waiting", [])
    if waiting:
        log.warning("%s", still_waiting(waiting))
    log.info("Served: %s. Converted by this run: %s.", ", ".join(months), ", ".join(converted) or "none")
    return {
        "months": months,
        **{name: sum(month.get(name, 0) for month in months.values()) for name in ROWS},
        "converted": converted,
        "waiting": waiting,
    }


def _is_settled(month: str, plan: Mapping[str, Any], served: Mapping[str, Partition]) -> bool:
    """Whether a month that the run refused has left the bucket or is served by a later run: a task was cleared."""
    files = files_by_month(settings().raw_bucket).get(month)
    if files is None:
        log.info("%s has left the raw bucket since it was refused.", month)
        return True
    since = location(served.get(month)) != plan.get("served", {}).get(month, location(served.get(month)))
    if since and not changed_months({month: snapshot(files)}, served):
        log.info("%s was refused by this run, and is served as the raw bucket has it by a later one.", month)
        return True
    return False


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


def summary(plan: Mapping[str, Any], published: Sequence[str], tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The run in short, and as tables in the log.

    published: the months that the run published. tables: what each WriteTableOperator returned. Returns {months (those
    published), waiting (months that changed too, but are not those of the form), version, tables: {name: {rows,
    bytes_scanned}}, quality: {check: {rows, failing_rows}}}, the quality being that of all loaded days.
    """
    waiting = plan.get("waiting", [])
    if waiting:
        log.warning("%s", still_waiting(waiting))
    found = {each["table"]: {name: each[name] for name in ("rows", "bytes_scanned")} for each in tables}
    log.info("%-26s %12s %16s", "table", "rows", "bytes scanned")
    for name, each in found.items():
        log.info("%-26s %12s %16s", name, f"{each['rows']:,}", f"{each['bytes_scanned']:,}")
    quality = _quality()
    log.info("%-26s %12s %16s %9s", "check of all days", "rows", "failing rows", "rate")
    for name, each in quality.items():
        share = each["failing_rows"] / each["rows"]
        log.info("%-26s %12s %16s %8.3f%%", name, f"{each['rows']:,}", f"{each['failing_rows']:,}", 100 * share)
    return {
        "months": list(published),
        "waiting": waiting,
        "version": plan["version"],
        "tables": found,
        "quality": quality,
    }


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
