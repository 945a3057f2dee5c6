"""A table is written aside, audited there, and takes the place of the one before it in one step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ecomm import catalog
from ecomm.batch.publish import publish_activity, publish_table
from ecomm.batch.served import MADE_FROM, fingerprint, partitions
from ecomm.errors import DataError
from ecomm.operators.derived_table import AuditTableOperator, WriteTableOperator
from ecomm.waiting import wait

from tests.plugins.conftest import ENDLESS, Execute, World, context

TABLE = "kpi_test"
CHECK = """
select 'no {0}' as check_name, count_if(number = {0}) as failing_rows, 'rows: ' || cast(count(*) as varchar) as detail
from {{{{ this }}}}
"""

Write = Callable[..., dict[str, Any]]


@pytest.fixture
def sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of SQL files with one mart: the numbers 1 to 3, of which none may be 4."""
    (tmp_path / TABLE).mkdir()
    (tmp_path / "thresholds.json").write_text('{"largest": {"value": 3, "reason": "a test"}}')
    (tmp_path / TABLE / "table.yaml").write_text(
        "description: Some numbers.\ncolumns: {number: {type: bigint, unit: ones, description: A number}}\n"
    )
    (tmp_path / TABLE / "query.sql").write_text(
        "select number from unnest(sequence(1, {{ thresholds.largest }})) as numbers (number)\n"
    )
    (tmp_path / TABLE / "check.sql").write_text(CHECK.format(4))
    monkeypatch.setattr("ecomm.sql.SQL", tmp_path)
    monkeypatch.setattr("ecomm.tables.SQL", tmp_path)
    return tmp_path


@pytest.fixture
def write(world: World, sql: Path) -> Write:
    def write(version: str = "v1", **run: Any) -> dict[str, Any]:
        return dict(writing(version).execute(context(**run)))

    return write


def writing(version: str = "v1") -> WriteTableOperator:
    return WriteTableOperator(task_id="write", table=TABLE, version=version, retries=2)


def auditing(written: dict[str, Any]) -> AuditTableOperator:
    return AuditTableOperator(task_id="audit", table=TABLE, written=written, retries=2)


def audit(written: dict[str, Any], run: Any = None) -> Any:
    return auditing(written).execute(run or context())


def queries(world: World) -> int:
    """How many were started in the test's workgroup."""
    pages = world.aws.client("athena").get_paginator("list_query_executions")
    return sum(len(page["QueryExecutionIds"]) for page in pages.paginate(WorkGroup=world.names.athena_workgroup))


def tables(world: World) -> list[str]:
    found = [table["Name"] for table in catalog.list_tables(world.names.curated_database)]
    return sorted(name for name in found if name.startswith("kpi"))


def numbers(world: World) -> list[str | None]:
    return [row["number"] for row in world.query("select number from kpi_test order by number")]


def test_a_table_is_written_aside_and_counted(world: World, sql: Path, execute: Execute) -> None:
    written = execute(writing(), context())
    assert tables(world) == ["kpi_test__v1_1"]
    assert (written["table"], written["staged"], written["rows"]) == ("kpi_test", "kpi_test__v1_1", 3)
    assert written["location"] == f"s3://{world.names.curated_bucket}/kpi/kpi_test/v1-1/"
    assert written["bytes_scanned"] == 0
    assert world.keys("kpi/kpi_test/v1-1/")


def test_an_audit_that_passes_tells_its_checks(write: Write, execute: Execute) -> None:
    found = execute(auditing(write()), context())
    assert found["checks"] == {"no 4": {"outcome": "passed", "failing_rows": 0, "detail": "rows: 3"}}


def test_an_audit_that_fails_names_every_failed_check_and_keeps_the_table_before(
    world: World, write: Write, sql: Path
) -> None:
    publish_table(write("v1"))
    (sql / "thresholds.json").write_text('{"largest": {"value": 5, "reason": "a test"}}')
    checks = "\nunion all\n".join(CHECK.format(number) for number in (4, 5, 6))
    (sql / TABLE / "check.sql").write_text(checks)
    written, run = write("v2"), context()
    with pytest.raises(DataError) as failure:
        audit(written, run)
    message = str(failure.value)
    assert "kpi_test was not published, the one before it goes on serving" in message
    assert "'no 4' fails in 1 rows (rows: 5); 'no 5' fails in 1 rows (rows: 5)" in message
    assert "no 6" not in message
    assert "kpi_test__v2_1; the checks in include/sql/kpi_test/check.sql" in message
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
    (sql / TABLE / "check.sql").write_text(
        "select 'no 3' as check_name, 'warn' as severity, 1 as failing_rows, '' as detail from {{ this }} limit 1"
    )
    found = audit(write())
    assert found["checks"]["no 3"]["outcome"] == "WARNING"
    assert [record.levelname for record in caplog.records if "no 3" in record.getMessage()][-1] == "WARNING"


