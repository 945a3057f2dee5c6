"""Tables of every format, and partitions wherever they lie."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import pytest

from tests.local.athena.conftest import Athena


def parquet(athena: Athena, folder: Path, key: str, sql: str) -> None:
    path = folder / "part.parquet"
    duckdb.sql(f"SET TimeZone = 'UTC'; COPY ({sql}) TO '{path}'")
    athena.put(key, path.read_bytes())


def test_delimited_text_reads_what_its_types_can_and_null_else(athena: Athena) -> None:
    athena.put(
        "text/a.csv",
        "x|1|2.5|true|2019-10-01|2019-10-01 01:02:03|9.99\n"
        "|2.05E+18|1e3|TRUE|2019-13-01|2019-10-01 01:02:03 UTC|9.995\n"
        '"q"|1.5|NaN|yes|1 Oct|2019-10-01T00:00:00|x|surplus\n'
        "\\N| 7\n",
    )
    athena.run(
        "CREATE EXTERNAL TABLE texts (s string, i bigint, d double, b boolean, day date, t timestamp, m decimal(5,2)) "
        f"ROW FORMAT DELIMITED FIELDS TERMINATED BY '|' LOCATION 's3://{athena.bucket}/text'"
    )
    assert athena.rows("SELECT * FROM texts") == [
        ["x", "1", "2.5", "true", "2019-10-01", "2019-10-01 01:02:03.000", "9.99"],
        ["", None, "1000.0", "true", None, None, "10.00"],
        ['"q"', None, "NaN", None, None, None, None],
        [None, None, None, None, None, None, None],
    ]


def test_integers_beyond_doubles_stay_exact(athena: Athena) -> None:
    athena.put("exact/a.csv", "2053013555631882655,9007199254740993\n")
    athena.run(
        "CREATE EXTERNAL TABLE exact (a bigint, b bigint) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        f"LOCATION 's3://{athena.bucket}/exact/'"
    )
    assert athena.rows("SELECT a, b, sum(a), max(b) + 0 FROM exact GROUP BY 1, 2") == [
        ["2053013555631882655", "9007199254740993", "2053013555631882655", "9007199254740993"]
    ]


def test_quoted_csv_keeps_separators_and_quotes(athena: Athena) -> None:
    athena.put("quoted/a.csv", 'a,b,c\n"x, y","1","he said ""hi"""\nz,2,\n')
    athena.run(
        "CREATE EXTERNAL TABLE quoted (a string, b string, c string) "
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
        "WITH SERDEPROPERTIES ('separatorChar'=',', 'quoteChar'='\"', 'escapeChar'='\\\\') "
        f"LOCATION 's3://{athena.bucket}/quoted/' TBLPROPERTIES ('skip.header.line.count'='1')"
    )
    assert athena.rows("SELECT * FROM quoted") == [["x, y", "1", 'he said "hi"'], ["z", "2", ""]]


def test_every_file_has_its_header_skipped_and_gzip_is_read(athena: Athena) -> None:
    athena.put("headers/a.csv.gz", gzip.compress(b"h\nq\nr\n"))
    athena.put("headers/b.csv", "h\np\n")
    athena.put("headers/_SUCCESS", "no row")
    athena.put("headers/.hidden.csv", "no row")
    athena.put("headers/_temporary/c.csv", "no row")
    athena.run(
        f"CREATE EXTERNAL TABLE headers (h string) LOCATION 's3://{athena.bucket}/headers/' "
        "TBLPROPERTIES ('skip.header.line.count'='1')"
    )
    assert athena.rows("SELECT h FROM headers ORDER BY 1") == [["p"], ["q"], ["r"]]


