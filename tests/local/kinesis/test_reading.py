"""Places in a shard and what is read from there."""

from __future__ import annotations

import base64
import json
import time
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.local.kinesis.conftest import MakeStream, put, read, refusal, shard


def test_each_iterator_type_starts_where_it_says(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    numbers = put(kinesis, stream, b"0", b"1", b"2", b"3")
    assert read(kinesis, stream, kind="TRIM_HORIZON") == [b"0", b"1", b"2", b"3"]
    assert read(kinesis, stream, kind="LATEST") == []
    at, after = "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"
    for place, number in enumerate(numbers):
        assert read(kinesis, stream, kind=at, StartingSequenceNumber=number) == [b"0", b"1", b"2", b"3"][place:]
        assert read(kinesis, stream, kind=after, StartingSequenceNumber=number) == [b"1", b"2", b"3"][place:]
    first = kinesis.list_shards(StreamName=stream)["Shards"][0]["SequenceNumberRange"]["StartingSequenceNumber"]
    for kind in (at, after):
        assert len(read(kinesis, stream, kind=kind, StartingSequenceNumber=first)) == 4


def test_a_time_finds_the_first_record_that_came_then_or_later(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    for data in (b"0", b"1", b"2"):
        put(kinesis, stream, data)
        time.sleep(0.005)  # So that each came in a millisecond of its own.
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard(0), ShardIteratorType="TRIM_HORIZON")
    records = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    for place, record in enumerate(records):
        came = record["ApproximateArrivalTimestamp"]
        assert read(kinesis, stream, kind="AT_TIMESTAMP", Timestamp=came) == [b"0", b"1", b"2"][place:]
        later = came + timedelta(milliseconds=1)
        assert read(kinesis, stream, kind="AT_TIMESTAMP", Timestamp=later) == [b"1", b"2"][place:]
    code, message = refusal(
        kinesis.get_shard_iterator,
        StreamName=stream,
        ShardId=shard(0),
        ShardIteratorType="AT_TIMESTAMP",
        Timestamp=datetime.now(UTC) + timedelta(hours=1),
    )
    assert code == "InvalidArgumentException"
    assert "cannot be greater than the currentTimestampInMillis" in message


def test_an_iterator_reads_on_and_can_be_used_again(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    put(kinesis, stream, b"0", b"1", b"2")
    first = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard(0), ShardIteratorType="TRIM_HORIZON")
    for _ in range(2):
        answer = kinesis.get_records(ShardIterator=first["ShardIterator"], Limit=2)
        assert [record["Data"] for record in answer["Records"]] == [b"0", b"1"]
        assert answer["MillisBehindLatest"] > 0
        rest = kinesis.get_records(ShardIterator=answer["NextShardIterator"], Limit=2)
        assert [record["Data"] for record in rest["Records"]] == [b"2"]
        assert rest["MillisBehindLatest"] == 0
    end = kinesis.get_records(ShardIterator=rest["NextShardIterator"])
    assert (end["Records"], end["MillisBehindLatest"]) == ([], 0)
    put(kinesis, stream, b"3")
    assert [r["Data"] for r in kinesis.get_records(ShardIterator=end["NextShardIterator"])["Records"]] == [b"3"]


def test_the_latest_iterator_gives_what_comes_after_it(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    put(kinesis, stream, b"before")
    latest = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard(0), ShardIteratorType="LATEST")
    put(kinesis, stream, b"after")
    answer = kinesis.get_records(ShardIterator=latest["ShardIterator"])
    assert [record["Data"] for record in answer["Records"]] == [b"after"]


def test_an_answer_holds_ten_thousand_records_or_ten_mebibytes(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    for start in range(0, 12_000, 500):
        put(kinesis, stream, *(str(n).encode() for n in range(start, start + 500)))
    put(kinesis, stream, *([b"x" * (1 << 20)] * 9))
    put(kinesis, stream, *([b"x" * (1 << 20)] * 9))
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard(0), ShardIteratorType="TRIM_HORIZON")
    first = kinesis.get_records(ShardIterator=iterator["ShardIterator"])
    assert [int(record["Data"]) for record in first["Records"]] == list(range(10_000))
    second = kinesis.get_records(ShardIterator=first["NextShardIterator"])
    assert len(second["Records"]) == 2_009
    third = kinesis.get_records(ShardIterator=second["NextShardIterator"])
    assert sum(len(record["Data"]) for record in third["Records"]) == 9 << 20
    code, _ = refusal(kinesis.get_records, ShardIterator=iterator["ShardIterator"], Limit=10_001)
    assert code == "ValidationException"


def test_iterators_expire_after_five_minutes(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    token = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard(0), ShardIteratorType="LATEST")
    for minutes, code in ((4.9, None), (5.1, "ExpiredIteratorException")):
        aged = token_of_age(token["ShardIterator"], minutes)
        if code is None:
            assert kinesis.get_records(ShardIterator=aged)["Records"] == []
        else:
            assert refusal(kinesis.get_records, ShardIterator=aged)[0] == code
    assert refusal(kinesis.get_records, ShardIterator="AAAA") == ("InvalidArgumentException", "Invalid ShardIterator.")


def token_of_age(token: str, minutes: float) -> str:
    """The same token as if it had been made so long ago: tokens hold their time and a checksum."""
    content = json.loads(base64.b64decode(token)[4:])
    content[0] -= round(minutes * 60_000)
    text = json.dumps(content, separators=(",", ":")).encode()
    return base64.b64encode(zlib.crc32(text).to_bytes(4) + text).decode()


@pytest.mark.parametrize("number", ["1", "49680505664468439514437093948301270050895724070328860674"])
def test_a_number_of_another_stream_is_refused(kinesis: Any, make_stream: MakeStream, number: str) -> None:
    stream = make_stream()
    code, message = refusal(
        kinesis.get_shard_iterator,
        StreamName=stream,
        ShardId=shard(0),
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=number,
    )
    assert code == "InvalidArgumentException"
    assert "is invalid because it did not come from this stream." in message


def test_a_number_of_another_shard_is_refused(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream(2)
    answer = kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k", ExplicitHashKey="0")
    code, message = refusal(
        kinesis.get_shard_iterator,
        StreamName=stream,
        ShardId=shard(1),
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=answer["SequenceNumber"],
    )
    assert code == "InvalidArgumentException"
    assert f"It encodes {shard(0)}, while it was used in a call to a shard with {shard(1)}" in message


def test_a_shard_that_is_not_there(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    code, _ = refusal(kinesis.get_shard_iterator, StreamName=stream, ShardId=shard(7), ShardIteratorType="LATEST")
    assert code == "ResourceNotFoundException"
