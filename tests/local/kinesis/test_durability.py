"""What was acknowledged is there after the platform was killed, in the middle of everything."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.conftest import Platform, start_platform, stop_platform
from tests.local.kinesis.conftest import client, put, read, refusal, shard


def test_no_acknowledged_record_is_lost_by_a_kill(tmp_path: Path) -> None:
    running = start_platform(tmp_path / "var")
    kinesis = client(running)
    try:
        kinesis.create_stream(StreamName="s", StreamModeDetails={"StreamMode": "ON_DEMAND"})
        kinesis.create_stream(StreamName="split", ShardCount=1)
        put(kinesis, "split", b"parent")
        kinesis.split_shard(StreamName="split", ShardToSplit=shard(0), NewStartingHashKey=str(1 << 127))
        kinesis.add_tags_to_stream(StreamName="split", Tags={"a": "1"})
        kinesis.create_stream(StreamName="deleted", ShardCount=1)
        kinesis.delete_stream(StreamName="deleted")
        iterator = kinesis.get_shard_iterator(StreamName="s", ShardId=shard(0), ShardIteratorType="TRIM_HORIZON")
        sent = send_until_killed(running)
        running = start_platform(tmp_path / "var")
        kinesis = client(running)
        received = [data for index in range(4) for data in read(kinesis, "s", index)]
        assert len(received) == len(set(received))
        assert set(sent) <= set(received)
        # Iterators are good for their five minutes, whoever answers.
        again = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        assert [record["Data"] for record in again] == read(kinesis, "s", 0)
        before = {int(record["SequenceNumber"]) for record in again}
        later = kinesis.put_record(StreamName="s", Data=b"later", PartitionKey="k", ExplicitHashKey="0")
        assert int(later["SequenceNumber"]) > max(before)
        assert read(kinesis, "split", 0) == [b"parent"]
        assert [each["ShardId"] for each in kinesis.list_shards(StreamName="split")["Shards"]] == [
            shard(n) for n in range(3)
        ]
        assert kinesis.list_tags_for_stream(StreamName="split")["Tags"] == [{"Key": "a", "Value": "1"}]
        assert refusal(kinesis.describe_stream, StreamName="deleted")[0] == "ResourceNotFoundException"
    finally:
        stop_platform(running)


def send_until_killed(running: Platform) -> list[bytes]:
    """What was acknowledged of two senders' records until the platform was killed while they sent."""
    once = Config(retries={"total_max_attempts": 1})
    sent: list[bytes] = []
    enough = threading.Event()

    def send(name: str) -> None:
        kinesis = client(running, once)
        number = 0
        while True:
            data = [f"{name} {number} {n} ".encode() + os.urandom(300) for n in range(100)]
            number += 1
            try:
                put_many(kinesis, data)
            except (BotoCoreError, ClientError):
                return
            sent.extend(data)
            if len(sent) > 5_000:
                enough.set()

    senders = [threading.Thread(target=send, args=(name,)) for name in ("a", "b")]
    for sender in senders:
        sender.start()
    assert enough.wait(60)
    stop_platform(running, signal.SIGKILL)
    for sender in senders:
        sender.join()
    return sent


def put_many(kinesis: Any, data: list[bytes]) -> None:
    records = [{"Data": each, "PartitionKey": each[:12].hex()} for each in data]
    assert kinesis.put_records(StreamName="s", Records=records)["FailedRecordCount"] == 0
