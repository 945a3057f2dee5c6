"""Statements on the catalogue: databases, tables, views, partitions, SHOW and DESCRIBE."""

from __future__ import annotations

import base64
import json

import pytest

from tests.local.athena.conftest import Athena


@pytest.fixture(scope="module")
def sales(athena: Athena) -> Athena:
    """A partitioned table in a database whose name needs quotes."""
    athena.run("CREATE DATABASE IF NOT EXISTS `db-sales` COMMENT 'sold things'")
    athena.put("sales/m=10/a.csv", "a,1\nb,2\n")
    athena.put("sales/m=11/a.csv", "c,3\n")
    athena.run(
        "CREATE EXTERNAL TABLE `db-sales`.`sales` (`name` string COMMENT 'of the thing', `n` int) "
        "COMMENT 'all of them' PARTITIONED BY (`m` string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        f"STORED AS TEXTFILE LOCATION 's3://{athena.bucket}/sales/' TBLPROPERTIES ('owner'='us')"
    )
    athena.run("MSCK REPAIR TABLE `db-sales`.sales")
    return athena


def test_names_with_hyphens_and_catalogues_are_found(sales: Athena) -> None:
    wanted = [["6"]]
    assert sales.rows('SELECT sum(n) FROM "db-sales".sales') == wanted
    assert sales.rows('SELECT sum("db-sales".sales.n) FROM "db-sales".sales') == wanted
    assert sales.rows('SELECT sum(x.N) FROM "AwsDataCatalog"."db-sales"."SALES" x') == wanted
    assert sales.rows("SELECT sum(n) FROM sales", QueryExecutionContext={"Database": "db-sales"}) == wanted


def test_a_with_query_hides_a_table_only_where_it_is_known(sales: Athena) -> None:
    context = {"QueryExecutionContext": {"Database": "db-sales"}}
    assert sales.rows("WITH sales AS (SELECT 1 AS n) SELECT n FROM sales", **context) == [["1"]]
    assert sales.rows("WITH sales AS (SELECT count(*) AS n FROM sales) SELECT n FROM sales", **context) == [["3"]]
    assert sales.rows('WITH sales AS (SELECT 1 AS n) SELECT count(*) FROM "db-sales".sales', **context) == [["3"]]
    nested = "SELECT (SELECT count(*) FROM sales), t.n FROM (WITH sales AS (SELECT 5 AS n) SELECT n FROM sales) t"
    assert sales.rows(nested, **context) == [["3", "5"]]


