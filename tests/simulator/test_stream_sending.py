"""What is in the stream after a simulation: every event once, whatever the endpoint refuses on the way."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simulator.dataset_generator import generate
from simulator.stream_data_simulator import (
    EndedEarlyError,
    Options,
    SimulatorError,
    delivery,
    stream_data_simulator,
)
from simulator.stream_data_simulator.events import COLUMNS, EventReader
from simulator.stream_data_simulator.replays import REPLAYED_USERS
from tests.simulator.conftest import RealStream, row
from tests.simulator.faulty_endpoint import FaultyEndpoint

ROWS = 3_000
CsvFile = Callable[[Sequence[str]], Path]


def product_ids(stream: RealStream) -> list[int]:
    return [event["product_id"] for event in stream.events()]


def expected_events(lines: Sequence[str]) -> list[dict[str, Any]]:
    """The events of the rows under their replay ids, without the time of sending."""
    reader = EventReader("category_id")
    events = (without_time(json.loads(reader.read(line.encode()).head + b'"}')) for line in lines)
    return [event | {"user_id": REPLAYED_USERS[event["user_id"]]} for event in events]


def without_time(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "txn_timestamp"}


def by_session(events: Iterable[dict[str, Any]]) -> Counter[tuple[str, ...]]:
    """The visits as the texts of their events, whatever their sessions are called."""
    visits: dict[str | None, list[str]] = defaultdict(list)
    for event in events:
        visits[event["user_session"]].append(json.dumps(event | {"user_session": None}))
    return Counter(tuple(sorted(visit)) for visit in visits.values())


def test_every_row_is_in_the_stream_as_the_contract_says(stream: RealStream, csv_file: CsvFile) -> None:
    lines = [line.rstrip("\n") for line in generate(ROWS, seed=11)]
    before = datetime.now(UTC)
    summary = stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name))
    after = datetime.now(UTC)
    events = stream.events()
    assert by_session(map(without_time, events)) == by_session(expected_events(lines))
    assert all(list(event) == [*COLUMNS, "txn_timestamp"] for event in events)
    times = [datetime.strptime(event["txn_timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z") for event in events]
    assert before.timestamp() - 0.001 <= min(times).timestamp() <= max(times).timestamp() <= after.timestamp() + 0.001
    assert (summary.events_sent, summary.rows, summary.events_not_sent, summary.retried) == (ROWS, ROWS, 0, 0)


def test_the_summary_is_what_the_stream_holds(stream: RealStream, csv_file: CsvFile) -> None:
    lines = [row(number, category_id=1007 if number % 4 == 0 else number) for number in range(800)]
    summary = stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name))
    shards = stream.shards()
    counted = {shard: total.records for shard, total in summary.shards.items()}
    assert counted == {shard: len(records) for shard, records in shards.items() if records}
    size = {
        shard: sum(len(record["Data"]) + len(record["PartitionKey"]) for record in records)
        for shard, records in shards.items()
        if records
    }
    assert {shard: total.bytes for shard, total in summary.shards.items()} == size
    assert (summary.records, summary.bytes) == (800, sum(size.values()))
    assert (summary.hottest_key, summary.hottest_key_share, summary.hottest_key_exact) == ("1007", 0.25, True)
    assert summary.open_shards == 4
    # Each of these records is billed as 1 KB.
    assert summary.needs.dollars_per_million_events == pytest.approx(1e6 * 1024 / 2**30 * 0.08)
    assert "hottest key 1007 of category_id: 25.0%" in str(summary)


def test_a_stream_of_one_busy_shard_names_the_empty_ones(stream: RealStream, csv_file: CsvFile) -> None:
    summary = stream_data_simulator(Options(source=str(csv_file([row(1), row(2)])), stream=stream.name))
    assert "3 of the 4 shards got nothing" in str(summary)


def test_the_file_is_read_again_for_each_iteration(stream: RealStream, csv_file: CsvFile) -> None:
    lines = [row(number) for number in range(700)]
    summary = stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name, iterations=3))
    assert Counter(product_ids(stream)) == dict.fromkeys(range(700), 3)
    assert (summary.rows, summary.passes, summary.last_line) == (2_100, 3, 701)


def test_stream_and_partition_key_come_from_the_users_variables(
    new_stream: Callable[..., RealStream], csv_file: CsvFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = new_stream()
    monkeypatch.setenv("kinesis_stream_name", stream.name)
    monkeypatch.setenv("streaming_partition_key", "user_id")
    stream_data_simulator(Options(source=str(csv_file([row(1, user_id=41), row(2, user_id=42)]))))
    keys = {record["PartitionKey"] for records in stream.shards().values() for record in records}
    assert keys == {"9200000000041", "9200000000042"}


def test_category_id_is_the_key_unless_told_otherwise(stream: RealStream, csv_file: CsvFile) -> None:
    stream_data_simulator(Options(source=str(csv_file([row()])), stream=stream.name))
    assert [r["PartitionKey"] for records in stream.shards().values() for r in records] == ["2053013555631882655"]


def test_every_pass_and_run_has_sessions_of_its_own(stream: RealStream, csv_file: CsvFile) -> None:
    lines = [
        row(number, user_id=number % 3, user_session=f"4d3b30da-a5e4-49df-b1a8-{number % 3:012}")
        for number in range(30)
    ]
    for _ in range(2):
        stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name, iterations=2))
    events = stream.events()
    visits = Counter((event["user_id"], event["user_session"]) for event in events)
    # Two runs of two passes over three sessions of ten rows, each still one user's.
    assert list(visits.values()) == [10] * 12
    assert len({session for _, session in visits}) == 12
    assert {user for user, _ in visits} == {9_200_000_000_000, 9_200_000_000_001, 9_200_000_000_002}
    assert not any(session.startswith("4d3b30da-a5e4-49df") for _, session in visits)


def test_a_user_without_a_replay_id_is_named_and_not_sent(stream: RealStream, csv_file: CsvFile) -> None:
    lines = [row(1), row(2, user_id=100_000_000_000)]
    summary = stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name))
    assert product_ids(stream) == [1]
    assert summary.unreadable.first == [
        "line 3: user_id 100000000000 has no replay id: a row is sent under 9200000000000 plus its own id, "
        "from 0 to 99999999999"
    ]


def test_rows_that_cannot_be_read_are_counted_and_named(stream: RealStream, csv_file: CsvFile) -> None:
    lines = [row(1), "broken", row(2), "", row(user_id="x"), ",".join(COLUMNS), row(3)]
    summary = stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name))
    assert sorted(product_ids(stream)) == [1, 2, 3]
    assert summary.unreadable.first == ["line 3: the line has not nine fields", "line 6: user_id is not a whole number"]
    assert (summary.rows, summary.unreadable.rows, summary.events_sent) == (5, 2, 3)
    assert "line 6: user_id is not a whole number" in str(summary)


def test_too_many_unreadable_rows_end_it_after_sending_what_was_read(stream: RealStream, csv_file: CsvFile) -> None:
    lines = [row(number) for number in range(600)] + ["broken"] * 200
    with pytest.raises(
        EndedEarlyError, match=r"101 of the first 701 rows of .* \(line 602: .*\).* 600 events were sent"
    ):
        stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name))
    assert sorted(product_ids(stream)) == list(range(600))


def test_a_hundred_unreadable_rows_are_not_too_many(stream: RealStream, csv_file: CsvFile) -> None:
    summary = stream_data_simulator(Options(source=str(csv_file([row(1), *["broken"] * 100])), stream=stream.name))
    assert (summary.unreadable.rows, summary.events_sent) == (100, 1)
    assert len(summary.unreadable.first) == 20
    assert "in all 100: the line has not nine fields" in str(summary)


def test_a_file_without_an_event_is_an_error(stream: RealStream, csv_file: CsvFile) -> None:
    with pytest.raises(SimulatorError, match="has no row that is an event; name another file"):
        stream_data_simulator(Options(source=str(csv_file([])), stream=stream.name))
    with pytest.raises(SimulatorError, match=r"has no row that is an event \(line 2: the line has not nine fields\)"):
        stream_data_simulator(Options(source=str(csv_file(["broken"])), stream=stream.name))


# ---- refusals -------------------------------------------------------------------------------------------------------


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(delivery, "LONGEST_WAIT", 0.02)


@pytest.fixture
def lines() -> list[str]:
    """Rows of 300 categories, of which one has every twentieth."""
    chance = random.Random(5)
    return [row(n, category_id=1 if n % 20 == 0 else chance.randrange(2, 301)) for n in range(ROWS)]


def throttle(share: float) -> Callable[[object], bool]:
    chance = random.Random(3)
    return lambda _entry: chance.random() < share


def test_batches_are_full_and_several_are_in_flight(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, lines: list[str]
) -> None:
    stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name, in_flight=3))
    assert [len(batch) for batch in faulty.batches] == [500] * 6
    assert 2 <= faulty.most_in_flight <= 3


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("ordered", [False, True])
def test_only_refused_records_are_sent_again(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, lines: list[str], ordered: bool
) -> None:
    faulty.refuses = throttle(0.3)
    summary = stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name, ordered=ordered, tries=30))
    assert Counter(product_ids(stream)) == dict.fromkeys(range(ROWS), 1)
    sent = sum(map(len, faulty.batches))
    assert summary.retried == sent - ROWS > ROWS / 5
    assert summary.errors == {"ProvisionedThroughputExceededException": summary.retried}
    assert (summary.events_sent, summary.events_not_sent, summary.perhaps_twice) == (ROWS, 0, 0)


def in_order(stream: RealStream) -> bool:
    by_key = defaultdict(list)
    for records in stream.shards().values():
        for record in records:
            by_key[record["PartitionKey"]].append(json.loads(record["Data"])["product_id"])
    return all(earlier < later for ids in by_key.values() for earlier, later in pairwise(ids))


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("in_flight", [1, 4])
def test_ordered_keeps_the_order_of_each_key_whatever_is_refused(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, lines: list[str], in_flight: int
) -> None:
    faulty.refuses = throttle(0.3)
    stream_data_simulator(
        Options(source=str(csv_file(lines)), stream=stream.name, ordered=True, tries=30, in_flight=in_flight)
    )
    assert in_order(stream)
    # A request with two records of a key would leave their order to Kinesis.
    assert all(max(Counter(entry["PartitionKey"] for entry in batch).values()) == 1 for batch in faulty.batches)


@pytest.mark.usefixtures("short_waits")
def test_unordered_sending_does_lose_the_order(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, lines: list[str]
) -> None:
    faulty.refuses = throttle(0.3)
    stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name, tries=30))
    assert not in_order(stream)


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("ordered", [False, True])
def test_whole_requests_that_are_refused_or_not_answered_are_sent_again(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, lines: list[str], ordered: bool
) -> None:
    troubles: Iterator[tuple[int, dict[str, Any]] | Exception] = iter(
        [
            (400, {"__type": "ProvisionedThroughputExceededException", "message": "slow down"}),
            (500, {"__type": "InternalFailure", "message": "sorry"}),
            (503, {"__type": "ServiceUnavailable", "message": "later"}),
            ConnectionAbortedError("no answer"),
        ]
    )
    faulty.whole_request = lambda _entries: next(troubles, None)
    summary = stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name, ordered=ordered))
    assert Counter(product_ids(stream)) == dict.fromkeys(range(ROWS), 1)
    assert summary.errors == {
        "ProvisionedThroughputExceededException": 1,
        "InternalFailure": 1,
        "ServiceUnavailable": 1,
        "ConnectionClosedError": 1,
    }
    # Three of the four requests might have been stored; a producer that is sure of it does not exist.
    assert summary.perhaps_twice > 0
    assert "records got no answer and were sent again" in str(summary)


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("ordered", [False, True])
def test_giving_up_names_every_event_that_was_not_sent(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, lines: list[str], ordered: bool
) -> None:
    # A key that is never taken; everything else is.
    faulty.refuses = lambda entry: entry["PartitionKey"] == "1"
    path = csv_file(lines)
    unsent = path.with_name("unsent.jsonl")
    with pytest.raises(EndedEarlyError) as ended:
        stream_data_simulator(Options(source=str(path), stream=stream.name, tries=3, unsent=unsent, ordered=ordered))
    summary = ended.value.summary
    kept = [json.loads(line)["product_id"] for line in unsent.read_text().splitlines()]
    sent = product_ids(stream)
    assert len(kept) == summary.events_not_sent > 0
    assert len(sent) == summary.events_sent
    # Nothing twice and nothing lost among the rows that were handed over.
    assert sorted(kept + sent) == list(range(summary.last_line - 1))
    assert f"{len(kept):,} events were not sent to {stream.name}: after 3 tries: Provisioned" in str(ended.value)
    assert str(unsent) in str(ended.value)


def test_an_error_that_no_repetition_mends_is_not_repeated(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, lines: list[str]
) -> None:
    faulty.whole_request = lambda _entries: (
        400,
        {"__type": "AccessDeniedException", "message": "not authorized to perform kinesis:PutRecords"},
    )
    with pytest.raises(EndedEarlyError, match="may not be used: not authorized to perform kinesis:PutRecords"):
        stream_data_simulator(Options(source=str(csv_file(lines[:500])), stream=stream.name))
    assert len(faulty.batches) == 1
    assert product_ids(stream) == []


def test_waits_grow_and_are_random(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    monkeypatch.setattr("random.uniform", lambda _low, high: asked.append(high) or 0.0)
    faulty.refuses = lambda _entry: len(faulty.batches) < 9
    stream_data_simulator(Options(source=str(csv_file([row()])), stream=stream.name))
    assert asked == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_stopping_sends_what_was_read_and_says_how_far_it_came(stream: RealStream, csv_file: CsvFile) -> None:
    stop = threading.Event()
    path = csv_file([row(number) for number in range(5_000)])
    threading.Timer(0.6, stop.set).start()
    summary = stream_data_simulator(Options(source=str(path), stream=stream.name, rate=400), stop=stop)
    assert summary.interrupted
    assert 0 < summary.events_sent < 5_000
    assert sorted(product_ids(stream)) == list(range(summary.last_line - 1)) == list(range(summary.events_sent))


def test_each_response_is_shown(stream: RealStream, csv_file: CsvFile) -> None:
    shown: list[Any] = []
    stream_data_simulator(
        Options(source=str(csv_file([row(1), row(2)])), stream=stream.name),
        show=lambda answers, metadata: shown.append((answers, metadata)),
    )
    ((answers, metadata),) = shown
    stored = [r["SequenceNumber"] for records in stream.shards().values() for r in records]
    assert [answer["SequenceNumber"] for answer in answers] == stored
    assert metadata["HTTPStatusCode"] == 200
    assert metadata["RequestId"]
