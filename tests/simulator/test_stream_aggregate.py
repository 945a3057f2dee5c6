"""Aggregated records: every event is in them, in its own shard; a stream that Flink reads gets none."""

from __future__ import annotations

import base64
import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from hashlib import md5
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aws_kinesis_agg.deaggregator import deaggregate_records

from simulator.stream_data_simulator import EndedEarlyError, Options, SimulatorError, stream_data_simulator
from simulator.stream_data_simulator.batches import AGGREGATED_BYTES
from simulator.stream_data_simulator.events import JSON_END, EventReader
from simulator.stream_data_simulator.kinesis import FLINK, READER_TAG
from simulator.stream_data_simulator.replays import REPLAYED_USERS
from tests.simulator.conftest import RealStream, row
from tests.simulator.faulty_endpoint import FaultyEndpoint

CsvFile = Callable[[Sequence[str]], Path]


def events_by_shard(stream: RealStream) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The partition key and the content of each event, taken apart as the consumer in Lambda does it."""
    return {
        shard: [event for record in records for event in taken_apart(record)]
        for shard, records in stream.shards().items()
    }


def taken_apart(record: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    kinesis = {
        "data": base64.b64encode(record["Data"]),
        "partitionKey": record["PartitionKey"],
        "sequenceNumber": record["SequenceNumber"],
        "kinesisSchemaVersion": "1.0",
        "approximateArrivalTimestamp": 0,
    }
    parts = deaggregate_records([{"kinesis": kinesis, "eventID": ""}])
    return [(part["kinesis"]["partitionKey"], json.loads(base64.b64decode(part["kinesis"]["data"]))) for part in parts]


@pytest.fixture
def lines() -> list[str]:
    chance = random.Random(6)
    lines = [row(number, category_id=chance.randrange(300)) for number in range(4_000)]
    # One that fits a record only alone, and one that fits none.
    lines[100] = row(100, brand="b" * (AGGREGATED_BYTES * 2 // 3))
    lines[200] = row(200, brand="b" * (AGGREGATED_BYTES * 2))
    return lines


def test_every_event_is_in_the_shard_of_its_own_key(stream: RealStream, csv_file: CsvFile, lines: list[str]) -> None:
    summary = stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name, aggregate=True))
    assert (summary.events_sent, summary.events_not_sent) == (4_000, 0)
    assert summary.records < 100
    ranges = {
        shard["ShardId"]: range(
            int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]) + 1
        )
        for shard in stream.client.list_shards(StreamName=stream.name)["Shards"]
    }
    found = events_by_shard(stream)
    for shard, events in found.items():
        assert all(int.from_bytes(md5(key.encode()).digest()) in ranges[shard] for key, _ in events)
    by_number = {event["product_id"]: event for events in found.values() for _, event in events}
    reader = EventReader("category_id")
    sessions = set()
    for number, line in enumerate(lines):
        own = json.loads(reader.read(line.encode()).head + JSON_END)
        sent = by_number.pop(number)
        sessions.add((own["user_session"], sent["user_session"]))
        marks = {"user_id": REPLAYED_USERS[own["user_id"]], "user_session": sent["user_session"]}
        assert sent | {"txn_timestamp": ""} == own | marks
    assert not by_number
    # All rows are of one session, which was sent as another.
    ((own_session, sent_session),) = sessions
    assert sent_session not in (own_session, None)


def test_the_order_within_a_key_is_kept_on_request(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, lines: list[str]
) -> None:
    chance = random.Random(7)
    faulty.refuses = lambda _entry: chance.random() < 0.3
    summary = stream_data_simulator(
        Options(source=str(csv_file(lines)), stream=stream.name, aggregate=True, ordered=True, tries=30)
    )
    assert summary.retried > 0
    by_key = defaultdict(list)
    for events in events_by_shard(stream).values():
        for key, event in events:
            by_key[key].append(event["product_id"])
    assert sum(map(len, by_key.values())) == 4_000
    assert all(earlier < later for numbers in by_key.values() for earlier, later in pairwise(numbers))


def test_the_hottest_key_is_that_of_the_events(stream: RealStream, csv_file: CsvFile) -> None:
    lines = [row(number, category_id=5 if number % 2 else number + 100) for number in range(1_000)]
    summary = stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name, aggregate=True))
    assert (summary.hottest_key, summary.hottest_key_share) == ("5", 0.5)
    assert summary.needs.dollars_per_million_events < 0.03


def test_a_slow_stream_is_aggregated_over_short_times(stream: RealStream, csv_file: CsvFile) -> None:
    lines = [row(number) for number in range(200)]
    summary = stream_data_simulator(Options(source=str(csv_file(lines)), stream=stream.name, aggregate=True, rate=200))
    assert summary.events_sent == 200
    assert 8 <= summary.records <= 60


def test_unsent_aggregated_events_are_named_one_by_one(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, tmp_path: Path
) -> None:
    faulty.refuses = lambda _entry: True
    unsent = tmp_path / "unsent.jsonl"
    with pytest.raises(EndedEarlyError, match="300 events were not sent"):
        stream_data_simulator(
            Options(
                source=str(csv_file([row(number) for number in range(300)])),
                stream=stream.name,
                aggregate=True,
                tries=1,
                unsent=unsent,
            )
        )
    assert [json.loads(line)["product_id"] for line in unsent.read_text().splitlines()] == list(range(300))


def test_it_is_refused_for_a_stream_that_flink_reads(new_stream: Callable[..., RealStream], csv_file: CsvFile) -> None:
    stream = new_stream(1, {READER_TAG: FLINK})
    options = Options(source=str(csv_file([row(1)])), stream=stream.name, aggregate=True)
    with pytest.raises(SimulatorError, match=r"read by Flink .*FLINK-32097.*Leave out --aggregate"):
        stream_data_simulator(options)
    assert stream.events() == []
    other = new_stream(1, {READER_TAG: "lambda"})
    assert stream_data_simulator(Options(source=options.source, stream=other.name, aggregate=True)).events_sent == 1
