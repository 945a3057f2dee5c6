"""Both DAGs, whole, on real engines: the KPIs are those that plain Python computes from the same lines."""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from datetime import date
from typing import Any

import pytest
from ecomm.tables import MARTS

from simulator.dataset_generator import generate
from tests.dags.conftest import Run, read_table
from tests.include.sql.expectations import expected
from tests.reference_model import HEADER, Model, Table, parse

FACT, QUARANTINE = "ecomm_user_activity", "ecomm_user_activity_quarantine"
BOT = "599999999"
# One hour of 700 views by one user: more than any person makes.
BURST = [
    f"2019-11-20 10:{number // 60:02}:{number % 60:02} UTC,view,1004856,2053013555631882655,electronics.smartphone,,"
    f"130.76,{BOT},00000000-0000-4000-8000-000000000001\n"
    for number in range(700)
]
# A visit that goes on after midnight, and buys what it put into the cart.
MIDNIGHT = [
    f"2019-11-{time} UTC,{kind},1004856,2053013555631882655,electronics.smartphone,samsung,130.76,588888888,"
    "00000000-0000-4000-8000-000000000002\n"
    for time, kind in (("12 23:59:50", "cart"), ("13 00:00:10", "purchase"))
]
BAD = [
    "2019-11-21 00:00:00 UTC,view,not a number,2053013555631882655,,,1.00,588888888,\n",
    "2019-11-21 00:00:00 UTC,view,1004856,2.053013555631883e18,,,1.00,588888888,\n",
    "2019-11-21 00:00:00 UTC,view,1004856\n",
    "no event at all\n",
]


class Outcome:
    """What went in, and what the tasks of both runs returned."""

    def __init__(self, good: list[str], bad: list[str], upload: dict[str, Any], batch: dict[str, Any]) -> None:
        self.good = good
        self.bad = bad
        self.upload = upload
        self.batch = batch
        # The day of a line that cannot be read is the one that it begins with.
        quarantined = Counter(line[:10] if line.startswith("2019-") else None for line in bad)
        self.model = Model(parse(good), {BOT: "events_per_hour"}, quarantined)


