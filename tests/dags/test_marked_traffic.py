"""A drill and a simulation, sent to the stream and taken through archive and marts: every number is as before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simulator.dataset_generator import generate
from tests.conftest import Platform
from tests.dags.conftest import Run, deploy, read_table
from tests.dags.test_streaming import send, wait_until_archived
from tests.reference_model import HEADER

STAGE = "marked"
ROWS = 300
# Of each table the day or hour of a row, and of what no day is said the rest.
DATED = {
    "agg_activity": "hour",
    "agg_sessions": "day",
    "kpi_daily_visitors": "day",
    "kpi_cart_abandonment": "day",
    "kpi_popular_categories": "day",
    "kpi_hourly_activity": "hour",
    "kpi_data_quality": "day",
}
WITH_AUDIENCES = [name for name in DATED if name.startswith("kpi_") and name != "kpi_data_quality"]
Tables = dict[str, list[list[tuple[str, str | None]]]]


@pytest.fixture(scope="module")
def deployed(platform: Platform) -> dict[str, str]:
    """A stage of its own, so that no other test's tables get an archived month."""
    return deploy(platform, STAGE, "--parameter", "streaming.ArchiveBufferSeconds=2")


@dataclass
class Outcome:
    """The tables before and after, of the data set's days and of people; how many lines the archive gave."""

    days: tuple[Tables, Tables]
    people: tuple[Tables, Tables]
    drilled: dict[str, Any]
    unpacked: dict[str, Any]


def tables(condition: str, names: list[str]) -> Tables:
    """The rows of these tables that meet the condition, which names their time {time}."""
    return {
        name: sorted(
            (
                list(row.items())
                for row in read_table(f"select * from {name} where {condition.format(time=DATED[name])}")
            ),
            key=repr,
        )
        for name in names
    }


def both() -> tuple[Tables, Tables]:
    return tables("{time} < date '2020-01-01'", list(DATED)), tables("audience = 'human'", WITH_AUDIENCES)


@pytest.fixture(scope="module")
def outcome(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    from ecomm.detection import drill

    folder = tmp_path_factory.mktemp("clicks")
    source = folder / "2019-Nov.csv"
    lines = list(generate(ROWS, seed=11, months=["2019-11"]))
    source.write_text(f"{HEADER}\n{''.join(lines)}")
    run("ecomm_dataset_upload", {"sources": [str(source)]})
    run("ecomm_batch_kpis", {})
    days, people = both()

    day = f"{datetime.now(UTC):%Y-%m-%d}"
    send(_clicks(folder, lines))
    drilled = drill.send_clicks(drill.choose_users(), 20)
    wait_until_archived(ROWS + drilled["clicks"])
    unpacked = run("ecomm_archive_to_curated", {"day": day})["summarize"]
    run("ecomm_batch_kpis", {"months": unpacked["months"]})
    days_after, people_after = both()
    return Outcome((days, days_after), (people, people_after), drilled, unpacked)


def _clicks(folder: Path, lines: list[str]) -> Path:
    """The rows of the data set once more, as a simulation sends them."""
    path = folder / "clicks.csv"
    path.write_text(f"{HEADER}\n{''.join(lines)}")
    return path


@pytest.mark.parametrize("table", DATED)
def test_the_data_set_s_own_days_are_as_before(outcome: Outcome, table: str) -> None:
    before, after = outcome.days
    assert before[table]
    assert after[table] == before[table]


@pytest.mark.parametrize("table", WITH_AUDIENCES)
def test_people_are_as_before_on_every_day(outcome: Outcome, table: str) -> None:
    before, after = outcome.people
    assert before[table]
    assert after[table] == before[table]


def test_the_simulation_is_there_under_reserved_users_in_sessions_of_its_own(outcome: Outcome) -> None:
    assert outcome.unpacked["rows"] == ROWS
    (replayed,) = read_table(
        "select count(*) as events, min(user_id) as first, max(user_id) as last from ecomm_user_activity "
        "where event_time > timestamp '2020-01-01 00:00:00'"
    )
    assert replayed["events"] == str(ROWS)
    assert 9_200_000_000_000 <= int(str(replayed["first"])) <= int(str(replayed["last"])) < 9_300_000_000_000
    assert {
        row["reason"] for row in read_table("select reason from suspicious_users where user_id > 9000000000000")
    } == {"reserved"}


def test_no_session_lasts_from_the_data_set_to_the_simulation(outcome: Outcome) -> None:
    (lasting,) = read_table(
        "select count(*) as sessions from agg_sessions "
        "where first_event_time < timestamp '2020-01-01 00:00:00' and last_event_time > timestamp '2020-01-01 00:00:00'"
    )
    assert lasting["sessions"] == "0"


def test_no_click_of_the_drill_is_curated(outcome: Outcome) -> None:
    (curated,) = read_table(
        "select count(*) as events from ecomm_user_activity where user_id between 9100000000000 and 9100999999999"
    )
    assert outcome.drilled["clicks"] > 20
    assert curated["events"] == "0"
