"""The bytes that queries are said to scan: less for a partition, a column, a row group; and the workgroup's limit."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.local.athena.conftest import Athena

ROWS = 40_000


@pytest.fixture(scope="module")
def fact(athena: Athena, tmp_path_factory: pytest.TempPathFactory) -> Athena:
    """Two months of nine columns, sorted by category in row groups of 2,048, each month far from the table's folder."""
    folder = tmp_path_factory.mktemp("fact")
    athena.run(
        "CREATE EXTERNAL TABLE fact (event_time timestamp, event_type string, product_id bigint, category_id bigint, "
        "category_code string, brand string, price decimal(10,2), user_id bigint, user_session string) "
        f"PARTITIONED BY (p_year string, p_month string) STORED AS PARQUET LOCATION 's3://{athena.bucket}/fact/'"
    )
    for month in ("10", "11"):
        path = folder / f"{month}.parquet"
        duckdb.sql(
            f"""SET TimeZone = 'UTC';
            COPY (SELECT timezone('UTC', TIMESTAMP '2019-{month}-01' + to_seconds(i * 60)) AS event_time,
              'view' AS event_type, i AS product_id, 2053013555631882655 + i // 2000 AS category_id,
              'c' || i // 2000 AS category_code,
              'b' || i % 50 AS brand, cast(i % 977 AS decimal(10,2)) AS price, i % 4999 AS user_id,
              md5(i::VARCHAR) AS user_session
            FROM range({ROWS}) AS t(i)) TO '{path}' (ROW_GROUP_SIZE 2048, COMPRESSION zstd)"""
        )
        athena.s3.upload_file(str(path), athena.bucket, f"versions/1/{month}/part.parquet")
        athena.run(
            f"ALTER TABLE fact ADD PARTITION (p_year = '2019', p_month = '{month}') "
            f"LOCATION 's3://{athena.bucket}/versions/1/{month}/'"
        )
    return athena


def scanned(athena: Athena, sql: str) -> int:
    return athena.run(sql).scanned


def chunks(athena: Athena, tmp_path: Path, month: str, condition: str) -> int:
    """What Parquet's own footer says of the chunks that meet a condition."""
    path = tmp_path / "footer.parquet"
    athena.s3.download_file(athena.bucket, f"versions/1/{month}/part.parquet", str(path))
    total = duckdb.execute(f"SELECT sum(total_compressed_size) FROM parquet_metadata('{path}') WHERE {condition}")
    return int(total.fetchall()[0][0])


def test_each_way_of_reading_less_scans_less(fact: Athena, tmp_path: Path) -> None:
    everything = scanned(fact, "SELECT * FROM fact")
    month = scanned(fact, "SELECT * FROM fact WHERE p_month = '10'")
    column = scanned(fact, "SELECT sum(user_id) FROM fact WHERE p_month = '10'")
    category = scanned(fact, "SELECT sum(user_id) FROM fact WHERE p_month = '10' AND category_id = 2053013555631882658")
    assert everything > month > column > category > 0
    assert everything == chunks(fact, tmp_path, "10", "true") + chunks(fact, tmp_path, "11", "true")
    assert month == chunks(fact, tmp_path, "10", "true")
    assert column == chunks(fact, tmp_path, "10", "path_in_schema = 'user_id'")


def test_conditions_reach_the_table_through_views_joins_and_with_queries(fact: Athena) -> None:
    fact.run("CREATE OR REPLACE VIEW by_brand AS SELECT p_month, brand, sum(price) AS money FROM fact GROUP BY 1, 2")
    month = scanned(fact, "SELECT sum(price), max(brand) FROM fact WHERE p_month = '10'")
    assert scanned(fact, "SELECT * FROM by_brand WHERE p_month = '10'") == month
    assert (
        scanned(fact, "WITH x AS (SELECT * FROM fact) SELECT brand, max(price) FROM x WHERE p_month = '10' GROUP BY 1")
        == month
    )
    assert (
        scanned(fact, "SELECT * FROM (SELECT brand, price, p_month FROM fact) WHERE p_month IN ('10', '12')") == month
    )
    assert (
        scanned(fact, "SELECT brand, price FROM fact WHERE (p_year, p_month) IN (('2019', '10'), ('2018', '11'))")
        == month
    )
    assert scanned(fact, "SELECT brand, price FROM fact WHERE p_year || p_month = '201910'") == month
    assert scanned(fact, "SELECT brand, price FROM fact WHERE cast(p_month AS integer) < 11") == month