@pytest.fixture(scope="module")
def outcome(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """October as a zip and November as a CSV, uploaded and computed."""
    lines = list(generate(3000, seed=3))
    october = [line for line in lines if line < "2019-11"]
    november = sorted([line for line in lines if line >= "2019-11"] + BURST + MIDNIGHT)
    folder = tmp_path_factory.mktemp("data")
    with zipfile.ZipFile(folder / "2019-Oct.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("2019-Oct.csv", f"{HEADER}\n{''.join(october)}")
    # As many as one percent of the month's lines may be.
    garbage = [f"garbage {number}\n" for number in range(len(november) // 99 - len(BAD))]
    bad = BAD + garbage
    spread = list(november)
    for number, line in enumerate(bad):
        spread.insert(number * 99, line)
    (folder / "2019-Nov.csv").write_text(f"{HEADER}\n{''.join(spread)}")
    sources = [str(folder / "2019-Oct.csv.zip"), str(folder / "2019-Nov.csv")]
    upload = run("ecomm_dataset_upload", {"sources": sources})
    return Outcome(october + november, bad, upload, run("ecomm_batch_kpis", {}))


def rows_of(table: str, columns: Table) -> Table:
    """The published table, with the columns that the expectation has."""
    return read_table(f"select {', '.join(f'"{name}"' for name in columns[0])} from {table}")


def ordered(table: Table) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in table)


def test_the_upload_tells_what_it_brought(outcome: Outcome) -> None:
    summary = outcome.upload["summarize"]
    assert summary["months"] == ["2019-10", "2019-11"]
    assert summary["rows"] == len(outcome.good) + len(outcome.bad)
    assert summary["bytes"] == sum(month["bytes"] for month in outcome.upload["upload_months"].values())


def test_the_asset_event_carries_the_months(outcome: Outcome) -> None:
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        events = session.query(AssetEvent).order_by(AssetEvent.timestamp).all()
        extras = {event.source_dag_id: event.extra for event in events}
    assert extras["ecomm_dataset_upload"] == outcome.upload["summarize"]
    assert extras["ecomm_batch_kpis"] == outcome.batch["summarize"]


def test_the_crawlers_found_both_tables(outcome: Outcome) -> None:
    assert outcome.batch["crawl_sample"]["tables"].keys() == {"ecomm_user_activity_sample"}
    (table,) = outcome.batch["crawl_uncompressed"]["tables"].values()
    assert table["partitions"] == 2


def test_rows_in_are_rows_curated_and_rows_quarantined(outcome: Outcome) -> None:
    audit = outcome.batch["audit_activity"]
    assert audit["rows_in"] == len(outcome.good) + len(outcome.bad)
    assert audit["rows_curated"] == len(outcome.good)
    assert audit["rows_quarantined"] == len(outcome.bad)
    assert read_table("select count(*) as found from ecomm_user_activity") == [{"found": str(len(outcome.good))}]


def test_quarantined_lines_keep_their_text_and_their_number_and_have_a_reason(outcome: Outcome) -> None:
    found = read_table("select source, line_number, line, reason, p_month from ecomm_user_activity_quarantine")
    assert sorted((str(row["line"]), int(str(row["line_number"]))) for row in found) == sorted(
        (line.rstrip("\n"), 2 + number * 99) for number, line in enumerate(outcome.bad)
    )
    assert all(row["reason"] and row["p_month"] == "11" for row in found)
    assert {str(row["source"]).rpartition("/")[2] for row in found} == {"2019-Nov.csv"}


def test_the_data_s_quality_is_told_day_by_day_and_in_the_summary(outcome: Outcome) -> None:
    told = outcome.batch["summarize"]["quality"]
    assert told["line_is_readable"] == {
        "rows": len(outcome.good) + len(outcome.bad),
        "failing_rows": len(outcome.bad),
    }
    days = sorted({date.fromisoformat(line[:10]) for line in outcome.good})
    calendar = (days[-1] - days[0]).days + 1
    assert told["day_has_events"] == {"rows": calendar, "failing_rows": calendar - len(days)}
    (found,) = read_table(
        "select sum(failing_rows) as failing, sum(rows) as lines from kpi_data_quality where check = 'line_is_readable'"
    )
    assert found == {"failing": str(len(outcome.bad)), "lines": str(len(outcome.good) + len(outcome.bad))}
    (found,) = read_table(
        "select sum(failing_rows) as failing from kpi_data_quality where check = 'user_is_not_suspicious'"
    )
    assert found == {"failing": str(len(BURST))}


@pytest.mark.parametrize("table", [table.name for table in MARTS])
def test_a_mart_has_the_numbers_that_python_computes(outcome: Outcome, table: str) -> None:
    rows = expected(table, outcome.model)
    assert ordered(rows_of(table, rows)) == ordered(rows)


def test_the_rows_lie_in_the_order_of_the_key_that_the_profile_speaks_for(outcome: Outcome) -> None:
    """Two of the bad lines are rows of nine columns, which is all that a profile asks for."""
    from ecomm.aws import client
    from ecomm.settings import settings

    assert outcome.batch["profile"]["rows"] == len(outcome.good) + 2
    assert outcome.batch["choose_partition_key"]["key"] == "category_id"
    run = client("glue").get_job_run(JobName=settings().glue_job, RunId=outcome.batch["convert_to_parquet"]["run_id"])
    assert run["JobRun"]["Arguments"]["--CLUSTER_BY"] == "category_id"


def test_only_the_bot_is_suspicious(outcome: Outcome) -> None:
    assert read_table("select user_id, reason from suspicious_users") == [{"user_id": BOT, "reason": "events_per_hour"}]


def test_only_the_first_aggregate_reads_the_events(outcome: Outcome) -> None:
    from ecomm.aws import client

    athena = client("athena")
    readers = []
    for table, written in outcome.batch["summarize"]["tables"].items():
        query = athena.get_query_execution(QueryExecutionId=outcome.batch[f"{table}.write"]["query_id"])[
            "QueryExecution"
        ]
        assert query["Statistics"]["DataScannedInBytes"] == written["bytes_scanned"]
        if re.search(r"\becomm_user_activity\b", query["Query"].partition("AS\n")[2]):
            readers.append(table)
    assert readers == ["agg_activity"]


def test_nothing_is_left_aside(outcome: Outcome) -> None:
    from ecomm import catalog
    from ecomm.settings import settings

    assert [table["Name"] for table in catalog.list_tables(settings().curated_database) if "__" in table["Name"]] == []


def states_of(tasks: Any) -> dict[str, str]:
    return {task.task_id: str(task.state) for task in tasks}


def test_a_run_with_nothing_to_do_is_green_and_converts_nothing(outcome: Outcome, attempt: Any) -> None:
    states = states_of(attempt("ecomm_batch_kpis", {}))
    ran = {task for task, state in states.items() if state == "success"}
    assert ran == {"choose_months", "publish_activity", "check_months"}
    assert set(states.values()) == {"success", "skipped"}


def test_a_month_with_too_many_bad_lines_is_not_published_and_nothing_else_is(
    outcome: Outcome, run: Run, attempt: Any, tmp_path: Any
) -> None:
    """The last of this module: it leaves another November in the raw bucket."""
    served = {
        table: read_table(f"select count(*) as found from {table}")
        for table in (FACT, QUARANTINE, *(table.name for table in MARTS))
    }
    november = [line for line in outcome.good if line.startswith("2019-11-0")]
    (tmp_path / "2019-Nov.csv").write_text(f"{HEADER}\n{''.join(november)}{'garbage\n' * (len(november) // 50)}")
    run("ecomm_dataset_upload", {"sources": [str(tmp_path / "2019-Nov.csv")]})
    first = states_of(attempt("ecomm_batch_kpis", {}))
    assert {task for task, state in first.items() if state == "failed"} == {"check_months"}
    assert first["audit_activity"] == "success"
    # The same files are not converted again, and the run stays red.
    second = states_of(attempt("ecomm_batch_kpis", {}))
    assert {task for task, state in second.items() if state == "failed"} == {"check_months"}
    assert second["convert_to_parquet"] == "skipped"
    assert served == {table: read_table(f"select count(*) as found from {table}") for table in served}
