"""What the plain tasks of the batch DAG do; the operators are in ecomm.operators."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecomm.batch.months import choose, job_arguments

log = logging.getLogger(__name__)


def plan(params: Mapping[str, Any], run_id: str, events: Mapping[Any, Sequence[Any]]) -> dict[str, Any]:
    """What the run is about: {months, gone, version, arguments (of the conversion)}.

    events: the asset events that triggered the run, by asset; none where a person did.
    """
    extras = [event.extra for of_asset in events.values() for event in of_asset]
    chosen = choose(run_id, params["months"], extras)
    return {**chosen, "arguments": job_arguments(chosen["months"], chosen["version"], params["cluster_by"])}


def summary(plan: Mapping[str, Any], tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The run in short, and as a table in the log: {months, version, tables: {name: {rows, bytes_scanned}}}.

    tables: what each WriteTableOperator returned.
    """
    found = {each["table"]: {name: each[name] for name in ("rows", "bytes_scanned")} for each in tables}
    log.info("%-26s %12s %16s", "table", "rows", "bytes scanned")
    for name, each in found.items():
        log.info("%-26s %12s %16s", name, f"{each['rows']:,}", f"{each['bytes_scanned']:,}")
    return {"months": list(plan["months"]), "version": plan["version"], "tables": found}