def test_row_groups_are_left_out_by_any_sorted_column(fact: Athena, tmp_path: Path) -> None:
    whole = scanned(fact, "SELECT user_id, event_time FROM fact WHERE p_month = '10'")
    assert (
        scanned(fact, "SELECT user_id FROM fact WHERE p_month = '10' AND event_time < timestamp '2019-10-02 00:00:00'")
        < whole / 5
    )
    assert (
        scanned(fact, "SELECT user_id, event_time FROM fact WHERE p_month = '10' AND category_code IN ('c3', 'nope')")
        < whole
    )
    assert scanned(fact, "SELECT user_id FROM fact WHERE p_month = '10' AND category_id BETWEEN 1 AND 2") == 0
    brand = scanned(fact, "SELECT user_id FROM fact WHERE p_month = '10' AND brand = 'b7'")
    assert brand == chunks(fact, tmp_path, "10", "path_in_schema IN ('user_id', 'brand')")


def test_a_table_read_twice_is_scanned_twice(fact: Athena) -> None:
    once = scanned(fact, "SELECT sum(price) FROM fact")
    twice = "WITH x AS (SELECT price FROM fact) SELECT (SELECT sum(price) FROM x), (SELECT max(price) FROM x)"
    assert scanned(fact, twice) == 2 * once


def test_counting_rows_and_asking_the_catalogue_scan_nothing(fact: Athena) -> None:
    assert fact.rows("SELECT count(*) FROM fact") == [[str(2 * ROWS)]]
    for sql in (
        "SELECT count(*) FROM fact",
        "SELECT count(*) FROM fact WHERE p_month = '10'",
        "SHOW TABLES",
        "DESCRIBE fact",
    ):
        assert scanned(fact, sql) == 0
    assert scanned(fact, "SELECT 1") == 0


def test_text_is_scanned_whole_but_only_in_the_partitions_that_are_left(athena: Athena) -> None:
    athena.put("lines/p=1/a.csv", "a,b\n" * 100)
    athena.put("lines/p=2/a.csv", "a,b\n" * 10)
    athena.run(
        "CREATE EXTERNAL TABLE lines (a string, b string) PARTITIONED BY (p string) "
        f"ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://{athena.bucket}/lines/'"
    )
    athena.run("MSCK REPAIR TABLE lines")
    assert scanned(athena, "SELECT count(*) FROM lines") == 440
    assert scanned(athena, "SELECT a FROM lines WHERE p = '2'") == 40


def test_a_query_over_the_workgroups_limit_is_cancelled_before_it_answers(fact: Athena) -> None:
    limit = 10_000_000
    fact.client.create_work_group(
        Name="thrifty",
        Configuration={
            "EnforceWorkGroupConfiguration": False,
            "BytesScannedCutoffPerQuery": limit,
            "ResultConfiguration": {"OutputLocation": f"s3://{fact.bucket}/thrifty/"},
        },
    )
    assert fact.run("SELECT count(*) FROM fact", WorkGroup="thrifty").state == "SUCCEEDED"
    copies = limit // scanned(fact, "SELECT user_session FROM fact") + 1
    wide = " UNION ALL ".join(["SELECT user_session FROM fact"] * copies)
    result = fact.wait(fact.start(f"SELECT max(user_session) FROM ({wide})", WorkGroup="thrifty"))
    assert (result.state, result.reason) == ("CANCELLED", "Query cancelled! : Bytes scanned limit was exceeded")
    assert fact.keys(f"results/{result.id}") == []
