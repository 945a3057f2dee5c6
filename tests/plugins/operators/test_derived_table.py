"""A table is written aside, audited there, and takes the place of the one before it in one step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ecomm import catalog
from ecomm.batch.publish import publish_table
from ecomm.errors import DataError
from ecomm.operators.derived_table import AuditTableOperator, WriteTableOperator

from tests.plugins.conftest import World, context

FILE = "marts/kpi_test.sql"
CHECK = """
select 'no {0}' as check_name, count_if(number = {0}) as failing_rows, 'rows: ' || cast(count(*) as varchar) as detail
from {{{{ table }}}}
"""

Write = Callable[..., dict[str, Any]]


@pytest.fixture
def sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of SQL files with one mart: the numbers 1 to 3, of which none may be 4."""
    (tmp_path / "marts").mkdir()
    (tmp_path / "thresholds.json").write_text('{"largest": {"value": 3, "reason": "a test"}}')
    (tmp_path / FILE).write_text(
        "-- Some numbers.\n--\nselect number from unnest(sequence(1, {{ thresholds.largest }})) as numbers (number)\n"
    )
    (tmp_path / "marts/kpi_test_check.sql").write_text(CHECK.format(4))
    monkeypatch.setattr("ecomm.sql.SQL", tmp_path)
    return tmp_path


@pytest.fixture
def write(world: World, sql: Path) -> Write:
    def write(version: str = "v1", try_number: int = 1) -> dict[str, Any]:
        operator = WriteTableOperator(task_id="write", table="kpi_test", file=FILE, version=version)
        return dict(operator.execute(context(try_number=try_number)))

    return write


def audit(written: dict[str, Any], run: Any = None) -> Any:
    return AuditTableOperator(task_id="audit", file=FILE, written=written).execute(run or context())


def tables(world: World) -> list[str]:
    found = [table["Name"] for table in catalog.list_tables(world.names.curated_database)]
    return sorted(name for name in found if name.startswith("kpi"))


def numbers(world: World) -> list[str | None]:
    return [row["number"] for row in world.query("select number from kpi_test order by number")]


def test_a_table_is_written_aside_and_counted(world: World, write: Write) -> None:
    written = write()
    assert tables(world) == ["kpi_test__v1_1"]
    assert (written["table"], written["staged"], written["rows"]) == ("kpi_test", "kpi_test__v1_1", 3)
    assert written["location"] == f"s3://{world.names.curated_bucket}/kpi/kpi_test/v1-1/"
    assert written["bytes_scanned"] == 0
    assert world.keys("kpi/kpi_test/v1-1/")


def test_an_audit_that_passes_tells_its_checks(write: Write) -> None:
    found = audit(write())
    assert found["checks"] == {"no 4": {"outcome": "passed", "failing_rows": 0, "detail": "rows: 3"}}


def test_an_audit_that_fails_names_every_failed_check_and_keeps_the_table_before(
    world: World, write: Write, sql: Path
) -> None:
    publish_table(write("v1"), FILE)
    (sql / "thresholds.json").write_text('{"largest": {"value": 5, "reason": "a test"}}')
    checks = "\nunion all\n".join(CHECK.format(number) for number in (4, 5, 6))
    (sql / "marts/kpi_test_check.sql").write_text(checks)
    written, run = write("v2"), context()
    with pytest.raises(DataError) as failure:
        audit(written, run)
    message = str(failure.value)
    assert "kpi_test was not published, the one before it goes on serving" in message
    assert "'no 4' fails in 1 rows (rows: 5); 'no 5' fails in 1 rows (rows: 5)" in message
    assert "no 6" not in message
    assert "kpi_test__v2_1; the checks in marts/kpi_test_check.sql" in message
    assert numbers(world) == ["1", "2", "3"]
    checks = run["ti"].xcoms["failed_audit"]["checks"]
    assert {name: check["outcome"] for name, check in checks.items()} == {
        "no 4": "FAILED",
        "no 5": "FAILED",
        "no 6": "passed",
    }


