"""Writes a table of KPIs aside, and audits it there."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from ecomm import athena, catalog, checks
from ecomm.batch.served import fingerprint, partitions
from ecomm.errors import DataError
from ecomm.operators.base import AwsOperator
from ecomm.settings import settings
from ecomm.sql import qualified, render_check, render_query
from ecomm.waiting import Wait

log = logging.getLogger(__name__)

KPI_PREFIX = "kpi/"


class _QueryOperator(AwsOperator):
    """Runs one Athena query; the handle is its id and the number of the try that started it, as `id/number`.

    What `made_from` says before the query starts follows in the handle, unless an earlier try has started it.

    A try takes over the query that an earlier one started, at work or with success; one that failed is run anew. A
    killed task stops its query, one whose worker died leaves it to the next try.

    The provider's `AthenaOperator` starts, and pays for, a query each try, does not tell what it scanned, and loses
    Athena's reason for a failure where it defers.
    """

    @abstractmethod
    def statement(self, number: int) -> str:
        """What the try of this number runs."""

    def made_from(self) -> str:
        """Stands for what the query reads."""
        return ""

    def start(self, context: Context) -> str:
        task, made_from = context["ti"], self.made_from()
        for number in range(self.first_try(context), task.try_number + 1):
            statement = self.statement(number)
            of_the_try = f"{task.dag_id}/{task.run_id}/{task.task_id}/{task.map_index}/{task.max_tries}/{number}"
            query_id = athena.start(statement, once=of_the_try)
            if number == task.try_number or not athena.has_failed(query_id):
                break
            log.info("Query %s, of try %s, ended without a result.", query_id, number)
        log.info("Query %s, of try %s:\n%s", query_id, number, statement)
        handle = f"{query_id}/{number}"
        return f"{handle}/{made_from}" if made_from and number == task.try_number else handle

    def waiting(self, handle: str) -> Wait:
        return athena.waiting(_query(handle))

    def console_page(self, handle: str) -> str:
        return f"athena/home?region={settings().region}#/query-editor/history/{_query(handle)}"


def _query(handle: str) -> str:
    return handle.partition("/")[0]


class WriteTableOperator(_QueryOperator):
    """Computes a table of include/sql under a name and in a folder of its own, where nobody reads it yet.

    table: its name once published. version: of the run, a word of letters, digits and underscores.
    What earlier runs left is removed. Returns {table, staged (the name aside), location, made_from (what stands for the
    fact and the statements that it was computed from; empty if that is not known), rows, bytes_scanned, seconds,
    query_id}.
    """

    template_fields: Sequence[str] = ("table", "version")

    def __init__(self, *, table: str, version: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.version = version

    def made_from(self) -> str:
        return fingerprint(self.table, partitions())

    def statement(self, number: int) -> str:
        return (
            f"CREATE TABLE {qualified(self._staged(number))}\n"
            f"WITH (format = 'PARQUET', write_compression = 'ZSTD', external_location = '{self._location(number)}')\n"
            f"AS\n{render_query(self.table)}"
        )

    def finish(self, context: Context, handle: str) -> dict[str, Any]:
        query_id, number, *made_from = handle.split("/")
        query = athena.ended(query_id)
        staged = self._staged(int(number))
        # The files go when the table is published next.
        for left in catalog.drop_aside(settings().curated_database, self.table, keep=staged):
            log.info("Removed %s, left by an earlier run or try", left)
        rows = athena.rows_written(query_id)
        log.info("%s: %s rows written, %s bytes scanned", self.table, f"{rows:,}", f"{query.bytes_scanned:,}")
        return {
            "table": self.table,
            "staged": staged,
            "location": self._location(int(number)),
            "made_from": "".join(made_from),
            "rows": rows,
            "bytes_scanned": query.bytes_scanned,
            "seconds": query.seconds,
            "query_id": query_id,
        }

    def _staged(self, number: int) -> str:
        # A query that failed has left files; so each try that runs one has a name and a folder of its own.
        return catalog.aside(self.table, f"{self.version}_{number}")

    def _location(self, number: int) -> str:
        return f"s3://{settings().curated_bucket}/{KPI_PREFIX}{self.table}/{self.version}-{number}/"


class AuditTableOperator(_QueryOperator):
    """Runs a table's check file on the table aside; any failing row keeps it from being published.

    written: what WriteTableOperator returned. Returns {table, checks: {name: {outcome, failing_rows, detail}},
    bytes_scanned}; where a check fails, that is the XCom failed_audit.
    """

    template_fields: Sequence[str] = ("table", "written")

    def __init__(self, *, table: str, written: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.written = written

    def statement(self, number: int) -> str:
        return render_check(self.table, self.written["staged"])

    def finish(self, context: Context, handle: str) -> dict[str, Any]:
        query = athena.ended(_query(handle))
        table = self.table
        found = checks.read(_query(handle), table)
        checks.show(found)
        result = {"table": table, "checks": checks.as_result(found), "bytes_scanned": query.bytes_scanned}
        if failed := checks.failed(found):
            # What a task returns is shown in the UI; one that fails returns nothing, so it leaves this beforehand.
            context["ti"].xcom_push("failed_audit", result)
            raise DataError(
                f"{table} was not published, the one before it goes on serving: {'; '.join(failed)}. "
                f"The rows are in {self.written['staged']}; the checks in include/sql/{table}/check.sql."
            )
        return result