def test_a_check_file_without_a_check_fails(write: Write, sql: Path) -> None:
    (sql / TABLE / "check.sql").write_text("select 'x' as check_name, 0 as failing_rows, '' as detail where false")
    with pytest.raises(DataError, match=r"kpi_test/check\.sql returned no check;"):
        audit(write())


def test_publishing_switches_the_table_and_describes_it(world: World, write: Write, sql: Path) -> None:
    publish_table(write("v1"))
    assert tables(world) == ["kpi_test"]
    assert numbers(world) == ["1", "2", "3"]
    published = catalog.find_table(world.names.curated_database, "kpi_test")
    assert published is not None
    assert published["Description"] == "Some numbers."
    assert published["StorageDescriptor"]["Columns"][0]["Comment"] == "A number (ones)"


def test_the_version_before_is_kept_and_older_ones_are_deleted(world: World, write: Write, sql: Path) -> None:
    for version in ("v1", "v2", "v3"):
        publish_table(write(version))
    assert {key.split("/")[2] for key in world.keys("kpi/kpi_test/")} == {"v2-1", "v3-1"}


def test_a_table_may_change_its_columns(world: World, write: Write, sql: Path) -> None:
    publish_table(write("v1"))
    (sql / TABLE / "query.sql").write_text("-- Others.\nselect 'a' as letter, 1 as number")
    publish_table(write("v2"))
    assert world.query("select * from kpi_test") == [{"letter": "a", "number": "1"}]


def test_publishing_again_changes_nothing(world: World, write: Write) -> None:
    written = write()
    first = publish_table(written)
    assert publish_table(written) == first
    assert numbers(world) == ["1", "2", "3"]


def test_a_table_that_an_earlier_run_left_aside_is_removed(world: World, write: Write) -> None:
    write("v1")
    written = write("v2")
    assert tables(world) == ["kpi_test__v2_1"]
    publish_table(written)
    assert {key.split("/")[2] for key in world.keys("kpi/kpi_test/")} == {"v2-1"}


@pytest.mark.parametrize("changes", ["the fact", "the statement"])
def test_a_table_says_what_it_was_computed_from_and_not_what_is_there_when_it_is_published(
    world: World, write: Write, sql: Path, changes: str
) -> None:
    made_from, written = fingerprint(TABLE, partitions()), write()
    if changes == "the fact":
        publish_activity(["2019-11"], [], "v2")
    else:
        (sql / TABLE / "query.sql").write_text("-- Others.\nselect 1 as number")
    publish_table(written)
    table = catalog.find_table(world.names.curated_database, "kpi_test")
    assert table is not None
    assert table["Parameters"][MADE_FROM] == made_from != fingerprint(TABLE, partitions())


def test_a_try_takes_over_the_query_of_one_whose_worker_died(world: World, sql: Path) -> None:
    died = writing().start(context(try_number=1))
    written = writing().execute(context(try_number=2))
    assert died.startswith(f"{written['query_id']}/1/")
    assert written["made_from"] == ""
    assert written["staged"] == "kpi_test__v1_1"
    assert queries(world) == 1
    died = auditing(written).start(context(try_number=1))
    assert auditing(written).start(context(try_number=3)) == died
    assert queries(world) == 2


def test_a_try_after_a_query_that_failed_has_a_name_of_its_own(world: World, write: Write, sql: Path) -> None:
    (sql / TABLE / "query.sql").write_text(
        "-- Needs a table.\nselect line from {{ table('ecomm_user_activity_quarantine') }}"
    )
    catalog.drop_table(world.names.curated_database, "ecomm_user_activity_quarantine")
    with pytest.raises(RuntimeError, match="TABLE_NOT_FOUND"):
        write(try_number=1)
    world.create("ecomm_user_activity_quarantine", {"line": "string"})
    assert write(try_number=2)["staged"] == "kpi_test__v1_2"
    assert write(try_number=3)["staged"] == "kpi_test__v1_2"


