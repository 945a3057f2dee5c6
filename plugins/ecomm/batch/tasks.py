"""What the plain tasks of the batch DAG do; the operators are in ecomm.operators."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecomm import athena
from ecomm.batch.months import choose, job_arguments
from ecomm.sql import qualified

log = logging.getLogger(__name__)


def plan(params: Mapping[str, Any], run_id: str, events: Mapping[Any, Sequence[Any]]) -> dict[str, Any]:
    """What the run is about: {months, gone, version, arguments (of the conversion)}.

    events: the asset events that triggered the run, by asset; none where a person did.
    """
    extras = [event.extra for of_asset in events.values() for event in of_asset]
    chosen = choose(run_id, params["months"], extras)
    return {**chosen, "arguments": job_arguments(chosen["months"], chosen["version"], params["cluster_by"])}


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
