"""The throughput of shards, and the metrics that tell of it, on a platform where limits are switched on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.conftest import Platform, start_platform, stop_platform
from tests.local.kinesis.conftest import client, put, refusal, shard

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("limited")


@pytest.fixture(scope="module")
def limited(var: Path) -> Iterator[Platform]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LOCAL_KINESIS_LIMITS", "1")
        running = start_platform(var)
    yield running
    if running.process.poll() is None:
        stop_platform(running)


@pytest.fixture(scope="module")
def kinesis(limited: Platform) -> Any:
    """Without retries: what is refused is seen."""
    return client(limited, Config(retries={"total_max_attempts": 1}))


def send(kinesis: Any, stream: str, count: int, size: int) -> list[dict[str, Any]]:
    """The answers for so many records of that size, put in requests of up to 500."""
    answers = []
    for first in range(0, count, 500):
        records = [{"Data": b"x" * size, "PartitionKey": "k", "ExplicitHashKey": "0"}] * min(500, count - first)
        answer = kinesis.put_records(StreamName=stream, Records=records)
        assert answer["FailedRecordCount"] == sum("ErrorCode" in each for each in answer["Records"])
        answers += answer["Records"]
    return answers


def test_a_shard_takes_a_thousand_records_a_second(kinesis: Any) -> None:
    kinesis.create_stream(StreamName="many", ShardCount=2)
    begun = datetime.now(UTC)
    answers = send(kinesis, "many", 4_000, 1)
    seconds = (datetime.now(UTC) - begun).total_seconds()
    taken = [each for each in answers if "SequenceNumber" in each]
    assert 1_000 <= len(taken) <= 1_000 * (1 + seconds) + 1
    (refused,) = {(each["ErrorCode"], each["ErrorMessage"]) for each in answers if "ErrorCode" in each}
    assert refused == (
        "ProvisionedThroughputExceededException",
        f"Rate exceeded for shard {shard(0)} in stream many under account 000000000000.",
    )
    other = {"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": str(1 << 127)}
    assert kinesis.put_records(StreamName="many", Records=[other] * 500)["FailedRecordCount"] == 0


def test_a_shard_takes_a_mebibyte_a_second(kinesis: Any) -> None:
    kinesis.create_stream(StreamName="large", ShardCount=1)
    begun = datetime.now(UTC)
    answers = send(kinesis, "large", 300, 20_000)
    seconds = (datetime.now(UTC) - begun).total_seconds()
    taken = sum("SequenceNumber" in each for each in answers)
    assert MEBIBYTE - 20_001 <= taken * 20_001 <= MEBIBYTE * (1 + seconds) + 20_001
    assert taken < 300


def test_a_shard_is_read_five_times_a_second(kinesis: Any) -> None:
    kinesis.create_stream(StreamName="read", ShardCount=1)
    put(kinesis, "read", b"x")
    token = kinesis.get_shard_iterator(StreamName="read", ShardId=shard(0), ShardIteratorType="TRIM_HORIZON")
    iterator = token["ShardIterator"]
    for _ in range(4):
        assert len(kinesis.get_records(ShardIterator=iterator)["Records"]) == 1

    def read_often() -> None:
        for _ in range(50):
            kinesis.get_records(ShardIterator=iterator)

    code, message = refusal(read_often)
    assert code == "ProvisionedThroughputExceededException"
    assert f"Rate exceeded for shard {shard(0)}" in message


# The last of the module: it stops the platform, so that the minute that is not over is told.
def test_cloudwatch_is_told_what_streams_took_and_gave(limited: Platform, var: Path, kinesis: Any) -> None:
    kinesis.create_stream(StreamName="metered", ShardCount=1)
    taken = sum("SequenceNumber" in each for each in send(kinesis, "metered", 2_500, 9))
    token = kinesis.get_shard_iterator(StreamName="metered", ShardId=shard(0), ShardIteratorType="TRIM_HORIZON")
    first = kinesis.get_records(ShardIterator=token["ShardIterator"], Limit=100)
    stop_platform(limited)
    running = start_platform(var)
    try:
        metrics = {name: statistics(running, name) for name in METRICS}
        assert metrics["IncomingRecords"]["Sum"] == taken
        assert metrics["IncomingBytes"]["Sum"] == taken * 10
        assert metrics["PutRecords.ThrottledRecords"]["Sum"] == 2_500 - taken
        assert metrics["WriteProvisionedThroughputExceeded"]["Sum"] == 2_500 - taken
        assert metrics["ReadProvisionedThroughputExceeded"]["Sum"] == 0
        assert metrics["GetRecords.Records"]["Sum"] == 100
        assert metrics["GetRecords.IteratorAgeMilliseconds"]["Maximum"] == first["MillisBehindLatest"] > 0
        assert client(running).list_streams()["StreamNames"] == ["large", "many", "metered", "read"]
    finally:
        stop_platform(running)


METRICS = [
    "IncomingRecords",
    "IncomingBytes",
    "PutRecords.ThrottledRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "GetRecords.Records",
    "GetRecords.IteratorAgeMilliseconds",
]


def statistics(running: Platform, metric: str) -> dict[str, float]:
    """Sum and maximum of the last minutes."""
    cloudwatch = boto3.client("cloudwatch", endpoint_url=running.endpoint)
    found = cloudwatch.get_metric_statistics(
        Namespace="AWS/Kinesis",
        MetricName=metric,
        Dimensions=[{"Name": "StreamName", "Value": "metered"}],
        StartTime=datetime.now(UTC) - timedelta(minutes=5),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum", "Maximum"],
    )["Datapoints"]
    return {"Sum": sum(each["Sum"] for each in found), "Maximum": max(each["Maximum"] for each in found)}