def test_a_task_that_was_cleared_computes_anew(world: World, write: Write) -> None:
    first = write(try_number=1)
    second = write(try_number=2, max_tries=3)
    assert first["query_id"] != second["query_id"]
    assert tables(world) == ["kpi_test__v1_2"]


def test_a_killed_task_stops_its_query(sql: Path, write: Write) -> None:
    (sql / TABLE / "query.sql").write_text(f"-- Takes minutes.\n{ENDLESS}")
    operator = writing()
    operator.handle = operator.start(context())
    operator.on_kill()
    assert wait(operator.waiting(operator.handle)) == "CANCELLED"
    with pytest.raises(RuntimeError, match="ended as CANCELLED"):
        operator.finish(context(), operator.handle)


def test_its_link_leads_to_the_query_in_the_console() -> None:
    operator = writing()
    operator.handle = "an-id/1"
    (link,) = operator.operator_extra_links
    console = "https://us-east-1.console.aws.amazon.com"
    address = link.get_link(operator, ti_key=None)  # type: ignore[arg-type]
    assert address == f"{console}/athena/home?region=us-east-1#/query-editor/history/an-id"


def test_what_was_written_and_then_lost_is_not_published(world: World, write: Write) -> None:
    publish_table(write("v1"))
    lost = write("v2")
    catalog.drop_table(world.names.curated_database, lost["staged"])
    with pytest.raises(DataError, match="kpi_test__v2_1 is gone, so kpi_test cannot be published"):
        publish_table(lost)
    assert numbers(world) == ["1", "2", "3"]


def test_a_query_that_fails_says_so_in_athenas_words(world: World, sql: Path, execute: Execute) -> None:
    (sql / TABLE / "query.sql").write_text("select nothing from nowhere")
    with pytest.raises(RuntimeError, match=r"Athena query .* ended as FAILED: .*TABLE_NOT_FOUND"):
        execute(writing(), context())


def test_a_statement_that_is_wrong_is_not_tried_again_and_the_table_before_goes_on_serving(
    world: World, write: Write, sql: Path
) -> None:
    publish_table(write("v1"))
    (sql / TABLE / "query.sql").write_text("-- Wrong.\nselect number fro numbers")
    with pytest.raises(DataError, match=r"FAILED: SYNTAX_ERROR: line \d+:\d+: .*\. Correct the statement, then clear"):
        write("v2")
    assert numbers(world) == ["1", "2", "3"]


def test_a_query_that_reads_more_than_the_workgroup_allows_is_not_tried_again(
    world: World, write: Write, sql: Path
) -> None:
    publish_table(write("v1"))
    (sql / TABLE / "query.sql").write_text(
        "-- Texts of which no two are alike.\nselect to_hex(md5(to_utf8(cast(number as varchar)))) as text "
        "from unnest(sequence(1, 9000)) as numbers (number)"
    )
    publish_table(write("v2"))
    limit = 10_000_000
    client = world.aws.client("athena")
    client.update_work_group(
        WorkGroup=world.names.athena_workgroup, ConfigurationUpdates={"BytesScannedCutoffPerQuery": limit}
    )
    size = sum(found["Size"] for found in world.aws.list_objects(world.names.curated_bucket, "kpi/kpi_test/v2-1/"))
    wide = " union all ".join(["select text from {{ table('kpi_test') }}"] * (limit // size + 2))
    (sql / TABLE / "query.sql").write_text(f"-- Too much.\nselect max(text) as text from ({wide}) as texts")
    with pytest.raises(DataError, match=r"CANCELLED: .*limit was exceeded\. Let it read less, or raise the limit"):
        write("v3")
    assert world.query("select count(*) as found from kpi_test") == [{"found": "9000"}]
    assert world.keys("kpi/kpi_test/v3-1/") == []


def test_a_name_that_no_file_may_use_is_an_error(write: Write, sql: Path) -> None:
    (sql / TABLE / "query.sql").write_text("select {{ tabel }}")
    with pytest.raises(Exception, match="'tabel' is undefined"):
        write()
