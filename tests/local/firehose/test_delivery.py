"""What is put into a stream is in S3 once, as it was put, under the names that Firehose gives."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import threading
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.conftest import Platform, start_platform, stop_platform
from tests.local.firehose.conftest import APPEND_NEWLINE, Aws
from tests.waiting import wait_until

HALF = str(1 << 126)


def rows(first: int, last: int) -> list[bytes]:
    return [json.dumps({"n": n, "text": "ü" * (n % 7)}).encode() for n in range(first, last)]


def put(kinesis: Any, stream: str, data: list[bytes]) -> None:
    for first in range(0, len(data), 500):
        records = [{"Data": row, "PartitionKey": str(hash(row))} for row in data[first : first + 500]]
        assert kinesis.put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0


def test_archive_holds_what_was_sent_under_firehose_names(aws: Aws) -> None:
    bucket, stream = aws.make_bucket("archive-names"), aws.make_stream("archive-names")
    put(aws.client("kinesis"), "archive-names", rows(0, 5))
    aws.deliver(
        "archive-names",
        bucket,
        stream,
        Prefix="clicks/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/",
        ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
        CompressionFormat="GZIP",
        ProcessingConfiguration=APPEND_NEWLINE,
    )
    put(aws.client("kinesis"), "archive-names", rows(5, 1005))
    # Not the first five: they were there before.
    assert sorted(aws.wait_for_lines("archive-names", 1000)) == sorted(rows(5, 1005))
    for key in aws.objects("archive-names"):
        assert re.fullmatch(
            r"clicks/year=20\d\d/month=[01]\d/day=[0-3]\d/hour=[0-2]\d/"
            r"archive-names-1-20\d\d(-\d\d){5}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.gz",
            key,
        )


def test_order_within_a_shard_is_kept(aws: Aws) -> None:
    bucket, stream = aws.make_bucket("archive-order"), aws.make_stream("archive-order", shards=1)
    aws.deliver("archive-order", bucket, stream, ProcessingConfiguration=APPEND_NEWLINE)
    put(aws.client("kinesis"), "archive-order", rows(0, 700))
    assert aws.wait_for_lines("archive-order", 700) == rows(0, 700)


def test_direct_puts_arrive_without_delimiter_under_the_default_prefix(aws: Aws) -> None:
    bucket = aws.make_bucket("direct")
    aws.deliver("direct", bucket, Prefix="mine/")
    firehose = aws.client("firehose")
    assert firehose.put_record(DeliveryStreamName="direct", Record={"Data": b"a\n"})["RecordId"]
    answer = firehose.put_record_batch(DeliveryStreamName="direct", Records=[{"Data": b"b"}, {"Data": b"\xff\x00"}])
    assert (answer["FailedPutCount"], len(answer["RequestResponses"])) == (0, 2)
    found = wait_until(lambda: objects if sum(map(len, (objects := aws.objects("direct")).values())) == 5 else None)
    assert b"".join(found.values()) == b"a\nb\xff\x00"
    assert all(re.match(r"mine/20\d\d/[01]\d/[0-3]\d/[0-2]\d/direct-1-", key) for key in found)


def test_a_full_buffer_is_delivered_before_its_time(aws: Aws) -> None:
    bucket, stream = aws.make_bucket("archive-size"), aws.make_stream("archive-size", shards=1)
    aws.deliver("archive-size", bucket, stream, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    data = [bytes([n]) * 100_000 for n in range(25)]
    put(aws.client("kinesis"), "archive-size", data)
    found = aws.wait_for_objects("archive-size", 2)
    # A buffer takes ten of these and waits for the rest of its time with five.
    assert [len(body) for body in found.values()] == [1_000_000, 1_000_000]
    assert sorted(found.values()) == [b"".join(data[:10]), b"".join(data[10:20])]


def test_children_of_a_split_shard_are_read(aws: Aws) -> None:
    bucket, stream = aws.make_bucket("archive-split"), aws.make_stream("archive-split", shards=1)
    aws.deliver("archive-split", bucket, stream, ProcessingConfiguration=APPEND_NEWLINE)
    kinesis = aws.client("kinesis")
    put(kinesis, "archive-split", rows(0, 500))
    kinesis.split_shard(StreamName="archive-split", ShardToSplit="shardId-000000000000", NewStartingHashKey=HALF)
    put(kinesis, "archive-split", rows(500, 1000))
    shards = ["shardId-000000000001", "shardId-000000000002"]
    kinesis.merge_shards(StreamName="archive-split", ShardToMerge=shards[0], AdjacentShardToMerge=shards[1])
    put(kinesis, "archive-split", rows(1000, 1500))
    assert sorted(aws.wait_for_lines("archive-split", 1500)) == sorted(rows(0, 1500))


def test_delivery_waits_for_a_bucket_and_says_so(aws: Aws) -> None:
    logs, firehose = aws.client("logs"), aws.client("firehose")
    logs.create_log_group(logGroupName="/aws/kinesisfirehose/patient")
    logs.create_log_stream(logGroupName="/aws/kinesisfirehose/patient", logStreamName="delivery")
    aws.deliver(
        "patient",
        "arn:aws:s3:::patient",
        CloudWatchLoggingOptions={
            "Enabled": True,
            "LogGroupName": "/aws/kinesisfirehose/patient",
            "LogStreamName": "delivery",
        },
    )
    firehose.put_record(DeliveryStreamName="patient", Record={"Data": b"late"})
    event = wait_until(
        lambda: next(
            iter(logs.filter_log_events(logGroupName="/aws/kinesisfirehose/patient")["events"]),
            None,
        )
    )
    assert json.loads(event["message"])["errorCode"] == "S3.NoSuchBucket"
    aws.make_bucket("patient")
    found = aws.wait_for_objects("patient", 1)
    assert list(found.values()) == [b"late"]


def test_another_destination_takes_what_the_first_one_refused(aws: Aws) -> None:
    firehose = aws.client("firehose")
    aws.deliver("moved", "arn:aws:s3:::moved-nowhere")
    firehose.put_record(DeliveryStreamName="moved", Record={"Data": b"row"})
    description = firehose.describe_delivery_stream(DeliveryStreamName="moved")["DeliveryStreamDescription"]
    firehose.update_destination(
        DeliveryStreamName="moved",
        CurrentDeliveryStreamVersionId=description["VersionId"],
        DestinationId=description["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"BucketARN": aws.make_bucket("moved-here"), "Prefix": "p/"},
    )
    (key,) = aws.wait_for_objects("moved-here", 1)
    assert key.startswith("p/")
    assert "/moved-2-" in key


def test_aggregates_of_the_producer_library_are_taken_apart(aws: Aws) -> None:
    bucket, stream = aws.make_bucket("archive-kpl"), aws.make_stream("archive-kpl", shards=1)
    aws.deliver("archive-kpl", bucket, stream, ProcessingConfiguration=APPEND_NEWLINE)
    # Two records of the key "k", as aws_kinesis_agg 1.2.3 makes them.
    aggregate = bytes.fromhex("f3899ac20a016b1a0708001a036f6e651a0708001a0374776f")
    whole = aggregate + hashlib.md5(aggregate[4:], usedforsecurity=False).digest()
    damaged = aggregate + bytes(16)
    put(aws.client("kinesis"), "archive-kpl", [whole, damaged, b"plain"])
    expected = b"one\ntwo\n" + damaged + b"\nplain\n"
    assert wait_until(lambda: b"".join(aws.objects("archive-kpl").values()) == expected or None)


def test_an_object_begun_before_a_kill_is_looked_for_and_made_only_where_it_is_missing(tmp_path: Path) -> None:
    running = start_platform(tmp_path / "var")
    try:
        aws = Aws(running.endpoint)
        waiting: dict[str, Any] = {"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 900}}
        for name in ("written", "missing"):
            aws.deliver(name, aws.make_bucket(name), **waiting)
            records = [{"Data": b"one "}, {"Data": b"two "}]
            aws.client("firehose").put_record_batch(DeliveryStreamName=name, Records=records)
        aws.client("s3").put_object(Bucket="written", Key="begun", Body=b"one two ")
        stop_platform(running)
        # As if the kill had come when the object was begun: before S3 had it, and before its answer was noted.
        for name in ("written", "missing"):
            (file,) = (tmp_path / "var").glob(f"aws/firehose/*/*/{name}=delivery-stream/delivery-stream.json")
            state = json.loads(file.read_text())
            state["intent"] = {
                "key": "begun",
                "after": {"direct": 2},
                "settings": state["settings"],
                "records": 2,
                "bytes": 8,
            }
            file.write_text(json.dumps(state))
        running = start_platform(tmp_path / "var")
        aws = Aws(running.endpoint)
        for name in ("written", "missing"):
            assert aws.wait_for_objects(name, 1) == {"begun": b"one two "}
            # The one after it begins where it ended.
            change_interval(aws, name, seconds=0)
            aws.client("firehose").put_record(DeliveryStreamName=name, Record={"Data": b"three"})
            assert sorted(aws.wait_for_objects(name, 2).values()) == [b"one two ", b"three"]
    finally:
        stop_platform(running)


def change_interval(aws: Aws, name: str, seconds: int) -> None:
    firehose = aws.client("firehose")
    found = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    firehose.update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=found["VersionId"],
        DestinationId=found["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": seconds}},
    )


def test_nothing_is_lost_and_nothing_twice_when_the_platform_dies(tmp_path: Path) -> None:
    """Sends all the time while the platform is killed or stopped and started again."""
    running = start_platform(tmp_path / "var")
    aws = Aws(running.endpoint)
    bucket, stream = aws.make_bucket("survivor"), aws.make_stream("survivor")
    aws.deliver("survivor", bucket, stream, CompressionFormat="GZIP", ProcessingConfiguration=APPEND_NEWLINE)
    aws.deliver("direct", bucket, CompressionFormat="GZIP", ProcessingConfiguration=APPEND_NEWLINE)
    # The bucket itself is kept a second after it was made.
    saved = tmp_path / "var/aws/state/s3.json"
    wait_until(lambda: (saved.exists() and "survivor" in saved.read_text()) or None)
    sender = Sender(aws)
    try:
        for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            sender.wait_for_rounds(5)
            stop_platform(running, how)
            running = start_platform(tmp_path / "var", port_of(running))
        sender.stop()
        wait_until(lambda: set(aws.lines("survivor")) >= set(sender.sent) or None)
        # Whatever is delivered twice is there when these are.
        aws.client("firehose").put_record(DeliveryStreamName="direct", Record={"Data": b"last"})
        put(aws.client("kinesis"), "survivor", [b"last"])
        lines = wait_until(lambda: lines if (lines := aws.lines("survivor")).count(b"last") == 2 else None)
        received = [line for line in lines if line != b"last"]
        # What was sent without an answer may have come or not.
        assert set(sender.sent) <= set(received) <= set(sender.sent) | set(sender.unanswered)
        assert len(received) == len(set(received))
    finally:
        sender.stop()
        stop_platform(running)


def port_of(platform: Platform) -> int:
    return int(platform.endpoint.rpartition(":")[2])


class Sender:
    """Sends records that are all different, to a stream and to a delivery stream, until it is stopped."""

    def __init__(self, aws: Aws) -> None:
        once = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10)
        self._kinesis = boto3.client("kinesis", endpoint_url=aws.endpoint, config=once)
        self._firehose = boto3.client("firehose", endpoint_url=aws.endpoint, config=once)
        self.sent: list[bytes] = []
        self.unanswered: list[bytes] = []
        self.rounds = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def wait_for_rounds(self, count: int) -> None:
        enough = self.rounds + count
        wait_until(lambda: self.rounds >= enough or None)

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(0.02):
            number += 1
            streamed = [b"stream %d %d" % (number, n) for n in range(40)]
            direct = [b"direct %d %d" % (number, n) for n in range(40)]
            self._send(streamed, lambda data: put(self._kinesis, "survivor", data))
            self._send(
                direct,
                lambda data: self._firehose.put_record_batch(
                    DeliveryStreamName="direct", Records=[{"Data": row} for row in data]
                ),
            )

    def _send(self, data: list[bytes], send: Any) -> None:
        try:
            send(data)
        except (BotoCoreError, ClientError):
            self.unanswered += data
        else:
            self.sent += data
            self.rounds += 1