def test_a_view_is_kept_in_the_catalogue_as_presto_keeps_it(sales: Athena) -> None:
    context = {"QueryExecutionContext": {"Database": "db-sales"}}
    sales.run("CREATE OR REPLACE VIEW by_month AS SELECT m, sum(n) AS n, 'all' AS who FROM sales GROUP BY m", **context)
    sales.run("CREATE VIEW best AS SELECT max(n) AS n FROM by_month", **context)
    assert sales.rows('SELECT * FROM "db-sales".best') == [["3"]]
    table = sales.glue.get_table(DatabaseName="db-sales", Name="by_month")["Table"]
    assert table["TableType"] == "VIRTUAL_VIEW"
    assert table["Parameters"]["presto_view"] == "true"
    text = table["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    definition = json.loads(base64.b64decode(text))
    assert definition["columns"] == [
        {"name": "m", "type": "varchar"},
        {"name": "n", "type": "bigint"},
        {"name": "who", "type": "varchar(3)"},
    ]
    assert [column["Type"] for column in table["StorageDescriptor"]["Columns"]] == ["string", "bigint", "varchar(3)"]
    assert sales.rows("SHOW VIEWS IN `db-sales`") == [["best"], ["by_month"]]
    assert sales.rows("SHOW CREATE VIEW `db-sales`.best")[0] == ["CREATE VIEW db-sales.best AS"]
    assert sales.fail("CREATE VIEW best AS SELECT 1 AS one", **context).startswith("ALREADY_EXISTS: line 1:1: View")
    assert sales.fail("CREATE OR REPLACE VIEW sales AS SELECT 1 AS one", **context).startswith("ALREADY_EXISTS")
    assert sales.fail("CREATE VIEW odd AS SELECT 1", **context).startswith("MISSING_COLUMN_NAME")
    sales.run("DROP VIEW by_month", **context)
    assert sales.fail("SELECT * FROM best", **context) == (
        "INVALID_VIEW: line 1:15: Failed analyzing stored view 'awsdatacatalog.db-sales.best': "
        "TABLE_NOT_FOUND: line 1:25: Table 'awsdatacatalog.db-sales.by_month' does not exist"
    )
    assert sales.fail("DROP VIEW sales", **context).startswith("TABLE_NOT_FOUND")
    sales.run("DROP VIEW IF EXISTS best", **context)
    sales.run("DROP VIEW IF EXISTS best", **context)


def test_show_and_describe_tell_what_the_catalogue_holds(sales: Athena) -> None:
    assert ["db-sales"] in sales.rows("SHOW DATABASES")
    assert sales.rows("SHOW DATABASES LIKE 'db-*'") == [["db-sales"]]
    assert sales.rows("SHOW TABLES IN `db-sales` 'sal*'") == [["sales"]]
    assert sales.rows("SHOW COLUMNS IN `db-sales`.sales") == [["name"], ["n"], ["m"]]
    assert sales.rows("SHOW PARTITIONS `db-sales`.sales") == [["m=10"], ["m=11"]]
    assert ["owner\tus"] in sales.rows("SHOW TBLPROPERTIES `db-sales`.sales")
    described = sales.run("DESCRIBE `db-sales`.sales")
    assert described.names == ["col_name", "data_type", "comment"]
    assert described.rows[0] == ["name                \tstring              \tof the thing        "]
    assert ["# Partition Information\t\t"] in described.rows
    created = "\n".join(str(row[0]) for row in sales.rows("SHOW CREATE TABLE `db-sales`.sales"))
    assert created.startswith(
        "CREATE EXTERNAL TABLE `db-sales.sales`(\n  `name` string COMMENT 'of the thing', \n  `n` int)"
    )
    assert "'field.delim'=','" in created
    assert f"LOCATION\n  's3://{sales.bucket}/sales/'" in created


def test_what_show_create_table_prints_creates_the_table_again(sales: Athena) -> None:
    created = "\n".join(str(row[0]) for row in sales.rows("SHOW CREATE TABLE `db-sales`.sales"))
    sales.run(created.replace("`db-sales.sales`", "again"))
    before = sales.glue.get_table(DatabaseName="db-sales", Name="sales")["Table"]
    after = sales.glue.get_table(DatabaseName=sales.database, Name="again")["Table"]
    for part in ("Columns", "Location", "InputFormat", "OutputFormat", "SerdeInfo"):
        assert after["StorageDescriptor"][part] == before["StorageDescriptor"][part]
    assert after["PartitionKeys"] == before["PartitionKeys"]


def test_information_schema_lists_tables_and_columns(sales: Athena) -> None:
    tables = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'db-sales'"
    assert sales.rows(tables) == [["sales", "BASE TABLE"]]
    columns = (
        "SELECT column_name, ordinal_position, data_type, extra_info FROM information_schema.columns "
        "WHERE table_schema = 'db-sales' AND table_name = 'sales' ORDER BY 2"
    )
    assert sales.rows(columns) == [
        ["name", "1", "varchar", None],
        ["n", "2", "integer", None],
        ["m", "3", "varchar", "partition key"],
    ]


def test_partitions_are_added_and_dropped_one_and_several_at_a_time(athena: Athena) -> None:
    athena.run(
        "CREATE EXTERNAL TABLE years (v string) PARTITIONED BY (y int, m string) "
        f"LOCATION 's3://{athena.bucket}/years/'"
    )
    athena.run(
        "ALTER TABLE years ADD PARTITION (y = 2019, m = '10') PARTITION (m = '11', y = 2019) "
        "PARTITION (y = 2020, m = '01')"
    )
    assert athena.rows("SHOW PARTITIONS years") == [["y=2019/m=10"], ["y=2019/m=11"], ["y=2020/m=01"]]
    assert "Partition already exists" in athena.fail("ALTER TABLE years ADD PARTITION (y = 2019, m = '10')")
    athena.run("ALTER TABLE years ADD IF NOT EXISTS PARTITION (y = 2019, m = '10') PARTITION (y = 2021, m = '01')")
    assert "does not name the partition keys" in athena.fail("ALTER TABLE years ADD PARTITION (y = 2019)")
    athena.run("ALTER TABLE years DROP PARTITION (y = 2019, m = '11')")
    assert "Partition not found" in athena.fail("ALTER TABLE years DROP PARTITION (y = 2019, m = '11')")
    athena.run("ALTER TABLE years DROP IF EXISTS PARTITION (y = 2019, m = '11')")
    athena.run("ALTER TABLE years DROP PARTITION (y >= 2020), PARTITION (y = 2019)")
    assert athena.rows("SHOW PARTITIONS years") == []


def test_a_table_is_altered_and_dropped_and_its_data_stays(athena: Athena) -> None:
    athena.put("altered/a.csv", "x,y\n")
    athena.run(
        "CREATE EXTERNAL TABLE altered (a string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        f"LOCATION 's3://{athena.bucket}/altered/'"
    )
    athena.run("ALTER TABLE altered ADD COLUMNS (b string, c bigint)")
    assert athena.rows("SELECT * FROM altered") == [["x", "y", None]]
    athena.run("ALTER TABLE altered SET TBLPROPERTIES ('skip.header.line.count'='1')")
    assert athena.rows("SELECT * FROM altered") == []
    assert "Duplicate column name" in athena.fail("ALTER TABLE altered ADD COLUMNS (a string)")
    athena.run("DROP TABLE altered")
    assert athena.keys("altered/") == ["altered/a.csv"]
    assert athena.fail("DROP TABLE altered").startswith("TABLE_NOT_FOUND")
    athena.run("DROP TABLE IF EXISTS altered")


def test_a_database_with_tables_is_dropped_by_cascade_alone(athena: Athena) -> None:
    athena.run("CREATE SCHEMA filled")
    assert "already exists" in athena.fail("CREATE SCHEMA filled")
    athena.run(f"CREATE EXTERNAL TABLE filled.t (a string) LOCATION 's3://{athena.bucket}/t/'")
    assert "is not empty" in athena.fail("DROP DATABASE filled")
    athena.run("DROP DATABASE filled CASCADE")
    assert athena.rows("SHOW DATABASES LIKE 'filled'") == []
    assert "does not exist" in athena.fail("DROP DATABASE filled")
    athena.run("DROP DATABASE IF EXISTS filled")


@pytest.mark.parametrize(
    ("sql", "beginning"),
    [
        ("SELEC 1", "SYNTAX_ERROR: line 1:1: mismatched input 'SELEC'. Expecting: 'ALTER'"),
        ("SELECT 1; SELECT 2", "SYNTAX_ERROR: line 1:9: Only one sql statement is allowed"),
        ("DELETE FROM t", "SYNTAX_ERROR: line 1:1: mismatched input 'DELETE'"),
        ("CREATE TABLE t (a int)", "SYNTAX_ERROR: line 1:16: CREATE TABLE needs EXTERNAL and a LOCATION"),
        ("CREATE EXTERNAL TABLE t (a int)", "FAILED: SemanticException: No location was given"),
        ("CREATE EXTERNAL TABLE t (a what) LOCATION 's3://b/t/'", "SYNTAX_ERROR: line 1:32"),
        ("CREATE EXTERNAL TABLE t (a int) LOCATION 'nowhere'", "FAILED: 'nowhere' is not an S3 location"),
        ("CREATE EXTERNAL TABLE t (a int) STORED AS ORC LOCATION 's3://b/t/'", "NOT_SUPPORTED: STORED AS ORC"),
        ("ALTER TABLE t RENAME TO u", "SYNTAX_ERROR: line 1:15: mismatched input 'RENAME'"),
        ("SHOW PARTITIONS nowhere", "TABLE_NOT_FOUND: Table 'awsdatacatalog."),
        ("SHOW TABLES IN nowhere", "SCHEMA_NOT_FOUND: Schema 'nowhere' does not exist"),
        ("SELECT * FROM t TABLESAMPLE BERNOULLI (10)", "NOT_SUPPORTED"),
        ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT * FROM r", "NOT_SUPPORTED"),
    ],
)
def test_statements_that_athena_refuses(athena: Athena, sql: str, beginning: str) -> None:
    assert athena.fail(sql).startswith(beginning)


def test_a_last_semicolon_and_comments_are_no_part_of_the_statement(athena: Athena) -> None:
    assert athena.rows("-- first\nSELECT 1 /* ; */ AS one; -- last\n") == [["1"]]
    assert athena.rows("SELECT ';' AS sign") == [[";"]]


def test_explain_shows_the_tables_that_are_read(sales: Athena) -> None:
    plan = sales.run("EXPLAIN SELECT sum(n) FROM \"db-sales\".sales WHERE m = '10'")
    assert plan.names == ["Query Plan"]
    assert "TableScan[awsdatacatalog.db-sales.sales" in "\n".join(str(row[0]) for row in plan.rows)
    assert plan.scanned == 0
    analyzed = sales.run('EXPLAIN ANALYZE SELECT n FROM "db-sales".sales')
    assert ["Output: 3 rows"] in analyzed.rows
    assert analyzed.scanned > 0
