"""Shards that are split and merged keep their records, and consumers find their way from parents to children."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.local.kinesis.conftest import MakeStream, put, read, refusal, shard

KEYS = 1 << 128
HALF = str(KEYS // 2)


def shards(kinesis: Any, stream: str, **filters: Any) -> list[int]:
    found = kinesis.list_shards(StreamName=stream, **filters)["Shards"]
    return [int(each["ShardId"].rpartition("-")[2]) for each in found]


def ranges(kinesis: Any, stream: str) -> list[tuple[int, int]]:
    found = kinesis.list_shards(StreamName=stream, ShardFilter={"Type": "AT_LATEST"})["Shards"]
    keys = [each["HashKeyRange"] for each in found]
    return sorted((int(key["StartingHashKey"]), int(key["EndingHashKey"])) for key in keys)


def test_on_demand_streams_have_four_shards(kinesis: Any) -> None:
    kinesis.create_stream(StreamName="on-demand", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = kinesis.describe_stream_summary(StreamName="on-demand")["StreamDescriptionSummary"]
    assert (summary["StreamStatus"], summary["OpenShardCount"]) == ("ACTIVE", 4)
    assert ranges(kinesis, "on-demand") == [(n * KEYS // 4, (n + 1) * KEYS // 4 - 1) for n in range(4)]
    code, message = refusal(kinesis.split_shard, StreamName="on-demand", ShardToSplit=shard(0), NewStartingHashKey="5")
    assert code == "ValidationException"
    assert "provisioned capacity mode" in message


def test_a_split_parent_keeps_its_unread_records_and_ends(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    put(kinesis, stream, b"0", b"1")
    kinesis.split_shard(StreamName=stream, ShardToSplit=shard(0), NewStartingHashKey=HALF)
    low = kinesis.put_record(StreamName=stream, Data=b"2", PartitionKey="k", ExplicitHashKey="0")
    high = kinesis.put_record(StreamName=stream, Data=b"3", PartitionKey="k", ExplicitHashKey=HALF)
    assert (low["ShardId"], high["ShardId"]) == (shard(1), shard(2))
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard(0), ShardIteratorType="TRIM_HORIZON")
    first = kinesis.get_records(ShardIterator=iterator["ShardIterator"], Limit=1)
    assert "ChildShards" not in first
    last = kinesis.get_records(ShardIterator=first["NextShardIterator"], Limit=1)
    assert [record["Data"] for record in last["Records"]] == [b"1"]
    assert "NextShardIterator" not in last
    assert [(child["ShardId"], child["ParentShards"]) for child in last["ChildShards"]] == [
        (shard(1), [shard(0)]),
        (shard(2), [shard(0)]),
    ]
    assert read(kinesis, stream, 1) == [b"2"]
    assert read(kinesis, stream, 2) == [b"3"]
    numbers = put(kinesis, stream, b"4")
    found = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["Shards"]
    described = {each["ShardId"]: each for each in found}
    ended = described[shard(0)]["SequenceNumberRange"]
    assert int(ended["StartingSequenceNumber"]) < int(ended["EndingSequenceNumber"]) < int(numbers[0])
    assert described[shard(1)]["ParentShardId"] == shard(0)
    assert "EndingSequenceNumber" not in described[shard(1)]["SequenceNumberRange"]


def test_merged_parents_lead_to_one_child(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream(3)
    for index in range(3):
        key = str(index * (KEYS // 3))
        kinesis.put_record(StreamName=stream, Data=str(index).encode(), PartitionKey="k", ExplicitHashKey=key)
    code, _ = refusal(kinesis.merge_shards, StreamName=stream, ShardToMerge=shard(0), AdjacentShardToMerge=shard(2))
    assert code == "InvalidArgumentException"
    kinesis.merge_shards(StreamName=stream, ShardToMerge=shard(1), AdjacentShardToMerge=shard(0))
    (child,) = [each for each in kinesis.list_shards(StreamName=stream)["Shards"] if each["ShardId"] == shard(3)]
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == (shard(1), shard(0))
    for index in range(2):
        iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard(index), ShardIteratorType="TRIM_HORIZON")
        answer = kinesis.get_records(ShardIterator=iterator["ShardIterator"])
        assert [record["Data"] for record in answer["Records"]] == [str(index).encode()]
        assert [each["ParentShards"] for each in answer["ChildShards"]] == [[shard(1), shard(0)]]
    code, message = refusal(kinesis.split_shard, StreamName=stream, ShardToSplit=shard(0), NewStartingHashKey="9")
    assert code == "ResourceInUseException"
    assert "has already been merged or split" in message


def test_a_split_needs_a_key_inside_the_shard(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream(2)
    for key in ("0", "1", HALF, str(KEYS - 1)):
        code, message = refusal(kinesis.split_shard, StreamName=stream, ShardToSplit=shard(0), NewStartingHashKey=key)
        assert code == "InvalidArgumentException"
        assert "is not both greater than one plus the shard's StartingHashKey 0" in message
    assert ranges(kinesis, stream) == [(0, KEYS // 2 - 1), (KEYS // 2, KEYS - 1)]


def test_the_shard_count_changes_evenly_and_keeps_records(kinesis: Any, make_stream: MakeStream) -> None:
    stream, sent = make_stream(2), []
    for count in (3, 5, 4, 2, 1):
        data = [f"{count} {n}".encode() for n in range(50)]
        records = [{"Data": each, "PartitionKey": each.decode()} for each in data]
        assert kinesis.put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0
        sent += data
        answer = kinesis.update_shard_count(StreamName=stream, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        assert answer["TargetShardCount"] == count
        size = KEYS // count
        starts = [size * n for n in range(count)]
        assert ranges(kinesis, stream) == list(zip(starts, [each - 1 for each in starts[1:]] + [KEYS - 1], strict=True))
    everything = [data for index in shards(kinesis, stream) for data in read(kinesis, stream, index)]
    assert sorted(everything) == sorted(sent)
    code, message = refusal(
        kinesis.update_shard_count, StreamName=stream, TargetShardCount=3, ScalingType="UNIFORM_SCALING"
    )
    assert code == "LimitExceededException"
    assert "over double your current open shard count" in message


def test_shard_filters(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream(2)
    kinesis.split_shard(StreamName=stream, ShardToSplit=shard(1), NewStartingHashKey=str(KEYS // 4 * 3))
    split = datetime.now(UTC)
    assert shards(kinesis, stream) == [0, 1, 2, 3]
    for filter_type, expected in (
        ("AT_LATEST", [0, 2, 3]),
        ("AT_TRIM_HORIZON", [0, 1]),
        ("FROM_TRIM_HORIZON", [0, 1, 2, 3]),
    ):
        assert shards(kinesis, stream, ShardFilter={"Type": filter_type}) == expected
    after = {"Type": "AFTER_SHARD_ID", "ShardId": shard(1)}
    assert shards(kinesis, stream, ShardFilter=after) == [2, 3]
    for filter_type, expected in (("AT_TIMESTAMP", [0, 2, 3]), ("FROM_TIMESTAMP", [0, 2, 3])):
        later = {"Type": filter_type, "Timestamp": split + timedelta(seconds=1)}
        assert shards(kinesis, stream, ShardFilter=later) == expected
    long_ago = {"Timestamp": split - timedelta(days=2)}
    assert shards(kinesis, stream, ShardFilter={"Type": "AT_TIMESTAMP", **long_ago}) == [0, 1]
    assert shards(kinesis, stream, ShardFilter={"Type": "FROM_TIMESTAMP", **long_ago}) == [0, 1, 2, 3]
    assert refusal(kinesis.list_shards, StreamName=stream, ShardFilter={"Type": "AT_TIMESTAMP"})[0] == (
        "InvalidArgumentException"
    )


def test_shards_are_listed_in_pages(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream(5)
    kinesis.merge_shards(StreamName=stream, ShardToMerge=shard(0), AdjacentShardToMerge=shard(1))
    page = kinesis.list_shards(StreamName=stream, MaxResults=2, ShardFilter={"Type": "AT_LATEST"})
    found = [page]
    while "NextToken" in page:
        page = kinesis.list_shards(NextToken=page["NextToken"], MaxResults=2)
        found.append(page)
    assert [[each["ShardId"] for each in page["Shards"]] for page in found] == [
        [shard(2), shard(3)],
        [shard(4), shard(5)],
    ]
    assert refusal(kinesis.list_shards, NextToken="AAAA")[0] == "InvalidArgumentException"
    first = kinesis.describe_stream(StreamName=stream, Limit=4)["StreamDescription"]
    assert first["HasMoreShards"]
    last = first["Shards"][-1]["ShardId"]
    rest = kinesis.describe_stream(StreamName=stream, ExclusiveStartShardId=last)["StreamDescription"]
    assert not rest["HasMoreShards"]
    assert [each["ShardId"] for each in first["Shards"] + rest["Shards"]] == [shard(n) for n in range(6)]
