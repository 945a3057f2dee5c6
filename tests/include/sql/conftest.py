"""The queries of include/sql, run by the local platform's Athena over rows given as CSV."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import duckdb
import pytest
from ecomm.settings import settings
from ecomm.sql import render_check, render_query
from ecomm.tables import DERIVED as TABLES
from ecomm.tables import FACT, QUARANTINE

from tests.conftest import ROOT, Platform
from tests.include.sql import edge_cases
from tests.reference_model import Row

REAL_ROWS = Path(os.environ.get("ECOMM_REAL_DATA", ROOT.parent / "shared" / "data")) / "2019-Oct-head.csv"
# The real rows are no part of the project; where they are, they are used.
collect_ignore = [] if REAL_ROWS.is_file() else ["test_real_rows.py"]

DERIVED = [table.name for table in TABLES]
BUCKET = "sql-test"
QUERY_SECONDS = 120
# The columns of the fact, by Hive's names and by DuckDB's.
FACT_COLUMNS = {
    "event_time": ("timestamp", "TIMESTAMP"),
    "event_type": ("string", "VARCHAR"),
    "product_id": ("bigint", "BIGINT"),
    "category_id": ("bigint", "BIGINT"),
    "category_code": ("string", "VARCHAR"),
    "brand": ("string", "VARCHAR"),
    "price": ("decimal(10,2)", "DECIMAL(10,2)"),
    "user_id": ("bigint", "BIGINT"),
    "user_session": ("string", "VARCHAR"),
}

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


class Warehouse:
    """A curated database on the platform: the fact, and the tables computed from it."""

    def __init__(self, platform: Platform, database: str) -> None:
        session = boto3.Session("local", "local", region_name="us-east-1")
        self._s3 = session.client("s3", endpoint_url=platform.endpoint)
        self._glue = session.client("glue", endpoint_url=platform.endpoint)
        self._athena = session.client("athena", endpoint_url=platform.endpoint)
        self.database = database
        self._s3.create_bucket(Bucket=BUCKET)
        self._glue.create_database(DatabaseInput={"Name": database})

    def load_fact(self, lines: list[str]) -> None:
        """Makes the fact of these CSV lines, one file a month, as the Spark job would."""
        months = sorted({line[:7] for line in lines})
        files = {month: _parquet([line for line in lines if line.startswith(month)]) for month in months}
        columns = {name: hive for name, (hive, _) in FACT_COLUMNS.items()} | {"repeated": "boolean"}
        self._load(FACT, columns, files)

    def load_quarantine(self, lines: Mapping[str, list[str]]) -> None:
        """Makes the quarantine of these lines, by the month of their folder."""
        self._load(QUARANTINE, {"line": "string"}, {month: _parquet_lines(found) for month, found in lines.items()})

    def _load(self, table: str, columns: Mapping[str, str], files: Mapping[str, bytes]) -> None:
        location = f"s3://{BUCKET}/{self.database}/{table}/"
        described = [{"Name": name, "Type": kind} for name, kind in columns.items()]
        storage = {"Columns": described, "Location": location, **PARQUET}
        self._glue.create_table(
            DatabaseName=self.database,
            TableInput={
                "Name": table,
                "TableType": "EXTERNAL_TABLE",
                "PartitionKeys": [{"Name": name, "Type": "string"} for name in ("p_year", "p_month")],
                "StorageDescriptor": storage,
                "Parameters": {"classification": "parquet"},
            },
        )
        for month, body in files.items():
            folder = f"{location}p_year={month[:4]}/p_month={month[5:]}/"
            self._s3.put_object(Bucket=BUCKET, Key=f"{folder.removeprefix(f's3://{BUCKET}/')}rows.parquet", Body=body)
            partition = {"Values": month.split("-"), "StorageDescriptor": {**storage, "Location": folder}}
            self._glue.create_partition(DatabaseName=self.database, TableName=table, PartitionInput=partition)

    def derive(self, table: str) -> None:
        """Computes a table from those before it."""
        with self._settings():
            query = render_query(table)
        self.create(table, query)

    @contextmanager
    def _settings(self) -> Iterator[None]:
        """Lets the pipeline's code render its files for this database."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ECOMM_CURATED_DATABASE", self.database)
            settings.cache_clear()
            yield
        settings.cache_clear()

    def create(self, name: str, query: str) -> None:
        storage = f"format = 'PARQUET', external_location = 's3://{BUCKET}/{self.database}/{name}-{time.time_ns()}/'"
        self.run(f'create table "{self.database}"."{name}" with ({storage}) as {query}')

    def drop(self, name: str) -> None:
        self._glue.delete_table(DatabaseName=self.database, Name=name)

    def columns(self, name: str) -> dict[str, str]:
        """Columns and types of a table, in Hive's words, as the catalog has them."""
        table = self._glue.get_table(DatabaseName=self.database, Name=name)["Table"]
        columns = [*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", [])]
        return {column["Name"]: column["Type"] for column in columns}

    def run(self, query: str) -> dict[str, Any]:
        """Runs a statement to its end; raises AssertionError with Athena's reason where it fails."""
        handle = self._athena.start_query_execution(
            QueryString=query,
            ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/results/"},
        )["QueryExecutionId"]
        deadline = time.monotonic() + QUERY_SECONDS
        while time.monotonic() < deadline:
            execution = self._athena.get_query_execution(QueryExecutionId=handle)["QueryExecution"]
            if execution["Status"]["State"] not in {"QUEUED", "RUNNING"}:
                break
            time.sleep(0.02)
        assert execution["Status"]["State"] == "SUCCEEDED", f"{execution['Status']}\n{query}"
        return dict(execution)

    def rows(self, query: str) -> list[Row]:
        """The rows of a query; values are text or None."""
        handle = self.run(query)["QueryExecutionId"]
        pages = self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=handle)
        first, *rest = (row["Data"] for page in pages for row in page["ResultSet"]["Rows"])
        names = [str(datum.get("VarCharValue")) for datum in first]
        return [dict(zip(names, (datum.get("VarCharValue") for datum in row), strict=True)) for row in rest]

    def read(self, table: str, columns: Iterable[str]) -> list[Row]:
        """These columns of a table."""
        quoted = ", ".join(f'"{name}"' for name in columns)
        return self.rows(f'select {quoted} from "{self.database}"."{table}"')

    def check(self, table: str, name: str | None = None) -> dict[str, int]:
        """How many rows fail each check of the table, or of another table of the same shape."""
        return {check: failing for check, (failing, _) in self._checks(table, name or table).items()}

    def failed(self, table: str, name: str | None = None) -> list[str]:
        """The checks that keep the table, or another of the same shape, from being published."""
        checks = self._checks(table, name or table)
        return [check for check, (failing, warns) in checks.items() if failing and not warns]

    def _checks(self, table: str, name: str) -> dict[str, tuple[int, bool]]:
        """Failing rows of each check, and whether it only warns."""
        with self._settings():
            query = render_check(table, name)
        rows = self.rows(query)
        assert len({row["check_name"] for row in rows}) == len(rows)
        assert {row.get("severity", "error") for row in rows} <= {"error", "warn"}
        return {str(row["check_name"]): (int(str(row["failing_rows"])), row.get("severity") == "warn") for row in rows}