def test_json_lines_are_read_by_key(athena: Athena) -> None:
    athena.put(
        "json/a.json",
        '{"id": 9007199254740993, "product": {"id": 5, "tags": ["a", "b"]}, "price": 1.50, '
        '"at": "2019-10-01T01:02:03.500Z", "other": 1}\n{"id": 6, "at": null}\n',
    )
    athena.run(
        "CREATE EXTERNAL TABLE json_lines (id bigint, product struct<id:bigint,tags:array<string>>, "
        "price decimal(10,2), at timestamp, missing string) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' "
        f"LOCATION 's3://{athena.bucket}/json/'"
    )
    result = athena.run("SELECT id, product.id, product.tags[2], price, at, missing, product FROM json_lines")
    assert result.rows == [
        ["9007199254740993", "5", "b", "1.50", "2019-10-01 01:02:03.500", None, "{id=5, tags=[a, b]}"],
        ["6", None, None, None, None, None, None],
    ]
    assert result.types == ["bigint", "bigint", "varchar", "decimal", "timestamp", "varchar", "row"]


def test_parquet_columns_are_found_by_name(athena: Athena, tmp_path: Path) -> None:
    first = "SELECT 1::INTEGER AS B, timestamptz '2019-10-01 00:00:00+00' AS t, 1.50::DECIMAL(4,2) AS m"
    parquet(athena, tmp_path, "pq/a", first)
    parquet(athena, tmp_path, "pq/b", "SELECT timestamp '2019-10-02 00:00:00.123456' AS t, 7::BIGINT AS unknown")
    athena.run(
        "CREATE EXTERNAL TABLE pq (missing string, t timestamp, m decimal(10,2), b bigint) STORED AS PARQUET "
        f"LOCATION 's3://{athena.bucket}/pq/'"
    )
    assert athena.rows("SELECT * FROM pq ORDER BY t") == [
        [None, "2019-10-01 00:00:00.000", "1.50", "1"],
        [None, "2019-10-02 00:00:00.123", None, None],
    ]


def test_a_parquet_column_of_another_type_is_bad_data(athena: Athena, tmp_path: Path) -> None:
    parquet(athena, tmp_path, "other/a", "SELECT 'x' AS n")
    athena.run(f"CREATE EXTERNAL TABLE other (n bigint) STORED AS PARQUET LOCATION 's3://{athena.bucket}/other/'")
    assert athena.fail("SELECT n FROM other").startswith("HIVE_BAD_DATA: Field n's type VARCHAR")


def test_a_format_that_is_not_read_here_says_so(athena: Athena) -> None:
    athena.glue.create_table(
        DatabaseName=athena.database,
        TableInput={
            "Name": "orc",
            "StorageDescriptor": {
                "Columns": [{"Name": "a", "Type": "string"}],
                "Location": f"s3://{athena.bucket}/orc/",
                "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.orc.OrcSerde"},
            },
        },
    )
    assert athena.fail("SELECT * FROM orc").startswith("HIVE_UNSUPPORTED_FORMAT: Table orc has the SerDe")


def test_only_partitions_of_the_catalogue_are_read_each_from_its_own_place(athena: Athena) -> None:
    athena.put("parts/p=1/a.csv", "in the table's folder, not in the catalogue\n")
    athena.put("elsewhere/v1/a.csv", "one\n")
    athena.put("elsewhere/v2/a.csv", "two\n")
    athena.run(
        f"CREATE EXTERNAL TABLE parts (v string) PARTITIONED BY (p string) LOCATION 's3://{athena.bucket}/parts/'"
    )
    assert athena.rows("SELECT * FROM parts") == []
    athena.run(f"ALTER TABLE parts ADD PARTITION (p = '7') LOCATION 's3://{athena.bucket}/elsewhere/v1/'")
    assert athena.rows("SELECT v, p FROM parts") == [["one", "7"]]
    athena.run(f"ALTER TABLE parts PARTITION (p = '7') SET LOCATION 's3://{athena.bucket}/elsewhere/v2/'")
    assert athena.rows("SELECT v, p FROM parts") == [["two", "7"]]
    athena.run("MSCK REPAIR TABLE parts")
    assert athena.rows("SHOW PARTITIONS parts") == [["p=1"], ["p=7"]]
    athena.s3.delete_object(Bucket=athena.bucket, Key="parts/p=1/a.csv")
    athena.run("MSCK REPAIR TABLE parts")
    assert athena.rows("SHOW PARTITIONS parts") == [["p=1"], ["p=7"]]
    assert athena.rows("SELECT p, count(*) FROM parts GROUP BY p") == [["7", "1"]]


