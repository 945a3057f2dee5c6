"""Records that are put: their shard, their sequence number, and what is refused."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.local.kinesis.conftest import MakeStream, put, read, refusal, shard

MEBIBYTE = 1 << 20


def test_the_shard_follows_the_md5_of_the_key(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream(4)
    for key in ("a", "b", "user-7", "ünï"):
        answer = kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey=key)
        quarter = int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest()) >> 126
        assert answer["ShardId"] == shard(quarter)


def test_an_explicit_hash_key_wins(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream(2)
    middle = 1 << 127
    for key, index in ((0, 0), (middle - 1, 0), (middle, 1), (2 * middle - 1, 1)):
        answer = kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k", ExplicitHashKey=str(key))
        assert answer["ShardId"] == shard(index)
    code, message = refusal(
        kinesis.put_record, StreamName=stream, Data=b"x", PartitionKey="k", ExplicitHashKey=str(2 * middle)
    )
    assert code == "InvalidArgumentException"
    assert "[0, 2^128-1]" in message


def test_sequence_numbers_grow_and_are_never_shared(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream(3)
    answers = [
        kinesis.put_records(
            StreamName=stream, Records=[{"Data": b"x", "PartitionKey": str(n)} for n in range(start, start + 100)]
        )
        for start in (0, 100, 200)
    ]
    records = [record for answer in answers for record in answer["Records"]]
    assert len({record["SequenceNumber"] for record in records}) == 300
    for index in range(3):
        numbers = [int(record["SequenceNumber"]) for record in records if record["ShardId"] == shard(index)]
        assert numbers == sorted(numbers)
        assert all(len(str(number)) == 56 for number in numbers)


def test_data_and_key_come_back_as_they_were(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    data = [b"", bytes(range(256)), b'{"a": "b"}\n', b"x" * MEBIBYTE]
    keys = ['quote " and \\', ',"Data":"', "ünï 😀", "k" * 256]
    for each, key in zip(data, keys, strict=True):
        kinesis.put_record(StreamName=stream, Data=each, PartitionKey=key)
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard(0), ShardIteratorType="TRIM_HORIZON")
    records = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [(record["Data"], record["PartitionKey"]) for record in records] == list(zip(data, keys, strict=True))


def test_a_request_takes_500_records_and_10_mebibytes(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    code, message = refusal(kinesis.put_records, StreamName=stream, Records=[{"Data": b"x", "PartitionKey": "k"}] * 501)
    assert code == "ValidationException"
    assert "at 'records' failed to satisfy constraint: Member must have length less than or equal to 500" in message
    large = {"Data": b"x" * (MEBIBYTE - 1), "PartitionKey": "k"}
    assert kinesis.put_records(StreamName=stream, Records=[large] * 10)["FailedRecordCount"] == 0
    code, message = refusal(kinesis.put_records, StreamName=stream, Records=[large] * 10 + [large])
    assert (code, message) == ("InvalidArgumentException", "Records size exceeds 10 MB limit")
    assert len(read(kinesis, stream)) == 10


@pytest.mark.parametrize(
    ("record", "constraint"),
    [
        ({"Data": b"x" * (MEBIBYTE + 1), "PartitionKey": "k"}, "length less than or equal to 1048576"),
        ({"Data": b"x", "PartitionKey": "k" * 257}, "length less than or equal to 256"),
        ({"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": "-1"}, "satisfy regular expression pattern"),
    ],
    ids=["large", "long-key", "hash"],
)
def test_a_bad_record_is_refused_with_its_request(
    kinesis: Any, make_stream: MakeStream, record: dict[str, Any], constraint: str
) -> None:
    stream = make_stream()
    for operation, parameters in ((kinesis.put_records, {"Records": [record]}), (kinesis.put_record, record)):
        code, message = refusal(operation, StreamName=stream, **parameters)
        assert code == "ValidationException"
        assert constraint in message
    assert read(kinesis, stream) == []


def test_a_larger_record_is_taken_where_the_stream_allows_it(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=2048)
    put(kinesis, stream, b"x" * 2 * MEBIBYTE)
    assert read(kinesis, stream) == [b"x" * 2 * MEBIBYTE]


def test_a_stream_that_is_not_there(kinesis: Any) -> None:
    wanted = ("ResourceNotFoundException", "Stream nowhere under account 000000000000 not found.")
    assert refusal(kinesis.put_record, StreamName="nowhere", Data=b"x", PartitionKey="k") == wanted
    assert refusal(kinesis.describe_stream, StreamName="nowhere") == wanted
