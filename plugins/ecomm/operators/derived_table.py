"""Writes a table of KPIs aside, and audits it there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from ecomm import athena, catalog, checks
from ecomm.errors import DataError
from ecomm.operators.base import AwsOperator
from ecomm.settings import settings
from ecomm.sql import check_file, qualified, render
from ecomm.waiting import Wait

log = logging.getLogger(__name__)

KPI_PREFIX = "kpi/"


class WriteTableOperator(AwsOperator):
    """Computes a table of include/sql under a name and in a folder of its own, where nobody reads it yet.

    table: its name once published. file: its SELECT. version: of the run, a word of letters, digits and underscores.
    What earlier tries left is removed first. Returns {table, staged (the name aside), location, rows, bytes_scanned,
    seconds, query_id}.
    """

    template_fields: Sequence[str] = ("table", "file", "version")

    def __init__(self, *, table: str, file: str, version: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = table
        self.file = file
        self.version = version

    def start(self, context: Context) -> str:
        staged = self._staged(context)
        # The files go when the table is published next.
        for left in catalog.drop_aside(settings().curated_database, self.table):
            log.info("Removed %s, left by an earlier try", left)
        statement = (
            f"CREATE TABLE {qualified(staged)}\n"
            f"WITH (format = 'PARQUET', write_compression = 'ZSTD', external_location = '{self._location(context)}')\n"
            f"AS\n{render(self.file)}"
        )
        log.info("%s", statement)
        return athena.start(statement)

    def waiting(self, handle: str) -> Wait:
        return athena.waiting(handle)

    def finish(self, context: Context, handle: str) -> dict[str, Any]:
        query = athena.ended(handle)
        rows = athena.rows_written(handle)
        log.info("%s: %s rows written, %s bytes scanned", self.table, f"{rows:,}", f"{query.bytes_scanned:,}")
        return {
            "table": self.table,
            "staged": self._staged(context),
            "location": self._location(context),
            "rows": rows,
            "bytes_scanned": query.bytes_scanned,
            "seconds": query.seconds,
            "query_id": handle,
        }

    def stop(self, handle: str) -> None:
        athena.stop(handle)

    def _staged(self, context: Context) -> str:
        # A query of an earlier try may still be at work; so each try has a name and a folder of its own.
        return catalog.aside(self.table, f"{self.version}_{context['ti'].try_number}")

    def _location(self, context: Context) -> str:
        folder = f"{KPI_PREFIX}{self.table}/{self.version}-{context['ti'].try_number}/"
        return f"s3://{settings().curated_bucket}/{folder}"


class AuditTableOperator(AwsOperator):
    """Runs the check file beside a table's SELECT on the table aside; any failing row keeps it from being published.

    written: what WriteTableOperator returned. Returns {table, checks: {name: {outcome, failing_rows, detail}},
    bytes_scanned}; where a check fails, that is the XCom failed_audit.
    """

    template_fields: Sequence[str] = ("file", "written")

    def __init__(self, *, file: str, written: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.file = file
        self.written = written

    def start(self, context: Context) -> str:
        query = render(check_file(self.file), table=qualified(self.written["staged"]))
        log.info("%s", query)
        return athena.start(query)

    def waiting(self, handle: str) -> Wait:
        return athena.waiting(handle)

    def finish(self, context: Context, handle: str) -> dict[str, Any]:
        query = athena.ended(handle)
        table, file = self.written["table"], check_file(self.file)
        found = checks.read(handle, file)
        checks.show(found)
        result = {"table": table, "checks": checks.as_result(found), "bytes_scanned": query.bytes_scanned}
        if failed := checks.failed(found):
            # What a task returns is shown in the UI; one that fails returns nothing, so it leaves this beforehand.
            context["ti"].xcom_push("failed_audit", result)
            raise DataError(
                f"{table} was not published, the one before it goes on serving: {'; '.join(failed)}. "
                f"The rows are in {self.written['staged']}; the checks in {file}."
            )
        return result

    def stop(self, handle: str) -> None:
        athena.stop(handle)
