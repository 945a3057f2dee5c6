"""What takes the mapping's engine minutes or luck to meet: age, throttles, a destination that refuses, retention."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.event_source_mapping.answers import failed_items
from local.event_source_mapping.engine import Engine
from local.event_source_mapping.lane import FIRST_RETRY_SECONDS, Tools
from local.event_source_mapping.mapping import INFINITE, Mapping
from local.function.outcome import Outcome, throttled
from local.kinesis import writing
from local.kinesis.store import Scope, StreamStore, now_ms
from local.kinesis.stream import Settings, Stream
from tests.waiting import wait_until

QUEUE = "arn:aws:sqs:us-east-1:000000000000:failed"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"


class Queue:
    """Takes messages as SQS does, after having refused some."""

    def __init__(self) -> None:
        self.refuses = 0
        self.messages: list[Any] = []

    def get_queue_url(self, **given: str) -> dict[str, str]:
        return {"QueueUrl": given["QueueName"]}

    def send_message(self, **given: str) -> None:
        if self.refuses:
            self.refuses -= 1
            raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "SendMessage")
        self.messages.append(json.loads(given["MessageBody"]))


@dataclass
class World:
    """One mapping of one stream; `function` is given the data of a batch."""

    store: StreamStore
    stream: Stream
    folder: Path
    queue: Queue = field(default_factory=Queue)
    batches: list[list[str]] = field(default_factory=list)
    metrics: list[tuple[str, float]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    state: str = ""
    function: Callable[[list[str]], Outcome] = lambda batch: Outcome(b"null")
    mapping: Mapping | None = None
    engine: Engine | None = None

    def start(self, **settings: Any) -> None:
        mapping = Mapping(
            id="m",
            stream_arn=self.stream.arn,
            function_arn=FUNCTION,
            role="role",
            enabled=True,
            batch_size=100,
            window_seconds=0,
            parallelization=1,
            bisects=False,
            reports_failures=False,
            max_retries=INFINITE,
            max_age_seconds=INFINITE,
            starting_position="TRIM_HORIZON",
            starting_timestamp=None,
            destination=QUEUE,
            filters=(),
        )
        self.mapping = replace(mapping, **settings)
        tools = Tools(
            invoke=self.invoke,
            keep=lambda patterns, records: records,
            clients=lambda service: self.queue,
            measure=lambda name, metric, value: self.metrics.append((metric, value)),
            tell=lambda key, result: self.results.append(result),
        )
        self.engine = Engine(
            self.folder / "mappings",
            self.store,
            lambda: {self.mapping.id: self.mapping} if self.mapping else {},
            tools,
            lambda key, state: setattr(self, "state", state),
        )
        self.engine.start()

    def stop(self) -> None:
        if self.engine:
            self.engine.close()

    def invoke(self, arn: str, event: bytes) -> Outcome:
        records = json.loads(event)["Records"]
        batch = [base64.b64decode(record["kinesis"]["data"]).decode() for record in records]
        self.batches.append(batch)
        return self.function(batch)

    def put(self, *data: str, arrived_ms: int | None = None) -> None:
        entries = [{"PartitionKey": "k", "Data": base64.b64encode(each.encode()).decode()} for each in data]
        writing.write(self.stream, writing.checked(entries, self.stream), arrived_ms or now_ms(), None)
        for listener in self.store.listeners:
            listener(self.stream)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = StreamStore(tmp_path / "streams")
    stream = store.create(Scope("000000000000", "us-east-1"), "s", Settings(), 1)
    world = World(store, stream, tmp_path)
    yield world
    world.stop()
    store.close()


def test_records_that_are_too_old_are_not_tried(world: World) -> None:
    world.put("old", "older", arrived_ms=now_ms() - 61_000)
    world.put("young")
    world.start(max_age_seconds=60)
    wait_until(lambda: world.batches or None)
    assert world.batches == [["young"]]
    (message,) = world.queue.messages
    assert message["requestContext"]["condition"] == "RecordAgeExceeded"
    assert message["requestContext"]["approximateInvokeCount"] == 0
    assert message["KinesisBatchInfo"]["batchSize"] == 2


def test_a_batch_that_fails_is_given_up_when_it_is_too_old(world: World) -> None:
    world.function = lambda batch: Outcome(b"{}", "id", "Unhandled")
    world.put("bad", arrived_ms=now_ms() - 55_000)
    world.start(max_age_seconds=60)
    message = wait_until(lambda: world.queue.messages[0] if world.queue.messages else None)
    assert message["requestContext"]["condition"] == "RecordAgeExceeded"
    assert message["requestContext"]["approximateInvokeCount"] == len(world.batches) > 1
    assert message["responseContext"]["functionError"] == "Unhandled"
    assert world.results[-1] == "PROBLEM: Function call failed"


def test_a_throttle_does_not_count_as_a_retry(world: World) -> None:
    answers = [throttled("limit")] * 4 + [Outcome(b"null")]
    world.function = lambda batch: answers.pop(0)
    world.put("one")
    world.start(max_retries=0)
    wait_until(lambda: None if answers else True)
    wait_until(lambda: True if world.results[-1] == "OK" else None)
    assert world.batches == [["one"]] * 5
    assert world.queue.messages == []


def test_retries_wait_longer_each_time(world: World) -> None:
    times: list[float] = []

    def fail(batch: list[str]) -> Outcome:
        times.append(time.monotonic())
        return Outcome(b"{}", "id", "Unhandled")

    world.function = fail
    world.put("one", "two")
    world.start(max_retries=3)
    wait_until(lambda: world.queue.messages or None)
    assert world.batches == [["one", "two"]] * 4
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert all(wait >= FIRST_RETRY_SECONDS * 2**number for number, wait in enumerate(waits)), waits
    assert [metric for metric, _ in world.metrics] == ["IteratorAge"] * 4


def test_a_destination_that_refuses_is_told_again(world: World) -> None:
    world.queue.refuses = 3
    world.function = lambda batch: Outcome(b"{}", "id", "Unhandled" if "bad" in batch else None)
    world.put("bad")
    world.start(max_retries=0, batch_size=1)
    world.put("good")
    wait_until(lambda: True if ["good"] in world.batches else None)
    assert len(world.queue.messages) == 1


def test_what_was_dropped_for_its_age_holds_nothing_up(world: World) -> None:
    world.put("gone", arrived_ms=now_ms() - 30 * 3_600_000)
    with world.stream.lock:
        world.stream.split(world.stream.shards[0], 1 << 127, now_ms())
        world.stream.drop_expired(now_ms())
    assert world.stream.shards[0].log.first == 1
    world.put("child")
    world.start()
    wait_until(lambda: world.batches or None)
    assert world.batches == [["child"]]


def test_a_stream_that_is_created_again_is_read_from_its_start(world: World) -> None:
    world.start(starting_position="LATEST")
    wait_until(lambda: True if world.state == "Enabled" else None)
    world.put("one")
    wait_until(lambda: world.batches or None)
    scope = Scope("000000000000", "us-east-1")
    world.store.delete(scope, world.stream)
    time.sleep(0.002)
    world.stream = world.store.create(scope, "s", Settings(), 1)
    world.put("new")
    wait_until(lambda: True if ["new"] in world.batches else None)
    assert world.batches == [["one"], ["new"]]


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, []),
        ({}, []),
        ({"batchItemFailures": []}, []),
        ({"batchItemFailures": None}, []),
        ({"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "2"}]}, [1, 2]),
        ({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "2"}]}, [1]),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "unknown"}]}, None),
        ({"batchItemFailures": [{"name": "2"}]}, None),
        ({"batchItemFailures": "2"}, None),
        ("done", None),
    ],
)
def test_answers_as_the_documentation_says(answer: Any, failed: list[int] | None) -> None:
    assert failed_items(answer, ["1", "2", "3"]) == failed
