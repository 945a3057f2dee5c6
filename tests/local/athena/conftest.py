"""What every test of Athena needs: a running platform, a database of its own, and queries that are waited for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import Platform

WAIT_SECONDS = 120
EXPECTED = Path(__file__).parent / "expected"
EVENT_COLUMNS = (
    "event_time timestamp, event_type string, product_id bigint, category_id bigint, category_code string, "
    "brand string, price decimal(10,2), user_id bigint, user_session string, p_year string, p_month string"
)


@dataclass
class Result:
    """An execution that has ended, with its first page of results where it succeeded."""

    execution: dict[str, Any]
    rows: list[list[str | None]] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)
    updated: int = 0

    @property
    def id(self) -> str:
        return str(self.execution["QueryExecutionId"])

    @property
    def state(self) -> str:
        return str(self.execution["Status"]["State"])

    @property
    def reason(self) -> str:
        return str(self.execution["Status"].get("StateChangeReason", ""))

    @property
    def scanned(self) -> int:
        return int(self.execution["Statistics"]["DataScannedInBytes"])

    @property
    def names(self) -> list[str]:
        return [str(column["Name"]) for column in self.columns]

    @property
    def types(self) -> list[str]:
        return [str(column["Type"]) for column in self.columns]


class Athena:
    """Queries against one platform, in one database and with results in one bucket."""

    def __init__(self, endpoint: str, database: str, bucket: str) -> None:
        options: dict[str, Any] = {
            "endpoint_url": endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
        }
        self.client: Any = boto3.client("athena", **options)
        self.s3: Any = boto3.client("s3", **options)
        self.glue: Any = boto3.client("glue", **options)
        self.database = database
        self.bucket = bucket

    def start(self, sql: str, **options: Any) -> str:
        request = {
            "QueryExecutionContext": {"Database": self.database},
            "ResultConfiguration": {"OutputLocation": f"s3://{self.bucket}/results/"},
            **options,
        }
        return str(self.client.start_query_execution(QueryString=sql, **request)["QueryExecutionId"])

    def wait(self, query_id: str) -> Result:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            execution = self.client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return self._result(execution)
            time.sleep(0.02)
        raise TimeoutError(f"The query {query_id} did not end within {WAIT_SECONDS} s.")

    def _result(self, execution: dict[str, Any]) -> Result:
        if execution["Status"]["State"] != "SUCCEEDED":
            return Result(execution)
        answer = self.client.get_query_results(QueryExecutionId=execution["QueryExecutionId"])
        rows = [[datum.get("VarCharValue") for datum in row["Data"]] for row in answer["ResultSet"]["Rows"]]
        columns = answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        return Result(execution, rows, columns, answer["UpdateCount"])

    def run(self, sql: str, **options: Any) -> Result:
        """A statement that must succeed; a query's rows come without the header row."""
        result = self.wait(self.start(sql, **options))
        assert result.state == "SUCCEEDED", result.reason
        if result.execution["ResultConfiguration"]["OutputLocation"].endswith(".csv"):
            result.rows = result.rows[1:]
        return result

    def fail(self, sql: str, **options: Any) -> str:
        """The reason for which a statement fails."""
        result = self.wait(self.start(sql, **options))
        assert result.state in ("FAILED", "CANCELLED"), result.rows[:3]
        return result.reason

    def rows(self, sql: str, **options: Any) -> list[list[str | None]]:
        return self.run(sql, **options).rows

    def put(self, key: str, body: bytes | str) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body.encode() if isinstance(body, str) else body)
        return f"s3://{self.bucket}/{key}"

    def keys(self, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]


def athena_of(endpoint: str, name: str) -> Athena:
    """Athena with a bucket and a database of this name, both new."""
    athena = Athena(endpoint, name.replace("-", "_"), name)
    athena.s3.create_bucket(Bucket=name)
    athena.glue.create_database(DatabaseInput={"Name": athena.database})
    return athena


@pytest.fixture(scope="module")
def athena(platform: Platform, request: pytest.FixtureRequest) -> Iterator[Athena]:
    """One database and bucket a test module."""
    yield athena_of(platform.endpoint, request.module.__name__.rpartition(".")[2].replace("_", "-"))


@pytest.fixture(scope="module")
def events(athena: Athena) -> Athena:
    """The same with the table events: sixty events of two months, as a CSV with a header."""
    athena.put("events/events.csv", (EXPECTED / "events.csv").read_bytes())
    athena.run(
        f"CREATE EXTERNAL TABLE events ({EVENT_COLUMNS}) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        f"LOCATION 's3://{athena.bucket}/events/' TBLPROPERTIES ('skip.header.line.count'='1')"
    )
    return athena
