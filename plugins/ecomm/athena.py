"""Athena queries: started, awaited, judged, and counted in bytes scanned."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ecomm.aws import client
from ecomm.errors import DataError
from ecomm.settings import settings
from ecomm.waiting import Wait, stop, wait

# Words of a failure that another try would not heal, and what does.
HOPELESS = {
    "SYNTAX_ERROR": "Correct the statement, then clear the task.",
    "Bytes scanned limit was exceeded": "Let it read less, or raise the limit of the workgroup "
    "(ScanCutoffBytes of the batch stack), then clear the task.",
}


@dataclass(frozen=True)
class Ended:
    """A query that succeeded. bytes_scanned: what Athena bills. seconds: from submission to end."""

    query_id: str
    bytes_scanned: int
    seconds: float


def start(sql: str, once: str = "") -> str:
    """Starts a query in the platform's workgroup and curated database; returns its id.

    once: what the query is for; where the same query was started for that already, its id is returned and none started.
    """
    names = settings()
    token = {"ClientRequestToken": hashlib.sha256(f"{once}\n{sql}".encode()).hexdigest()} if once else {}
    started = client("athena").start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": names.curated_database, "Catalog": "AwsDataCatalog"},
        WorkGroup=names.athena_workgroup,
        **token,
    )
    return str(started["QueryExecutionId"])


def waiting(query_id: str) -> Wait:
    """How to see that a query has ended."""
    return Wait(
        name=f"Athena query {query_id}",
        service="athena",
        operation="get_query_execution",
        arguments={"QueryExecutionId": query_id},
        state="QueryExecution.Status.State",
        busy=("QUEUED", "RUNNING"),
        longest_pause=5,
        stop_operation="stop_query_execution",
        stop_arguments={"QueryExecutionId": query_id},
    )


def has_failed(query_id: str) -> bool:
    """Whether a query ended without a result; False for one at work."""
    found = client("athena").get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    return found["Status"]["State"] in ("FAILED", "CANCELLED")


def ended(query_id: str) -> Ended:
    """What an ended query cost.

    Raises, with Athena's words, DataError where the query is wrong or reads too much, else RuntimeError.
    """
    found = client("athena").get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
    status = found["Status"]
    if status["State"] != "SUCCEEDED":
        reason = status.get("StateChangeReason", "no reason given")
        advice = next((advice for words, advice in HOPELESS.items() if words in reason), None)
        told = f"Athena query {query_id} ended as {status['State']}: {reason}. {advice or ''}".strip()
        raise (DataError if advice else RuntimeError)(f"{told} Its text: {found['Query'].strip()}")
    statistics = found.get("Statistics", {})
    return Ended(
        query_id, int(statistics.get("DataScannedInBytes", 0)), statistics.get("TotalExecutionTimeInMillis", 0) / 1000
    )


def run(sql: str) -> Ended:
    """Runs a query to its end; one that is not waited for to the end is stopped. Raises as `ended` does."""
    query_id = start(sql)
    query = waiting(query_id)
    try:
        wait(query)
    except BaseException:  # the time-out of a task is no Exception
        stop(query)
        raise
    return ended(query_id)


def rows(query_id: str) -> Iterator[dict[str, str | None]]:
    """The result of an ended SELECT, a row at a time, by column; all values are text, null is None."""
    names: list[str] = []
    for page in client("athena").get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
        for row in page["ResultSet"]["Rows"]:
            values = [value.get("VarCharValue") for value in row["Data"]]
            if names:
                yield dict(zip(names, values, strict=True))
            else:
                names = [str(value) for value in values]


def rows_written(query_id: str) -> int:
    """Rows that an ended CREATE TABLE AS wrote."""
    answer: dict[str, Any] = client("athena").get_query_results(QueryExecutionId=query_id, MaxResults=1)
    return int(answer.get("UpdateCount", 0))
