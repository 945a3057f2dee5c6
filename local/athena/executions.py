"""The records of queries as Athena answers them, each in a file of its own, so that they outlive the platform's
process."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from local.athena.errors import SYSTEM, InvalidRequestError, QueryError
from local.whole_file import write_whole

MOST_LISTED = 50
DIED = "The platform stopped while the query ran: start it again"
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")

# As GetQueryExecution answers it; what begins with an underscore is the platform's own.
Execution = dict[str, Any]


class Executions:
    """Those that were ever started. What the process before left at work has failed.

    folder: holds one JSON file an execution. lock: held by who looks at a state and acts on what it is.
    """

    def __init__(self, folder: Path) -> None:
        self.lock = threading.RLock()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._executions = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
        for execution in self._executions.values():
            if execution["Status"]["State"] not in ENDED:
                self.end(execution, "FAILED", DIED)

    def add(self, execution: Execution) -> None:
        with self.lock:
            self._executions[execution["QueryExecutionId"]] = execution
        self.save(execution)

    def find(self, query_id: str) -> Execution:
        """Raises InvalidRequestError."""
        execution = self._executions.get(query_id)
        if execution is None:
            raise InvalidRequestError(f"QueryExecution {query_id} was not found")
        return execution

    def started_with(self, token: str | None) -> Execution | None:
        """The execution that a request of this token started."""
        if not token:
            return None
        return next((one for one in list(self._executions.values()) if one.get("_token") == token), None)

    def get(self, query_id: str) -> Execution:
        """GetQueryExecution. Raises InvalidRequestError."""
        return {key: value for key, value in list(self.find(query_id).items()) if not key.startswith("_")}

    def get_all(self, query_ids: list[str]) -> dict[str, Any]:
        """BatchGetQueryExecution."""
        unknown = [query_id for query_id in query_ids if query_id not in self._executions]
        return {
            "QueryExecutions": [self.get(query_id) for query_id in query_ids if query_id not in unknown],
            "UnprocessedQueryExecutionIds": [
                {"QueryExecutionId": query_id, "ErrorCode": "NOT_FOUND", "ErrorMessage": f"{query_id} was not found"}
                for query_id in unknown
            ],
        }

    def ids(self, workgroup: str, token: str | None, most: int) -> dict[str, Any]:
        """ListQueryExecutions: of a workgroup, the newest first, at most 50 a page. Raises InvalidRequestError."""
        chosen = [one for one in list(self._executions.values()) if one["WorkGroup"] == workgroup]
        chosen.sort(key=lambda one: float(one["Status"]["SubmissionDateTime"]), reverse=True)
        if token and not token.isdigit():
            raise InvalidRequestError(f"NextToken {token!r} is not one of this list's.")
        start = int(token or 0)
        end = start + min(most or MOST_LISTED, MOST_LISTED)
        found = {"QueryExecutionIds": [one["QueryExecutionId"] for one in chosen[start:end]]}
        return {**found, "NextToken": str(end)} if end < len(chosen) else dict(found)

    def end(
        self,
        execution: Execution,
        state: str,
        reason: str | None,
        error: QueryError | None = None,
        started: float | None = None,
    ) -> None:
        """Notes how it ended. started: when it left its queue, by the clock; it never did where there is none."""
        now = time.time()
        submitted = float(execution["Status"]["SubmissionDateTime"])
        started = started or now
        execution["Statistics"] |= {
            "EngineExecutionTimeInMillis": _milliseconds(now - started),
            "TotalExecutionTimeInMillis": _milliseconds(now - submitted),
            "QueryQueueTimeInMillis": _milliseconds(started - submitted),
            "ServiceProcessingTimeInMillis": 0,
            "ResultReuseInformation": {"ReusedPreviousResult": False},
        }
        status = {"State": state, "SubmissionDateTime": submitted, "CompletionDateTime": now}
        if reason:
            status["StateChangeReason"] = reason
        if state == "FAILED":
            status["AthenaError"] = {
                "ErrorCategory": error.category if error else SYSTEM,
                "ErrorType": error.type if error else 200,
                "Retryable": error is None,
                "ErrorMessage": reason or "",
            }
        with self.lock:
            execution["Status"] = status
        self.save(execution)

    def save(self, execution: Execution) -> None:
        with self.lock:
            write_whole(self._folder / f"{execution['QueryExecutionId']}.json", json.dumps(execution))


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))
