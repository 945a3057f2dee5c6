"""Event source mappings of Kinesis streams, on a running platform with functions that note what they get."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.function.conftest import Aws
from tests.waiting import wait_until

MIDDLE = str(1 << 127)


def test_an_event_is_the_one_of_aws(aws: Aws, name: str) -> None:
    source = "import json, os\ndef handle(event, context): open(os.environ['OUT'], 'w').write(json.dumps(event))"
    calls = aws.make_recorder(name, source)
    stream = aws.make_stream(name)
    aws.make_mapping(stream, name)
    number = aws.client("kinesis").put_record(StreamName=name, Data=b"hello", PartitionKey='k"ü')["SequenceNumber"]
    text = wait_until(lambda: calls.file.read_text() if calls.file.exists() and calls.file.stat().st_size else None)
    (record,) = json.loads(text)["Records"]
    assert abs(record["kinesis"].pop("approximateArrivalTimestamp") - time.time()) < 60
    assert record == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": 'k"ü',
            "sequenceNumber": number,
            "data": "aGVsbG8=",
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/detect",
        "awsRegion": "us-east-1",
        "eventSourceARN": stream,
    }


def test_records_of_a_shard_come_in_order_and_in_batches(aws: Aws, name: str) -> None:
    calls = aws.make_recorder(name)
    stream = aws.make_stream(name)
    numbers = [str(number) for number in range(1000)]
    for first in range(0, 1000, 500):
        aws.put(name, *numbers[first : first + 500])
    key = aws.make_mapping(stream, name, BatchSize=100)
    assert calls.wait_for(1000) == numbers
    assert [len(batch) for batch in calls.batches] == [100] * 10
    described = aws.client("lambda").get_event_source_mapping(UUID=key)
    assert described["LastProcessingResult"] == "OK"
    assert (described["MaximumRetryAttempts"], described["ParallelizationFactor"]) == (-1, 1)


def test_a_batch_fills_for_as_long_as_its_window(aws: Aws, name: str) -> None:
    calls = aws.make_recorder(name)
    stream = aws.make_stream(name)
    aws.make_mapping(stream, name, BatchSize=5, MaximumBatchingWindowInSeconds=2)
    for number in range(3):
        aws.put(name, str(number))
    calls.wait_for(3)
    assert calls.batches == [["0", "1", "2"]]
    waited = calls.all[0]["at"] - calls.records[0]["arrived"]
    assert 1.9 < waited < 60


def test_a_full_batch_waits_for_nothing(aws: Aws, name: str) -> None:
    calls = aws.make_recorder(name)
    aws.make_mapping(aws.make_stream(name), name, BatchSize=5, MaximumBatchingWindowInSeconds=300)
    aws.put(name, *"abcde")
    assert calls.wait_for(5) == list("abcde")
    assert calls.batches == [list("abcde")]


def test_an_event_has_at_most_six_megabytes(aws: Aws, name: str) -> None:
    calls = aws.make_recorder(name)
    stream = aws.make_stream(name)
    for number in range(10):
        aws.put(name, str(number) * 1_000_000, key="k")
    aws.make_mapping(stream, name, BatchSize=100)
    assert [data[0] for data in calls.wait_for(10)] == list("0123456789")
    assert [len(batch) for batch in calls.batches] == [4, 4, 2]


def test_from_put_to_invocation_takes_milliseconds(aws: Aws, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    calls = aws.make_recorder(name)
    aws.make_mapping(aws.make_stream(name), name)
    for number in range(101):
        aws.put(name, str(number))
        time.sleep(0.01)
    calls.wait_for(101)
    # The first is a cold start.
    waited = [call["at"] - record["arrived"] for call in calls.all for record in call["records"]][1:]
    middle, late = statistics.median(waited) * 1000, statistics.quantiles(waited, n=20)[-1] * 1000
    with capsys.disabled():
        print(f"\nput to invocation: p50 {middle:.1f} ms, p95 {late:.1f} ms")  # noqa: T201
    # Whoever looks each second, as AWS does, has a median of half a second.
    assert middle < 250


def test_a_poison_record_is_isolated_and_told_to_the_destination(aws: Aws, name: str) -> None:
    calls = aws.make_recorder(name)
    stream = aws.make_stream(name)
    queue, arn = make_queue(aws, name)
    aws.put(name, *"abcd", "poison", *"efghijk")
    key = aws.make_mapping(
        stream,
        name,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    message = wait_until(lambda: receive(aws, queue))
    alone = [batch for batch in calls.batches if batch == ["poison"]]
    assert len(alone) == 3
    wait_until(lambda: True if calls.data.count("k") >= 2 else None)
    # Each of the others was in a batch that succeeded.
    done = [data for batch in calls.batches for data in batch if "poison" not in batch]
    assert sorted(done) == list("abcdefghijk")
    number = next(record["number"] for record in calls.records if record["data"] == "poison")
    context, info = message.pop("requestContext"), message.pop("KinesisBatchInfo")
    assert context.pop("requestId")
    assert context == {
        "functionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        "condition": "RetryAttemptsExhausted",
        # With those of the batches in which it was before.
        "approximateInvokeCount": len([batch for batch in calls.batches if "poison" in batch]),
    }
    assert info.pop("approximateArrivalOfFirstRecord") == info.pop("approximateArrivalOfLastRecord")
    assert info == {
        "shardId": "shardId-000000000000",
        "startSequenceNumber": number,
        "endSequenceNumber": number,
        "batchSize": 1,
        "streamArn": stream,
    }
    assert message.pop("timestamp").endswith("Z")
    response = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert message == {"version": "1.0", "responseContext": response}
    assert aws.client("lambda").get_event_source_mapping(UUID=key)["LastProcessingResult"] == "OK"


def test_a_partial_failure_is_the_new_checkpoint(aws: Aws, name: str) -> None:
    calls = aws.make_recorder(name)
    aws.client("s3").create_bucket(Bucket=name.replace("_", "-"))
    stream = aws.make_stream(name)
    aws.put(name, *"ab", "fails", *"cd")
    key = aws.make_mapping(
        stream,
        name,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{name.replace('_', '-')}"}},
    )
    s3 = aws.client("s3")
    listed = wait_until(lambda: s3.list_objects_v2(Bucket=name.replace("_", "-")).get("Contents"))
    assert calls.batches == [["a", "b", "fails", "c", "d"], ["fails", "c", "d"], ["fails", "c", "d"]]
    assert listed[0]["Key"].startswith(f"aws/lambda/{key}/shardId-000000000000/2")
    told = json.load(s3.get_object(Bucket=name.replace("_", "-"), Key=listed[0]["Key"])["Body"])
    assert told["KinesisBatchInfo"]["batchSize"] == 3
    assert told["responseContext"]["functionError"] is None
    assert len(json.loads(told["payload"])["Records"]) == 3
    aws.put(name, "later")
    assert calls.wait_for(12)[-1] == "later"


def test_disabled_it_reads_nothing_and_loses_nothing(aws: Aws, name: str) -> None:
    calls = aws.make_recorder(name)
    mappings = aws.client("lambda")
    key = aws.make_mapping(aws.make_stream(name, 2), name, BatchSize=10)
    aws.put(name, *map(str, range(100)))
    answer = mappings.update_event_source_mapping(UUID=key, Enabled=False)
    assert answer["State"] in ("Disabling", "Disabled")
    aws.wait_for_state(key, "Disabled")
    before = len(calls.data)
    aws.put(name, *map(str, range(100, 200)))
    time.sleep(1)
    assert len(calls.data) == before
    mappings.update_event_source_mapping(UUID=key, Enabled=True, BatchSize=7)
    assert sorted(calls.wait_for(200), key=int) == [str(number) for number in range(200)]
    assert max(len(batch) for batch in calls.batches) <= 10
    assert mappings.delete_event_source_mapping(UUID=key)["State"] == "Deleting"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        mappings.get_event_source_mapping(UUID=key)
    aws.put(name, "after")
    time.sleep(0.5)
    assert "after" not in calls.data


def test_children_come_after_their_parents(aws: Aws, name: str) -> None:
    calls = aws.make_recorder(name, SLEEP="0.05")
    kinesis = aws.client("kinesis")
    aws.make_mapping(aws.make_stream(name), name, BatchSize=10)
    aws.put(name, *map(str, range(200)))
    kinesis.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=MIDDLE)
    aws.put(name, *map(str, range(200, 300)))
    first, second = "shardId-000000000001", "shardId-000000000002"
    kinesis.merge_shards(StreamName=name, ShardToMerge=first, AdjacentShardToMerge=second)
    aws.put(name, *map(str, range(300, 350)))
    assert sorted(calls.wait_for(350), key=int) == [str(number) for number in range(350)]
    generation = {"0": 0, "1": 1, "2": 1, "3": 2}
    order = [generation[record["shard"][-1]] for record in calls.records]
    assert order == sorted(order)
    assert set(order) == {0, 1, 2}


def test_parallel_batches_keep_the_order_of_a_key(aws: Aws, name: str) -> None:
    calls = aws.make_recorder(name, SLEEP="0.2")
    stream = aws.make_stream(name)
    for number in range(20):
        entries = [{"Data": f"{key} {number}".encode(), "PartitionKey": str(key)} for key in range(16)]
        aws.client("kinesis").put_records(StreamName=name, Records=entries)
    aws.make_mapping(stream, name, ParallelizationFactor=4, BatchSize=20)
    found = [data.split() for data in calls.wait_for(320)]
    for key in range(16):
        assert [int(number) for other, number in found if other == str(key)] == list(range(20))
    keys = [{record["key"] for record in call["records"]} for call in calls.all]
    begun = [call["at"] for call in calls.all]
    # Within one call's time others have begun, none of which shares a key with it.
    overlapping = [
        (one, other)
        for one in range(len(keys))
        for other in range(one + 1, len(keys))
        if begun[other] - begun[one] < 0.2
    ]
    assert overlapping
    assert not any(keys[one] & keys[other] for one, other in overlapping)


def test_starting_positions(aws: Aws, name: str) -> None:
    stream = aws.make_stream(name)
    aws.put(name, "old")
    time.sleep(0.1)
    moment = time.time()
    time.sleep(0.1)
    aws.put(name, "newer")
    settings: dict[str, Any] = {
        "TRIM_HORIZON": {},
        "LATEST": {},
        "AT_TIMESTAMP": {"StartingPositionTimestamp": moment},
    }
    calls = {}
    for position, more in settings.items():
        calls[position] = aws.make_recorder(f"{name}-{position}")
        aws.make_mapping(stream, f"{name}-{position}", StartingPosition=position, **more)
    aws.put(name, "last")
    assert calls["TRIM_HORIZON"].wait_for(3) == ["old", "newer", "last"]
    assert calls["AT_TIMESTAMP"].wait_for(2) == ["newer", "last"]
    assert calls["LATEST"].wait_for(1) == ["last"]


def test_only_what_passes_the_filter_is_invoked_with(aws: Aws, name: str) -> None:
    calls = aws.make_recorder(name)
    stream = aws.make_stream(name)
    aws.put(name, *(json.dumps({"kind": kind, "n": n}) for n in range(50) for kind in ("final", "early")), key="k")
    pattern = json.dumps({"data": {"kind": ["early"]}})
    aws.make_mapping(stream, name, FilterCriteria={"Filters": [{"Pattern": pattern}]}, BatchSize=20)
    found = [json.loads(data) for data in calls.wait_for(50)]
    assert found == [{"kind": "early", "n": n} for n in range(50)]
    assert [len(batch) for batch in calls.batches] == [20, 20, 10]


def test_what_cannot_be_carried_out_is_refused(aws: Aws, name: str) -> None:
    aws.make_recorder(name)
    stream = aws.make_stream(name)
    create = aws.client("lambda", parameter_validation=False).create_event_source_mapping
    given = {"EventSourceArn": stream, "FunctionName": name, "StartingPosition": "LATEST"}
    refused: dict[str, dict[str, Any]] = {
        "Stream not found": {"EventSourceArn": f"{stream}-none"},
        "AT_TIMESTAMP": {"StartingPosition": "AT_TIMESTAMP"},
        "less than or equal to 10": {"ParallelizationFactor": 11},
        "tumbling windows": {"TumblingWindowInSeconds": 10},
        "Function not found": {"FunctionName": "none"},
    }
    for part, settings in refused.items():
        with pytest.raises(ClientError, match=part):
            create(**{**given, **settings})
    create(**given)
    with pytest.raises(ClientError, match="already exists") as caught:
        create(**given)
    assert caught.value.response["Error"]["Code"] == "ResourceConflictException"


def test_a_version_of_the_function_reads_the_stream_again_beside_it(aws: Aws, name: str) -> None:
    """As the runbook replays."""
    calls = aws.make_recorder(name)
    stream = aws.make_stream(name)
    aws.put(name, "1", "2", "3")
    aws.make_mapping(stream, name)
    assert calls.wait_for(3) == ["1", "2", "3"]
    version = aws.client("lambda").publish_version(FunctionName=name)["Version"]
    aws.make_mapping(stream, f"{name}:{version}")
    assert calls.wait_for(6) == ["1", "2", "3"] * 2


def make_queue(aws: Aws, name: str, **attributes: str) -> tuple[str, str]:
    """A queue's address and ARN."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def receive(aws: Aws, queue: str) -> Any:
    """The body of a message, or None."""
    for message in aws.client("sqs").receive_message(QueueUrl=queue).get("Messages", []):
        return json.loads(message["Body"])
    return None


def test_a_function_that_dies_or_hangs_loses_nothing(aws: Aws, name: str) -> None:
    # In turn: killed, out of time, out of memory, done.
    source = """
import base64, json, os, signal, time

def handle(event, context):
    with open(os.environ["OUT"] + ".calls", "a+") as calls:
        calls.write("x")
        calls.seek(0)
        turn = len(calls.read()) % 4
    if turn == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if turn == 2:
        time.sleep(30)
    if turn == 3:
        b"x" * (500 << 20)
        time.sleep(30)  # Its memory is looked at now and then; until it is killed, it does nothing else.
    records = [{"data": base64.b64decode(record["kinesis"]["data"]).decode()} for record in event["Records"]]
    with open(os.environ["OUT"], "a") as out:
        out.write(json.dumps({"records": records}) + "\\n")
"""
    calls = aws.make_recorder(name, source)
    aws.client("lambda").update_function_configuration(FunctionName=name, Timeout=2)
    numbers = [str(number) for number in range(60)]
    stream = aws.make_stream(name)
    aws.put(name, *numbers)
    aws.make_mapping(stream, name, BatchSize=20)
    assert calls.wait_for(60) == numbers
    assert len(Path(f"{calls.file}.calls").read_text()) == 12
