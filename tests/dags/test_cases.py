"""Files in every dress, a month each, in one run: good months are served, bad ones are named, and no dress counts."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cases.files import CASES, NO_DATA, Case, Refused, Rows, months
from tests.conftest import Platform
from tests.dags.conftest import deploy, read_table

STAGE = "cases"
MONTHS = months(CASES)
# Dresses of the same rows, which the marts must not tell apart.
ALIKE = ("line feeds", "CRLF", "CRLF, last line open", "line feeds, then CRLF", "every field quoted", "byte order mark")


@pytest.fixture(scope="module")
def deployed(platform: Platform) -> dict[str, str]:
    """A stage of its own, so that no other test's tables get these months."""
    return deploy(platform, STAGE)


@dataclass
class Outcome:
    """The states of the run's tasks, and the error that check_months raised."""

    states: dict[str, str]
    error: str


@pytest.fixture(scope="module")
def outcome(attempt: Any, settings_of_deployed: None) -> Outcome:
    """Puts the files into the raw bucket by hand, as `aws s3 cp` does, with what is no data beside each, and runs."""
    from ecomm.aws import client
    from ecomm.batch.tasks import check_months
    from ecomm.contract import partition
    from ecomm.errors import DataError
    from ecomm.settings import settings
    from ecomm.upload.layout import UNCOMPRESSED

    s3, bucket = client("s3"), settings().raw_bucket
    for month, case in MONTHS.items():
        folder = f"{UNCOMPRESSED}{partition(month)}/"
        s3.put_object(Bucket=bucket, Key=folder + case.file, Body=case.content(month))
        for key, content in NO_DATA.items():
            s3.put_object(Bucket=bucket, Key=folder + key, Body=content)
    for name in ("p_month=12/", "p_month=12_$folder$"):
        s3.put_object(Bucket=bucket, Key=f"{UNCOMPRESSED}p_year=1999/{name}", Body=b"")
    tasks = attempt("ecomm_batch_kpis", {"most_quarantined": 100})
    results = {task.task_id: task.xcom_pull(task_ids=task.task_id) for task in tasks}
    with pytest.raises(DataError) as caught:
        check_months(results["choose_months"], results["audit_activity"])
    return Outcome({task.task_id: str(task.state) for task in tasks}, str(caught.value))


def lines_of(table: str) -> dict[str, int]:
    rows = read_table(f"select p_year || '-' || p_month as month, count(*) as lines from {table} group by 1")
    return {str(row["month"]): int(row["lines"] or 0) for row in rows}


def converted() -> dict[str, tuple[Case, Rows]]:
    return {month: (case, case.conversion) for month, case in MONTHS.items() if isinstance(case.conversion, Rows)}


def test_the_run_ends_red_in_its_check_alone(outcome: Outcome) -> None:
    failed = {task for task, state in outcome.states.items() if state != "success"}
    assert failed == {"check_months"}, outcome.states


def test_each_month_is_served_with_its_rows_or_not_at_all(outcome: Outcome) -> None:
    curated = {month: rows.curated for month, (_, rows) in converted().items() if rows.curated}
    aside = {month: sum(rows.aside.values()) for month, (_, rows) in converted().items() if rows.aside}
    assert lines_of("ecomm_user_activity") == curated
    assert lines_of("ecomm_user_activity_quarantine") == aside


def test_each_line_set_aside_has_its_reason(outcome: Outcome) -> None:
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    for row in read_table(
        "select p_year || '-' || p_month as month, reason, count(*) as lines "
        "from ecomm_user_activity_quarantine group by 1, 2"
    ):
        counted[str(row["month"])][str(row["reason"])] = int(row["lines"] or 0)
    assert counted == {month: dict(rows.aside) for month, (_, rows) in converted().items() if rows.aside}


def test_each_refused_month_is_named_with_its_reason_and_the_ways_out(outcome: Outcome) -> None:
    refused = {month: case.conversion for month, case in MONTHS.items() if isinstance(case.conversion, Refused)}
    for month, refusal in refused.items():
        sentence = outcome.error.partition(f"{month} (not served): ")[2]
        assert refusal.words in re.split(r"; \d{4}-\d\d \(", sentence)[0], month
    assert outcome.error.count("(not served)") == len(refused)
    assert "make take-out MONTHS=" in outcome.error


@pytest.mark.parametrize("mart", ["kpi_popular_categories", "kpi_hourly_activity"])
def test_the_marts_do_not_tell_dresses_apart(outcome: Outcome, mart: str) -> None:
    time = "hour" if mart == "kpi_hourly_activity" else "day"
    of_month: dict[str, list[str]] = defaultdict(list)
    for row in read_table(f"select * from {mart}"):
        moment = str(row.pop(time))
        of_month[moment[:7]].append(f"{moment[7:]} {sorted(row.items())}")
    dressed = {case.name: sorted(of_month[month]) for month, case in MONTHS.items() if case.name in ALIKE}
    assert dressed.keys() == set(ALIKE)
    assert all(rows == dressed["line feeds"] for rows in dressed.values())