def test_partition_keys_have_their_types_and_hives_null(athena: Athena) -> None:
    athena.put("typed/n=5/d=2019-10-01/a.csv", "x\n")
    athena.put("typed/n=__HIVE_DEFAULT_PARTITION__/d=2019-10-02/a.csv", "y\n")
    athena.run(
        f"CREATE EXTERNAL TABLE typed (v string) PARTITIONED BY (n int, d date) LOCATION 's3://{athena.bucket}/typed/'"
    )
    athena.run("MSCK REPAIR TABLE typed")
    assert athena.rows("SELECT v, n + 1, d FROM typed WHERE d > date '2019-09-30' ORDER BY v") == [
        ["x", "6", "2019-10-01"],
        ["y", None, "2019-10-02"],
    ]
    assert athena.rows("SELECT v FROM typed WHERE n IS NULL") == [["y"]]


def test_the_path_of_a_row_is_known_and_not_part_of_the_star(athena: Athena) -> None:
    athena.put("paths/a.csv", "1\n")
    athena.put("paths/b.csv", "2\n")
    athena.run(f"CREATE EXTERNAL TABLE paths (v int) LOCATION 's3://{athena.bucket}/paths/'")
    result = athena.run('SELECT *, "$path" FROM paths ORDER BY v')
    assert result.names == ["v", "$path"]
    assert result.rows == [["1", f"s3://{athena.bucket}/paths/a.csv"], ["2", f"s3://{athena.bucket}/paths/b.csv"]]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("true", ["a 2019-10-02 3", "b 2019-10-03 1"]),
        ("day = '2019-10-02'", ["a 2019-10-02 3"]),
        ("n < 3", ["b 2019-10-03 1"]),
        ("kind = 'c'", []),
    ],
)
def test_projected_partitions_need_no_catalogue(athena: Athena, condition: str, found: list[str]) -> None:
    athena.put("projected/a/2019-10-02/03/f.csv", "x\n")
    athena.put("projected/b/2019-10-03/01/f.csv", "y\n")
    athena.run(
        "CREATE EXTERNAL TABLE IF NOT EXISTS projected (v string) PARTITIONED BY (day string, n int, kind string) "
        f"LOCATION 's3://{athena.bucket}/projected/' TBLPROPERTIES ('projection.enabled'='true', "
        "'projection.day.type'='date', 'projection.day.range'='2019-10-01,2019-10-03', "
        "'projection.day.format'='yyyy-MM-dd', 'projection.n.type'='integer', 'projection.n.range'='1,12', "
        "'projection.n.digits'='2', 'projection.kind.type'='enum', 'projection.kind.values'='a,b', "
        f"'storage.location.template'='s3://{athena.bucket}/projected/${{kind}}/${{day}}/${{n}}/')"
    )
    rows = athena.rows(
        f"SELECT kind || ' ' || day || ' ' || cast(n AS varchar) FROM projected WHERE {condition} ORDER BY 1"
    )
    assert [row[0] for row in rows] == found


def test_missing_places_are_named(athena: Athena) -> None:
    athena.run("CREATE EXTERNAL TABLE lost (v string) LOCATION 's3://no-such-bucket/x/'")
    assert athena.fail("SELECT * FROM lost") == (
        "HIVE_FILESYSTEM_ERROR: The specified bucket does not exist (Service: Amazon S3; Bucket: no-such-bucket)"
    )
    assert athena.fail("SELECT * FROM nowhere") == (
        f"TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{athena.database}.nowhere' does not exist"
    )
    assert athena.fail("SELECT * FROM nowhere.t") == "SCHEMA_NOT_FOUND: line 1:15: Schema 'nowhere' does not exist"
    assert athena.fail("SELECT nothing FROM lost") == (
        "COLUMN_NOT_FOUND: line 1:8: Column 'nothing' cannot be resolved"
    )
