"""CREATE TABLE AS, INSERT INTO and UNLOAD."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.local.athena.conftest import Athena


def stored(athena: Athena, name: str) -> dict[str, Any]:
    found: dict[str, Any] = athena.glue.get_table(DatabaseName=athena.database, Name=name)["Table"]
    return found


def test_a_table_is_created_where_the_results_lie_unless_told_otherwise(events: Athena) -> None:
    result = events.run("CREATE TABLE placed AS SELECT brand, price FROM events")
    location = stored(events, "placed")["StorageDescriptor"]["Location"]
    assert location == f"s3://{events.bucket}/results/tables/{result.id}/"
    assert result.updated == 60
    assert result.execution["StatementType"] == "DDL"
    assert result.execution["SubstatementType"] == "CREATE_TABLE_AS_SELECT"
    manifest = result.execution["Statistics"]["DataManifestLocation"]
    assert manifest == f"s3://{events.bucket}/results/{result.id}-manifest.csv"
    key = manifest.removeprefix(f"s3://{events.bucket}/")
    written = events.s3.get_object(Bucket=events.bucket, Key=key)["Body"].read().decode().split()
    assert written == [f"s3://{events.bucket}/{key}" for key in events.keys(f"results/tables/{result.id}/")]
    assert events.rows("SELECT count(*), sum(price) FROM placed") == events.rows(
        "SELECT count(*), sum(price) FROM events"
    )


def test_every_type_is_stored_as_hive_names_it_and_read_back_unchanged(events: Athena, tmp_path: Path) -> None:
    events.run(
        f"CREATE TABLE kinds WITH (external_location = 's3://{events.bucket}/kinds/', write_compression = 'ZSTD') AS "
        "SELECT tinyint '1' a, smallint '2' b, 3 c, 9007199254740993 d, real '1.5' e, 1e20 f, "
        "cast('1.50' AS decimal(38,2)) g, 'all' h, cast('x' AS varchar) i, true j, date '2019-10-01' k, "
        "timestamp '2019-10-01 01:02:03.004' l, "
        "ARRAY[1, NULL] m, map(ARRAY['a'], ARRAY[2]) n, cast(row(1, 'x') AS row(q bigint, r varchar)) o, x'4142' p"
    )
    types = [column["Type"] for column in stored(events, "kinds")["StorageDescriptor"]["Columns"]]
    assert types == [
        "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(38,2)", "varchar(3)", "string", "boolean",
        "date", "timestamp", "array<int>", "map<varchar(1),int>", "struct<q:bigint,r:string>", "binary",
    ]  # fmt: skip
    assert events.rows("SELECT * FROM kinds") == [
        ["1", "2", "3", "9007199254740993", "1.5", "1.0E20", "1.50", "all", "x", "true", "2019-10-01",
         "2019-10-01 01:02:03.004", "[1, null]", "{a=2}", "{q=1, r=x}", "41 42"]
    ]  # fmt: skip
    path = tmp_path / "file.parquet"
    events.s3.download_file(events.bucket, events.keys("kinds/")[0], str(path))
    assert duckdb.execute(f"SELECT DISTINCT compression FROM parquet_metadata('{path}')").fetchall() == [("ZSTD",)]


def test_partitions_are_folders_and_in_the_catalogue(events: Athena) -> None:
    events.run(
        "CREATE TABLE monthly WITH (format = 'PARQUET', partitioned_by = ARRAY['event_type', 'p_month'], "
        f"external_location = 's3://{events.bucket}/monthly/') AS "
        "SELECT price, product_id, event_type, p_month FROM events"
    )
    assert [key["Name"] for key in stored(events, "monthly")["PartitionKeys"]] == ["event_type", "p_month"]
    assert len(events.rows("SHOW PARTITIONS monthly")) == 6
    assert all(key.split("/")[1].startswith("event_type=") for key in events.keys("monthly/"))
    same = "SELECT event_type, p_month, count(*), sum(price) FROM {} GROUP BY 1, 2 ORDER BY 1, 2"
    assert events.rows(same.format("monthly")) == events.rows(same.format("events"))


def test_rows_of_a_partition_keep_their_order(events: Athena) -> None:
    events.run(
        "CREATE TABLE ordered WITH (partitioned_by = ARRAY['p']) AS "
        "SELECT n, n % 3 AS p FROM UNNEST(sequence(1, 3000)) AS t(n) ORDER BY n DESC"
    )
    numbers = [int(row[0] or 0) for row in events.rows("SELECT n FROM ordered WHERE p = 1")]
    assert numbers == sorted(numbers, reverse=True)


def test_insert_fills_partitions_and_columns(events: Athena) -> None:
    events.run(
        "CREATE TABLE target WITH (partitioned_by = ARRAY['m']) AS SELECT 1 AS a, 'x' AS b, '10' AS m WHERE false"
    )
    result = events.run("INSERT INTO target VALUES (1, 'one', '10'), (2, 'two', '11'), (3, 'three', '10')")
    assert (result.updated, result.execution["SubstatementType"]) == (3, "INSERT")
    events.run("INSERT INTO target (m, a) SELECT '12', 9")
    assert events.rows("SELECT * FROM target ORDER BY a") == [
        ["1", "one", "10"], ["2", "two", "11"], ["3", "three", "10"], ["9", None, "12"],
    ]  # fmt: skip
    assert events.rows("SHOW PARTITIONS target") == [["m=10"], ["m=11"], ["m=12"]]
    place = f"s3://{events.bucket}/moved/"
    events.run(f"ALTER TABLE target ADD PARTITION (m = '13') LOCATION '{place}'")
    events.run("INSERT INTO target VALUES (4, 'four', '13')")
    assert len(events.keys("moved/")) == 1
    assert events.rows("SELECT a FROM target WHERE m = '13'") == [["4"]]


@pytest.mark.parametrize("format_", ["TEXTFILE", "JSON", "PARQUET"])
def test_insert_writes_the_format_of_the_table(events: Athena, format_: str) -> None:
    name = f"written_{format_.lower()}"
    events.run(
        f"CREATE TABLE {name} WITH (format = '{format_}', write_compression = 'GZIP') AS "
        "SELECT 1 AS a, 'x y' AS b, date '2019-10-01' AS c"
    )
    events.run(f"INSERT INTO {name} VALUES (2, NULL, NULL)")
    assert events.rows(f"SELECT a, b, c FROM {name} ORDER BY a") == [["1", "x y", "2019-10-01"], ["2", None, None]]


def test_unload_writes_files_and_no_table(events: Athena, tmp_path: Path) -> None:
    target = f"s3://{events.bucket}/unloaded/"
    result = events.run(
        f"UNLOAD (SELECT brand, price, p_month FROM events WHERE brand = 'acer') TO '{target}' "
        "WITH (format = 'JSON', compression = 'NONE', partitioned_by = ARRAY['p_month'])"
    )
    assert (result.execution["StatementType"], result.execution["SubstatementType"]) == ("DML", "UNLOAD")
    keys = events.keys("unloaded/")
    assert all(key.startswith("unloaded/p_month=1") for key in keys)
    bodies = [events.s3.get_object(Bucket=events.bucket, Key=key)["Body"].read().decode() for key in keys]
    rows = [json.loads(line) for body in bodies for line in body.splitlines()]
    assert {row["brand"] for row in rows} == {"acer"}
    assert str(len(rows)) == events.rows("SELECT count(*) FROM events WHERE brand = 'acer'")[0][0]
    again = events.fail(f"UNLOAD (SELECT 1 AS a) TO '{target}' WITH (format = 'PARQUET')")
    assert again.startswith(f"HIVE_PATH_ALREADY_EXISTS: Target directory for UNLOAD already exists: {target}")


@pytest.mark.parametrize(
    ("sql", "beginning"),
    [
        (
            "CREATE TABLE events AS SELECT 1 AS a",
            "TABLE_ALREADY_EXISTS: line 1:1: Table 'awsdatacatalog.",
        ),
        (
            "CREATE TABLE nowhere.t AS SELECT 1 AS a",
            "SCHEMA_NOT_FOUND: line 1:1: Schema 'nowhere' does not exist",
        ),
        (
            "CREATE TABLE t AS SELECT 1",
            "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1",
        ),
        (
            "CREATE TABLE t AS SELECT 1 AS a, 2 AS A",
            "DUPLICATE_COLUMN_NAME: line 1:1: Column name 'a' specified more",
        ),
        (
            "CREATE TABLE t AS SELECT NULL AS a",
            "COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown: a",
        ),
        (
            "CREATE TABLE t AS SELECT now() AS a",
            "NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone",
        ),
        (
            "CREATE TABLE t WITH (format = 'ORC') AS SELECT 1 AS a",
            "NOT_SUPPORTED: Format 'ORC' cannot be written",
        ),
        (
            "CREATE TABLE t WITH (bucketed_by = ARRAY['a'], bucket_count = 2) AS SELECT 1 AS a",
            "NOT_SUPPORTED: Bucketed",
        ),
        (
            "CREATE TABLE t WITH (nonsense = 1) AS SELECT 1 AS a",
            "INVALID_TABLE_PROPERTY: line 1:1: Catalog 'awsdatacatalog' table property 'nonsense'",
        ),
        (
            "CREATE TABLE t WITH (table_type = 'ICEBERG') AS SELECT 1 AS a",
            "NOT_SUPPORTED: Tables of type ICEBERG",
        ),
        (
            "CREATE TABLE t WITH (partitioned_by = ARRAY['a']) AS SELECT 1 AS a, 2 AS b",
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns",
        ),
        (
            "CREATE TABLE t WITH (partitioned_by = ARRAY['z']) AS SELECT 1 AS a",
            "INVALID_TABLE_PROPERTY: Partition columns ['z'] not present",
        ),
        (
            "CREATE TABLE t WITH (partitioned_by = ARRAY['n']) AS SELECT 1 AS a, n FROM UNNEST(sequence(1, 101)) u(n)",
            "HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers",
        ),
        (
            "INSERT INTO nowhere VALUES (1)",
            "TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.",
        ),
        (
            "INSERT INTO small VALUES (1)",
            "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: Table: [integer, ",
        ),
        (
            "INSERT INTO small (a) VALUES ('x')",
            "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types",
        ),
        (
            "INSERT INTO small (z) VALUES (1)",
            "COLUMN_NOT_FOUND: line 1:1: Insert column name does not exist in target table: z",
        ),
        (
            "UNLOAD (SELECT 1 AS a) TO 's3://no-such-bucket/x/' WITH (format = 'PARQUET')",
            "HIVE_FILESYSTEM_ERROR",
        ),
        (
            "UNLOAD (SELECT 1 AS a) TO 'x' WITH (format = 'PARQUET')",
            "INVALID_TABLE_PROPERTY: 'x' is not an S3 location",
        ),
    ],
)
def test_what_cannot_be_written_says_why_and_leaves_nothing(events: Athena, sql: str, beginning: str) -> None:
    events.run(f"CREATE EXTERNAL TABLE IF NOT EXISTS small (a int, b string) LOCATION 's3://{events.bucket}/small/'")
    assert events.fail(sql).startswith(beginning)
    assert ["t"] not in events.rows("SHOW TABLES")
    assert events.keys("small/") == []


def test_a_folder_with_objects_is_no_place_for_a_new_table(events: Athena) -> None:
    reason = events.fail(f"CREATE TABLE t WITH (external_location = 's3://{events.bucket}/events/') AS SELECT 1 AS a")
    assert reason.startswith(
        f"HIVE_PATH_ALREADY_EXISTS: Target directory for table '{events.database}.t' already exists"
    )


def test_an_enforcing_workgroup_takes_no_location_of_its_client(events: Athena) -> None:
    events.client.create_work_group(
        Name="enforcing",
        Configuration={
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": f"s3://{events.bucket}/enforced/"},
        },
    )
    sql = f"CREATE TABLE t WITH (external_location = 's3://{events.bucket}/own/') AS SELECT 1 AS a"
    assert "enforces a centralized output location" in events.fail(sql, WorkGroup="enforcing")
    result = events.run("SELECT 1 AS a", WorkGroup="enforcing")
    location = result.execution["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{events.bucket}/enforced/{result.id}.csv"
