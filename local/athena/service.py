"""The life of queries: started, queued, run, stopped, answered."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local import principals
from local.athena import parameters, results, statements
from local.athena.engine import Answer, Request, Run, new_id
from local.athena.errors import SYSTEM, InvalidRequestError, QueryCancelledError, QueryError
from local.athena.executions import DIED, ENDED, Execution, Executions
from local.athena.session import Engine
from local.athena.tables import Lister
from local.athena.types import parse as parse_type
from local.objects import split_uri

CONCURRENT_QUERIES = 3
MOST_ROWS = 1000
ENGINE = "Athena engine version 3"

log = logging.getLogger("local.athena")


class QueryService:
    """Athena's operations on query executions, as dictionaries in and out; all but the running itself answer at once.

    client: gives a boto3 client of this platform by service name. workgroup: gives a workgroup by name, or None.
    folder: holds the records of executions, and the working files of those that run.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        workgroup: Callable[[str], dict[str, Any] | None],
        lister: Lister,
        objects: Path,
        folder: Path,
    ) -> None:
        self._client = client
        self._workgroup = workgroup
        self._lister = lister
        self.executions = Executions(folder / "executions")
        self._work = folder / "work"
        self._runs: dict[str, Run] = {}
        self._closing = threading.Event()
        self._pool = ThreadPoolExecutor(CONCURRENT_QUERIES, "athena")
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir(parents=True, exist_ok=True)
        self._engine = Engine(objects, self._work)

    # ---- the API's operations ----------------------------------------------------------------------------------------

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """StartQueryExecution. Raises InvalidRequestError."""
        sql = str(request.get("QueryString") or "")
        if not sql.strip():
            raise InvalidRequestError("QueryString is empty: give one statement.")
        if known := self._same_token(request):
            return known
        workgroup = self._checked_workgroup(request)
        configuration = workgroup.get("Configuration") or {}
        output = self._output(request, configuration, workgroup["Name"])
        context = request.get("QueryExecutionContext") or {}
        execution: Execution = {
            "QueryExecutionId": new_id(),
            "Query": sql,
            "StatementType": "DML",
            "ResultConfiguration": {"OutputLocation": output},
            "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
            "QueryExecutionContext": {
                "Database": str(context.get("Database") or "default").lower(),
                "Catalog": str(context.get("Catalog") or "awsdatacatalog").lower(),
            },
            "Status": {"State": "QUEUED", "SubmissionDateTime": time.time()},
            "Statistics": {"DataScannedInBytes": 0},
            "WorkGroup": workgroup["Name"],
            "EngineVersion": {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": ENGINE},
            # A template's parameters arrive as text, where CloudFormation itself would make them numbers.
            "_cutoff": int(configuration.get("BytesScannedCutoffPerQuery") or 0) or None,
            "_enforced": _enforced(configuration, workgroup["Name"]),
            "_token": request.get("ClientRequestToken"),
        }
        if request.get("ExecutionParameters"):
            execution["ExecutionParameters"] = request["ExecutionParameters"]
        self.executions.add(execution)
        # A query has the rights of who asks.
        self._pool.submit(principals.acting_as(principals.acting())(self._execute), execution)
        return {"QueryExecutionId": execution["QueryExecutionId"]}

    def stop(self, query_id: str) -> None:
        """StopQueryExecution; one that has ended stays as it ended. Raises InvalidRequestError."""
        execution = self.executions.find(query_id)
        with self.executions.lock:
            if execution["Status"]["State"] == "QUEUED":
                # With the lock held, so that no thread takes it up meanwhile.
                self.executions.end(execution, "CANCELLED", "Query was cancelled by user")
            run = self._runs.get(query_id)
        if run:
            run.stop()

    def results(self, query_id: str, token: str | None, most: int) -> dict[str, Any]:
        """GetQueryResults, read from the result's object. Raises InvalidRequestError."""
        execution = self.executions.find(query_id)
        state = execution["Status"]["State"]
        if state == "FAILED":
            raise InvalidRequestError(f"Query did not finish successfully. Final query state: {state}")
        if state != "SUCCEEDED":
            raise InvalidRequestError(f"Query has not yet finished. Current state: {state}")
        columns = [(name, parse_type(type_)) for name, type_ in execution["_columns"]]
        rows: list[list[str | None]] = []
        following = None
        if execution["_has_rows"]:
            rows, following = self._page(execution, token, most)
        return {
            "UpdateCount": execution.get("_updated", 0),
            "ResultSet": {
                "Rows": [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in rows],
                "ResultSetMetadata": {"ColumnInfo": [results.column_info(name, type_) for name, type_ in columns]},
            },
            **({"NextToken": following} if following else {}),
        }

    def close(self) -> None:
        """Ends what runs; a query that waits is found as failed when the platform starts again."""
        with self.executions.lock:
            self._closing.set()
            running = list(self._runs.values())
        for run in running:
            run.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    # ---- starting ----------------------------------------------------------------------------------------------------

    def _same_token(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The execution that the same request started before."""
        execution = self.executions.started_with(request.get("ClientRequestToken"))
        if execution is None:
            return None
        if execution["Query"] != request["QueryString"]:
            raise InvalidRequestError("Idempotent parameters do not match")
        return {"QueryExecutionId": execution["QueryExecutionId"]}

    def _checked_workgroup(self, request: dict[str, Any]) -> dict[str, Any]:
        name = str(request.get("WorkGroup") or "primary")
        workgroup = self._workgroup(name)
        if workgroup is None:
            raise InvalidRequestError(f"WorkGroup {name} is not found.")
        if workgroup.get("State") == "DISABLED":
            raise InvalidRequestError(f"WorkGroup {name} is disabled.")
        return workgroup

    def _output(self, request: dict[str, Any], configuration: dict[str, Any], workgroup: str) -> str:
        """The S3 folder of the results: the workgroup's where it enforces its own or nothing was asked for."""
        own = (configuration.get("ResultConfiguration") or {}).get("OutputLocation")
        asked = (request.get("ResultConfiguration") or {}).get("OutputLocation")
        location = (own or asked) if _enforced(configuration, workgroup) else (asked or own)
        if not location:
            raise InvalidRequestError(
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input."
            )
        try:
            bucket, _ = split_uri(location)
            self._lister(bucket, "\x00")
        except ValueError as error:
            raise InvalidRequestError(f"outputLocation is not a valid S3 path. {error}") from error
        except LookupError as error:
            raise InvalidRequestError(f"Unable to verify/create output bucket {bucket}") from error
        return str(location) if location.endswith("/") else f"{location}/"

    # ---- running -----------------------------------------------------------------------------------------------------

    def _execute(self, execution: Execution) -> None:
        """The work of one query, in a thread of the pool."""
        query_id = execution["QueryExecutionId"]
        started = time.time()
        with self.executions.lock:
            if execution["Status"]["State"] in ENDED or self._closing.is_set():
                return
            request = Request(
                query_id,
                execution["Query"],
                execution["QueryExecutionContext"]["Database"],
                execution["ResultConfiguration"]["OutputLocation"],
                execution["_cutoff"],
                execution["_enforced"],
                execution["WorkGroup"],
            )
            run = Run(request, self._client, self._lister, self._engine, self._work)
            self._runs[query_id] = run
            execution["Status"]["State"] = "RUNNING"
        self.executions.save(execution)
        try:
            statement = self._statement(execution)
            execution["StatementType"], execution["SubstatementType"] = statements.kind(statement)
            answer = run.execute(statement)
            self._answered(execution, answer)
            state, reason, error = "SUCCEEDED", None, None
        except QueryCancelledError as cancelled:
            state, reason, error = (
                ("FAILED", DIED, None) if self._closing.is_set() else ("CANCELLED", str(cancelled), None)
            )
        except QueryError as failed:
            state, reason, error = "FAILED", failed.sentence, failed
        except Exception as failed:
            log.exception("Query %s failed inside the engine", query_id)
            error = QueryError("GENERIC_INTERNAL_ERROR", f"{type(failed).__name__}: {failed}", category=SYSTEM)
            state, reason = "FAILED", error.sentence
        finally:
            shutil.rmtree(self._work / query_id, ignore_errors=True)
            self._runs.pop(query_id, None)
        execution["Statistics"]["DataScannedInBytes"] = run.scanned
        self.executions.end(execution, state, reason, error, started)

    def _statement(self, execution: Execution) -> statements.AnyStatement:
        """The statement to run: parameters in their places, a prepared statement looked up."""
        sql = execution["Query"]
        statement = statements.parse(sql)
        if isinstance(statement, statements.Execute):
            given = statement.parameters or execution.get("ExecutionParameters") or []
            sql = parameters.prepared(self._client("athena"), execution["WorkGroup"], statement.name)
            return statements.parse(parameters.fill(sql, given))
        if isinstance(statement, (statements.Prepare, statements.Deallocate)):
            return statement
        return statements.parse(parameters.fill(sql, execution.get("ExecutionParameters") or []))

    def _answered(self, execution: Execution, answer: Answer) -> None:
        """Puts the result's file into S3; only then is the query a success."""
        bucket, key = split_uri(answer.location)
        if answer.file is not None:
            self._client("s3").upload_file(str(answer.file), bucket, key)
        execution["ResultConfiguration"]["OutputLocation"] = answer.location
        if answer.manifest:
            execution["Statistics"]["DataManifestLocation"] = answer.manifest
        execution["_columns"] = [(name, str(type_)) for name, type_ in answer.columns]
        execution["_has_rows"] = answer.manifest is None
        execution["_updated"] = answer.updated

    # ---- reading -----------------------------------------------------------------------------------------------------

    def _page(self, execution: Execution, token: str | None, most: int) -> tuple[list[list[str | None]], str | None]:
        location = execution["ResultConfiguration"]["OutputLocation"]
        bucket, key = split_uri(location)
        stored = next((one for one in self._lister(bucket, key) if one.key == key), None)
        if stored is None:
            raise InvalidRequestError(f"Could not find results at {location}: the object was deleted.")
        try:
            return results.page(stored.path, location.endswith(".csv"), token, min(most or MOST_ROWS, MOST_ROWS))
        except ValueError as error:
            raise InvalidRequestError(f"NextToken {token!r} is not one of this query's.") from error


def _enforced(configuration: dict[str, Any], workgroup: str) -> bool:
    """Whether the workgroup's settings override the request's; so by default, but for primary."""
    return bool(configuration.get("EnforceWorkGroupConfiguration", workgroup != "primary"))
