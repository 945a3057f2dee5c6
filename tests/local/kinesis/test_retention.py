"""What is older than a stream's retention goes; what consumers need meanwhile stays."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.kinesis.shard_log import data_of
from local.kinesis.store import Scope, StreamStore
from local.kinesis.stream import HOUR_MS, Settings, Stream
from local.kinesis.writing import checked, write

SCOPE = Scope("000000000000", "us-east-1")


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Stream]:
    store = StreamStore(tmp_path)
    yield store.create(SCOPE, "s", Settings(), 1)
    store.close()


def put(stream: Stream, data: bytes, time_ms: int) -> None:
    entry = {"PartitionKey": "k", "Data": base64.b64encode(data).decode()}
    assert write(stream, checked([entry], stream), time_ms, None).taken == 1


def kept(stream: Stream) -> list[bytes]:
    found = []
    for shard in stream.shards.values():
        position = 0
        while (chunk := shard.log.read(position, 100, 1 << 20)).count:
            found += [base64.b64decode(data_of(line)) for line in chunk.lines.splitlines()]
            position = chunk.next
    return found


def test_records_go_after_their_hours(stream: Stream) -> None:
    begun = stream.created_ms
    put(stream, b"old", begun)
    put(stream, b"new", begun + 2 * HOUR_MS)
    stream.drop_expired(begun + 24 * HOUR_MS)
    assert kept(stream) == [b"old", b"new"]
    stream.drop_expired(begun + 25 * HOUR_MS)
    assert kept(stream) == [b"new"]
    stream.drop_expired(begun + 27 * HOUR_MS)
    assert kept(stream) == []
    put(stream, b"later", begun + 27 * HOUR_MS)
    assert stream.shards[0].log.next == 3


def test_a_closed_shard_goes_when_its_last_record_may(stream: Stream, tmp_path: Path) -> None:
    begun = stream.created_ms
    put(stream, b"parent", begun + HOUR_MS)
    stream.split(stream.shards[0], 1 << 127, begun + HOUR_MS)
    put(stream, b"child", begun + 2 * HOUR_MS)
    stream.drop_expired(begun + 25 * HOUR_MS)
    assert sorted(stream.shards) == [0, 1, 2]
    stream.drop_expired(begun + 25 * HOUR_MS + 1)
    assert sorted(stream.shards) == [1, 2]
    assert kept(stream) == [b"child"]
    store = StreamStore(tmp_path)
    again = store.get(SCOPE, "s")
    assert again is not None
    assert sorted(again.shards) == [1, 2]
    again.split(again.shards[1], 1 << 126, begun + 26 * HOUR_MS)
    assert sorted(again.shards) == [1, 2, 3, 4]
    store.close()