def _parquet(lines: list[str]) -> bytes:
    """The lines as Parquet; times are instants in UTC there, as Spark writes them."""
    kinds = {name: kind for name, (_, kind) in FACT_COLUMNS.items()} | {"event_time": "VARCHAR"}
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "events.csv"), Path(folder, "events.parquet")
        source.write_text("".join(lines))
        duckdb.connect().execute(
            f"""
            copy (
                select
                    * replace (cast(replace(event_time, ' UTC', '+00') as timestamptz) as event_time),
                    row_number() over (partition by {", ".join(kinds)}) > 1 as repeated
                from read_csv('{source}', header = false, columns = {kinds})
            ) to '{target}' (format parquet)
            """
        )
        return target.read_bytes()


def _parquet_lines(lines: list[str]) -> bytes:
    with TemporaryDirectory() as folder:
        target = Path(folder, "lines.parquet")
        duckdb.execute(f"copy (select unnest($1::varchar[]) as line) to '{target}' (format parquet)", [lines])
        return target.read_bytes()


def build(
    platform: Platform, database: str, lines: list[str], quarantine: Mapping[str, list[str]] | None = None
) -> Warehouse:
    """A database with the fact of these CSV lines (without a header) and every table computed from it.

    quarantine: lines set aside, by the month of their folder.
    """
    made = Warehouse(platform, database)
    made.load_fact(lines)
    made.load_quarantine(quarantine or {})
    for table in DERIVED:
        made.derive(table)
    return made


@pytest.fixture(scope="session")
def warehouse(platform: Platform) -> Warehouse:
    """The tables of the edge cases; a test that changes something makes a table of its own."""
    return build(platform, "edge_cases", edge_cases.LINES, edge_cases.QUARANTINE)
