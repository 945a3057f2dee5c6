"""When events are sent, and which times they carry."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulator.stream_data_simulator import Options, stream_data_simulator
from simulator.stream_data_simulator.attacks import Action, Attack, Label
from simulator.stream_data_simulator.events import Event, EventReader
from simulator.stream_data_simulator.schedule import Pace, Schedule
from tests.simulator.conftest import RealStream, row

CsvFile = Callable[[Sequence[str]], Path]
START = datetime(2026, 11, 24, 0, 0, 0, 123_000, UTC)


def at(second: int, number: int = 0, **fields: object) -> str:
    moment = datetime(2019, 11, 1, tzinfo=UTC) + timedelta(seconds=second)
    return row(number, event_time=f"{moment:%Y-%m-%d %H:%M:%S} UTC", **fields)


def stamps(stream: RealStream) -> list[datetime]:
    """txn_timestamp of each event, in the order of their product ids."""
    events = sorted(stream.events(), key=lambda event: event["product_id"])
    return [datetime.strptime(event["txn_timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z") for event in events]


def test_a_rate_is_kept(stream: RealStream, csv_file: CsvFile) -> None:
    path = csv_file([row(number) for number in range(600)])
    summary = stream_data_simulator(Options(source=str(path), stream=stream.name, rate=300))
    moments = stamps(stream)
    for number, moment in enumerate(moments):
        assert (moment - moments[0]).total_seconds() > number / 300 - 0.5
    assert summary.seconds > 1.9
    # An event of a slow stream is sent soon, not when 500 have come together.
    assert summary.requests >= 10


def test_the_datas_own_gaps_are_kept_and_scaled(stream: RealStream, csv_file: CsvFile) -> None:
    path = csv_file([at(0, 0), at(0, 1), at(10, 2), at(25, 3), at(20, 4)])
    stream_data_simulator(Options(source=str(path), stream=stream.name, speed=20))
    moments = stamps(stream)
    gaps = [(moment - moments[0]).total_seconds() for moment in moments]
    # A row that comes late in the file is sent when it comes.
    assert gaps[0] == 0
    assert gaps == sorted(gaps)
    assert 0.25 <= gaps[2] < 10 / 2
    assert 1 <= gaps[3] <= gaps[4] < 25 / 2


def test_replay_keeps_the_datas_spacing_exactly_however_fast(stream: RealStream, csv_file: CsvFile) -> None:
    path = csv_file([at(100, 0), at(99, 1), at(3700, 2)])
    summary = stream_data_simulator(Options(source=str(path), stream=stream.name, replay_from=START))
    assert stamps(stream) == [START, START - timedelta(seconds=1), START + timedelta(hours=1)]
    assert summary.seconds < 99


def test_passes_of_a_replay_follow_each_other(stream: RealStream, csv_file: CsvFile) -> None:
    path = csv_file([at(0, 0), at(60, 1)])
    stream_data_simulator(Options(source=str(path), stream=stream.name, replay_from=START, iterations=2))
    assert stamps(stream) == [START + timedelta(seconds=second) for second in (0, 61, 60, 121)]


def test_replay_with_speed_takes_the_scaled_time(stream: RealStream, csv_file: CsvFile) -> None:
    path = csv_file([at(0, 0), at(3600, 1)])
    summary = stream_data_simulator(Options(source=str(path), stream=stream.name, replay_from=START, speed=3600))
    assert stamps(stream) == [START, START + timedelta(hours=1)]
    assert 1 <= summary.seconds < 60


def test_a_wait_ends_when_it_is_stopped(stream: RealStream, csv_file: CsvFile) -> None:
    stop = threading.Event()
    path = csv_file([at(0, 0), at(3600, 1)])
    threading.Timer(0.5, stop.set).start()
    summary = stream_data_simulator(Options(source=str(path), stream=stream.name, speed=1), stop=stop)
    assert (summary.interrupted, summary.events_sent, summary.last_line) == (True, 1, 2)
    assert summary.seconds < 60


# ---- attacks among the rows -----------------------------------------------------------------------------------------


def attack(kind: str, clock: Any, offsets: Sequence[float], start: float = 0.0) -> Attack:
    rest = row(1).split(",", 1)[1].encode()
    return Attack(start, clock, iter([Action(offset, rest) for offset in offsets]), Label(kind, [1]))


def order(schedule: Schedule, passes: Sequence[Sequence[Event]]) -> list[tuple[str, float, int]]:
    """Of each event: the attack's kind or "row", its offset, and its event_time since the first row."""
    begin = passes[0][0].seconds

    return [
        (label.kind if label else "row", offset, event.seconds - begin)
        for event, _, offset, label in schedule.events(passes)
    ]


def rows(*seconds: int) -> list[Event]:
    reader = EventReader("category_id")
    return [reader.read(at(second).encode()) for second in seconds]


def test_attacks_by_the_datas_clock_stand_between_its_rows_and_end_with_it() -> None:
    attacks = [attack("bot", "data", [0, 4, 9, 14, 99], start=2)]
    schedule = Schedule(Pace(), attacks, EventReader("category_id"), replay=False, elapsed=lambda: 0.0)
    assert order(schedule, [rows(0, 5, 10), rows(0, 5)]) == [
        ("row", 0, 0),
        ("bot", 2, 2),
        ("row", 5, 5),
        ("bot", 6, 6),
        ("row", 10, 10),
        ("bot", 11, 0),
        ("row", 11, 0),
        ("bot", 16, 5),
        ("row", 16, 5),
    ]


def test_attacks_by_the_streams_clock_run_out_after_the_last_row() -> None:
    attacks = [attack("loud", "stream", [0.5, 1.5, 30])]
    schedule = Schedule(Pace(speed=2), attacks, EventReader("category_id"), replay=False, elapsed=lambda: 0.0)
    due = [(label is not None, due, event.seconds) for event, due, _, label in schedule.events([rows(0, 2, 4)])]
    first = rows(0)[0].seconds
    assert due == [
        (False, 0.0, first),
        (True, 0.5, first + 2),
        (False, 1.0, first + 2),
        (True, 1.5, first + 4),
        (False, 2.0, first + 4),
        (True, 30.0, first + 4),
    ]


def test_in_a_replay_every_attack_follows_the_replayed_time() -> None:
    attacks = [attack("loud", "stream", [3, 20]), attack("bot", "data", [4, 20])]
    schedule = Schedule(Pace(), attacks, EventReader("category_id"), replay=True, elapsed=lambda: 1e9)
    assert order(schedule, [rows(0, 10)]) == [
        ("row", 0, 0),
        ("loud", 3, 3),
        ("bot", 4, 4),
        ("row", 10, 10),
        ("loud", 20, 20),
    ]