def test_a_check_that_only_warns_is_told_and_keeps_nothing_back(
    write: Write, sql: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (sql / "marts/kpi_test_check.sql").write_text(
        "select 'no 3' as check_name, 'warn' as severity, 1 as failing_rows, '' as detail from {{ table }} limit 1"
    )
    found = audit(write())
    assert found["checks"]["no 3"]["outcome"] == "WARNING"
    assert [record.levelname for record in caplog.records if "no 3" in record.getMessage()][-1] == "WARNING"


def test_a_check_file_without_a_check_fails(write: Write, sql: Path) -> None:
    (sql / "marts/kpi_test_check.sql").write_text(
        "select 'x' as check_name, 0 as failing_rows, '' as detail where false"
    )
    with pytest.raises(DataError, match=r"kpi_test_check\.sql returned no check;"):
        audit(write())


def test_publishing_switches_the_table_and_describes_it(world: World, write: Write, sql: Path) -> None:
    publish_table(write("v1"), FILE)
    assert tables(world) == ["kpi_test"]
    assert numbers(world) == ["1", "2", "3"]
    published = catalog.find_table(world.names.curated_database, "kpi_test")
    assert published is not None
    assert published["Description"] == "Some numbers."


def test_the_version_before_is_kept_and_older_ones_are_deleted(world: World, write: Write, sql: Path) -> None:
    for version in ("v1", "v2", "v3"):
        publish_table(write(version), FILE)
    assert {key.split("/")[2] for key in world.keys("kpi/kpi_test/")} == {"v2-1", "v3-1"}


def test_a_table_may_change_its_columns(world: World, write: Write, sql: Path) -> None:
    publish_table(write("v1"), FILE)
    (sql / FILE).write_text("-- Others.\nselect 'a' as letter, 1 as number")
    publish_table(write("v2"), FILE)
    assert world.query("select * from kpi_test") == [{"letter": "a", "number": "1"}]


def test_publishing_again_changes_nothing(world: World, write: Write) -> None:
    written = write()
    first = publish_table(written, FILE)
    assert publish_table(written, FILE) == first
    assert numbers(world) == ["1", "2", "3"]


def test_a_try_removes_what_the_one_before_left(world: World, write: Write) -> None:
    write(try_number=1)
    written = write(try_number=2)
    assert tables(world) == ["kpi_test__v1_2"]
    publish_table(written, FILE)
    assert {key.split("/")[2] for key in world.keys("kpi/kpi_test/")} == {"v1-2"}


def test_what_was_written_and_then_lost_is_not_published(world: World, write: Write) -> None:
    publish_table(write("v1"), FILE)
    lost = write("v2")
    catalog.drop_table(world.names.curated_database, lost["staged"])
    with pytest.raises(RuntimeError, match="kpi_test__v2_1 is gone, so kpi_test cannot be published"):
        publish_table(lost, FILE)
    assert numbers(world) == ["1", "2", "3"]


def test_a_query_that_fails_says_so_in_athenas_words(write: Write, sql: Path) -> None:
    (sql / FILE).write_text("select nothing from nowhere")
    with pytest.raises(RuntimeError, match=r"Athena query .* ended as FAILED: .*TABLE_NOT_FOUND"):
        write()


def test_a_statement_that_is_wrong_is_not_tried_again_and_the_table_before_goes_on_serving(
    world: World, write: Write, sql: Path
) -> None:
    publish_table(write("v1"), FILE)
    (sql / FILE).write_text("-- Wrong.\nselect number fro numbers")
    with pytest.raises(DataError, match=r"FAILED: SYNTAX_ERROR: line \d+:\d+: .*\. Correct the statement, then clear"):
        write("v2")
    assert numbers(world) == ["1", "2", "3"]


def test_a_query_that_reads_more_than_the_workgroup_allows_is_not_tried_again(
    world: World, write: Write, sql: Path
) -> None:
    publish_table(write("v1"), FILE)
    (sql / FILE).write_text(
        "-- Texts of which no two are alike.\nselect to_hex(md5(to_utf8(cast(number as varchar)))) as text "
        "from unnest(sequence(1, 9000)) as numbers (number)"
    )
    publish_table(write("v2"), FILE)
    limit = 10_000_000
    client = world.aws.client("athena")
    client.update_work_group(
        WorkGroup=world.names.athena_workgroup, ConfigurationUpdates={"BytesScannedCutoffPerQuery": limit}
    )
    size = sum(found["Size"] for found in world.aws.list_objects(world.names.curated_bucket, "kpi/kpi_test/v2-1/"))
    wide = " union all ".join(["select text from {{ database }}.kpi_test"] * (limit // size + 2))
    (sql / FILE).write_text(f"-- Too much.\nselect max(text) as text from ({wide}) as texts")
    with pytest.raises(DataError, match=r"CANCELLED: .*limit was exceeded\. Let it read less, or raise the limit"):
        write("v3")
    assert world.query("select count(*) as found from kpi_test") == [{"found": "9000"}]
    assert world.keys("kpi/kpi_test/v3-1/") == []


def test_a_name_that_no_file_may_use_is_an_error(write: Write, sql: Path) -> None:
    (sql / FILE).write_text("select {{ tabel }}")
    with pytest.raises(Exception, match="'tabel' is undefined"):
        write()
