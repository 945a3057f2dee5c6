"""Athena as its clients use it: statements of every kind through the API, against files that the test wrote."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from typing import Any

import boto3
import duckdb
import pytest

from tests.conftest import Platform

DATABASE = "athena_api"
BUCKET = "athena-api"


class Athena:
    """Runs statements and gives back what Athena says of them."""

    def __init__(self, endpoint: str) -> None:
        self.client = boto3.client("athena", endpoint_url=endpoint)
        self.s3 = boto3.client("s3", endpoint_url=endpoint)
        self.glue = boto3.client("glue", endpoint_url=endpoint)

    def execute(self, sql: str, **options: Any) -> dict[str, Any]:
        options = {"ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"}} | options
        query = self.client.start_query_execution(
            QueryString=sql, QueryExecutionContext={"Database": DATABASE}, **options
        )["QueryExecutionId"]
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            execution = self.client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            if execution["Status"]["State"] not in {"QUEUED", "RUNNING"}:
                return execution
            time.sleep(0.02)
        raise TimeoutError(f"{sql} did not end within a minute")

    def succeed(self, sql: str, **options: Any) -> dict[str, Any]:
        execution = self.execute(sql, **options)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return execution

    def rows(self, sql: str, **options: Any) -> list[tuple[str | None, ...]]:
        """The rows of a SELECT without its header, of other statements all rows."""
        execution = self.succeed(sql, **options)
        pages = self.client.get_paginator("get_query_results").paginate(QueryExecutionId=execution["QueryExecutionId"])
        found = [
            tuple(field.get("VarCharValue") for field in row["Data"])
            for page in pages
            for row in page["ResultSet"]["Rows"]
        ]
        return found[1:] if execution["StatementType"] == "DML" else found

    def failure(self, sql: str, **options: Any) -> str:
        execution = self.execute(sql, **options)
        assert execution["Status"]["State"] == "FAILED", execution["Status"]
        return str(execution["Status"]["StateChangeReason"])

    def scanned(self, sql: str) -> int:
        return int(self.succeed(sql)["Statistics"]["DataScannedInBytes"])


@pytest.fixture(scope="module")
def athena(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Athena]:
    """A table `events` of two months in Parquet, sorted by category in small row groups, at locations of their own."""
    patch = pytest.MonkeyPatch()
    for name, value in {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}.items():
        patch.setenv(name, value)
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    found = Athena(platform.endpoint)
    found.s3.create_bucket(Bucket=BUCKET)
    found.glue.create_database(DatabaseInput={"Name": DATABASE})
    found.succeed(
        f"""CREATE EXTERNAL TABLE events (id bigint, category bigint, price decimal(10,2), seen timestamp, text string)
        PARTITIONED BY (month string) STORED AS PARQUET LOCATION 's3://{BUCKET}/events/'"""
    )
    folder = tmp_path_factory.mktemp("events")
    for month, first in (("10", 0), ("11", 20_000)):
        path = folder / f"{month}.parquet"
        duckdb.sql(
            f"""COPY (SELECT i AS id, i // 1000 AS category, cast(i % 100 / 4 AS decimal(10,2)) AS price,
            TIMESTAMP '2019-{month}-01 00:00:00' + to_seconds(i) AS seen, md5(i::varchar) AS text
            FROM range({first}, {first} + 20000) AS numbers (i)) TO '{path}' (ROW_GROUP_SIZE 2048)"""
        )
        found.s3.upload_file(str(path), BUCKET, f"elsewhere/{month}/events.parquet")
        found.succeed(
            f"ALTER TABLE events ADD PARTITION (month = '{month}') LOCATION 's3://{BUCKET}/elsewhere/{month}/'"
        )
    yield found
    patch.undo()


def test_select_with_ctes_and_windows(athena: Athena) -> None:
    sql = """
        WITH months AS (SELECT month, category, sum(price) AS money FROM events GROUP BY month, category)
        SELECT month, category, money, rank() OVER (PARTITION BY month ORDER BY category DESC) AS place
        FROM months WHERE category IN (18, 19, 20) ORDER BY month, place
    """
    assert athena.rows(sql) == [
        ("10", "19", "12375.00", "1"),
        ("10", "18", "12375.00", "2"),
        ("11", "20", "12375.00", "1"),
    ]


def test_types_are_athenas(athena: Athena) -> None:
    execution = athena.succeed("SELECT sum(id), count_if(id < 0), sum(price), avg(price), max(seen), 1/2 FROM events")
    results = athena.client.get_query_results(QueryExecutionId=execution["QueryExecutionId"])["ResultSet"]
    types = [column["Type"] for column in results["ResultSetMetadata"]["ColumnInfo"]]
    assert types == ["bigint", "bigint", "decimal", "decimal", "timestamp", "integer"]
    values = [field["VarCharValue"] for field in results["Rows"][1]["Data"]]
    assert values == ["799980000", "0", "495000.00", "12.38", "2019-11-01 11:06:39.000", "0"]


def test_aggregates_over_no_row(athena: Athena) -> None:
    assert athena.rows("SELECT count(*), count_if(id > 0), sum(id) FROM events WHERE id < 0") == [("0", "0", None)]


def test_view_is_kept_in_the_catalog_and_may_use_another(athena: Athena) -> None:
    athena.succeed("CREATE VIEW cheap AS SELECT id, price FROM events WHERE price < 1")
    athena.succeed("CREATE OR REPLACE VIEW cheapest AS SELECT min(price) AS price FROM cheap")
    assert athena.rows("SELECT price FROM cheapest") == [("0.00",)]
    assert athena.glue.get_table(DatabaseName=DATABASE, Name="cheap")["Table"]["TableType"] == "VIRTUAL_VIEW"
    athena.succeed("DROP VIEW cheapest")
    assert "TABLE_NOT_FOUND" in athena.failure("SELECT price FROM cheapest")


def test_ctas_partitions_then_insert_adds(athena: Athena) -> None:
    athena.succeed(
        f"""CREATE TABLE copies WITH (format = 'PARQUET', external_location = 's3://{BUCKET}/copies/',
        partitioned_by = ARRAY['month']) AS SELECT id, price, month FROM events WHERE id % 1000 = 0"""
    )
    keys = [found["Key"] for found in athena.s3.list_objects_v2(Bucket=BUCKET, Prefix="copies/")["Contents"]]
    assert {key.split("/")[1] for key in keys} == {"month=10", "month=11"}
    assert athena.rows("SELECT month, count(*) FROM copies GROUP BY month ORDER BY month") == [
        ("10", "20"),
        ("11", "20"),
    ]
    athena.succeed("INSERT INTO copies VALUES (7, decimal '1.50', '12')")
    assert athena.rows("SELECT id, price FROM copies WHERE month = '12'") == [("7", "1.50")]
    assert sorted(athena.rows("SHOW PARTITIONS copies")) == [("month=10",), ("month=11",), ("month=12",)]
    again = f"CREATE TABLE others WITH (external_location = 's3://{BUCKET}/copies/') AS SELECT 1 AS one"
    assert "HIVE_PATH_ALREADY_EXISTS" in athena.failure(again)


def test_unload_writes_the_rows(athena: Athena) -> None:
    athena.succeed(
        f"UNLOAD (SELECT id FROM events WHERE id < 3) TO 's3://{BUCKET}/unloaded/' WITH (format = 'PARQUET')"
    )
    keys = [found["Key"] for found in athena.s3.list_objects_v2(Bucket=BUCKET, Prefix="unloaded/")["Contents"]]
    body = athena.s3.get_object(Bucket=BUCKET, Key=keys[0])["Body"].read()
    assert body[:4] == b"PAR1"
    assert body[-4:] == b"PAR1"


def test_partitions_come_and_go(athena: Athena) -> None:
    athena.succeed(
        f"""CREATE EXTERNAL TABLE comings (id bigint) PARTITIONED BY (month string)
        STORED AS PARQUET LOCATION 's3://{BUCKET}/comings/'"""
    )
    add = f"ALTER TABLE comings ADD IF NOT EXISTS PARTITION (month = '10') LOCATION 's3://{BUCKET}/elsewhere/10/'"
    athena.succeed(add)
    athena.succeed(add)
    assert athena.rows("SELECT count(*) FROM comings") == [("20000",)]
    athena.succeed("ALTER TABLE comings DROP PARTITION (month = '10')")
    assert athena.rows("SELECT count(*) FROM comings") == [("0",)]
    described = athena.rows("DESCRIBE comings")
    assert described[0][0] is not None
    assert described[0][0].split() == ["id", "bigint"]
    assert ("comings",) in athena.rows("SHOW TABLES")
    athena.succeed("DROP TABLE comings")
    assert ("comings",) not in athena.rows("SHOW TABLES")
    assert athena.s3.head_object(Bucket=BUCKET, Key="elsewhere/10/events.parquet")["ContentLength"] > 0


def test_prepared_statement_takes_parameters(athena: Athena) -> None:
    athena.client.create_prepared_statement(
        StatementName="of_category",
        WorkGroup="primary",
        QueryStatement="SELECT count(*) FROM events WHERE category = ?",
    )
    assert athena.rows("EXECUTE of_category USING 20") == [("1000",)]
    assert athena.rows("SELECT count(*) FROM events WHERE id < ?", ExecutionParameters=["5"]) == [("5",)]


def test_result_lies_in_s3_as_csv(athena: Athena) -> None:
    execution = athena.succeed(
        "SELECT id, cast(NULL AS varchar) AS nothing, 'a \"b\", c' AS text FROM events WHERE id = 1"
    )
    bucket, _, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
    body = athena.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert list(csv.reader(io.StringIO(body))) == [["id", "nothing", "text"], ["1", "", 'a "b", c']]
    assert body.splitlines()[1].startswith('"1",,')


def test_bytes_scanned_fall_with_partition_column_and_row_group(athena: Athena) -> None:
    everything = athena.scanned("SELECT * FROM events")
    month = athena.scanned("SELECT * FROM events WHERE month = '10'")
    column = athena.scanned("SELECT sum(id) FROM events WHERE month = '10'")
    row_groups = athena.scanned("SELECT sum(id) FROM events WHERE month = '10' AND category = 3")
    assert everything > month > column > 0
    assert 0 < row_groups < month
    assert athena.scanned("SELECT text FROM events WHERE month = '10' AND category = 3") < athena.scanned(
        "SELECT text FROM events WHERE month = '10'"
    )
    assert athena.scanned("SHOW TABLES") == 0


def test_workgroup_cuts_off_before_the_result_is_served(athena: Athena) -> None:
    athena.client.create_work_group(
        Name="small",
        Configuration={
            "BytesScannedCutoffPerQuery": 10_000_000,
            "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/small/"},
        },
    )
    assert athena.succeed("SELECT count(*) FROM events", WorkGroup="small")["WorkGroup"] == "small"
    wide = " UNION ALL ".join(f"SELECT text || '{copy}' FROM events" for copy in range(20))
    execution = athena.execute(f"SELECT count(*) FROM ({wide}) AS wide (text) WHERE text LIKE '%a%'", WorkGroup="small")
    assert execution["Status"]["State"] in {"FAILED", "CANCELLED"}
    assert "scanned" in execution["Status"]["StateChangeReason"].lower()
    assert not athena.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"small/{execution['QueryExecutionId']}").get("Contents")


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELEC 1", "mismatched input"),
        ("SELECT * FROM nowhere", "TABLE_NOT_FOUND"),
        ("SELECT nothing FROM events", "COLUMN_NOT_FOUND"),
        ("SELECT no_such_function(id) FROM events", "FUNCTION_NOT_FOUND"),
        ("SELECT * FROM no_such_database.events", "SCHEMA_NOT_FOUND"),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO"),
        ("SELECT cast('a' AS bigint)", "INVALID_CAST_ARGUMENT"),
        ("SELECT * FROM read_csv('/etc/passwd')", "FUNCTION_NOT_FOUND"),
    ],
)
def test_errors_are_in_athenas_words(athena: Athena, sql: str, words: str) -> None:
    assert words in athena.failure(sql)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("date_diff('hour', timestamp '2019-11-01 00:59:00', timestamp '2019-11-01 02:00:00')", "1"),
        ("cast(-2.5e0 AS integer)", "-3"),
        ("cast(1e20 AS varchar)", "1.0E20"),
        ("substr('abc', 0)", ""),
        ("format('%05.1f', 3.14e0)", "003.1"),
        ("date_add('month', 1, date '2019-10-31')", "2019-11-30"),
        ("cardinality(map_agg(1, 2))", "1"),
        ("sum(decimal '0.10')", "0.10"),
        ("date_format(timestamp '2019-11-01 13:05:00', '%Y-%m-%d %H:%i')", "2019-11-01 13:05"),
        ("2053013555631882655 + 0", "2053013555631882655"),
    ],
)
def test_dialect(athena: Athena, expression: str, value: str) -> None:
    assert athena.rows(f"SELECT {expression}") == [(value,)]


def test_stopped_query_is_cancelled(athena: Athena) -> None:
    endless = """
        SELECT count(*) FROM events a CROSS JOIN events b CROSS JOIN events c
        WHERE a.text < b.text AND b.text < c.text
    """
    query = athena.client.start_query_execution(
        QueryString=endless,
        QueryExecutionContext={"Database": DATABASE},
        ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/results/"},
    )["QueryExecutionId"]
    athena.client.stop_query_execution(QueryExecutionId=query)
    deadline = time.monotonic() + 120
    state = ""
    while state != "CANCELLED" and time.monotonic() < deadline:
        execution = athena.client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        state = execution["Status"]["State"]
        time.sleep(0.05)
    assert state == "CANCELLED"
