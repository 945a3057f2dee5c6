"""A client of the platform's Kinesis, and short ways to make streams and read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import Platform

MakeStream = Callable[..., str]


@pytest.fixture(scope="session")
def kinesis(platform: Platform) -> Any:
    return client(platform)


def client(platform: Platform, config: Config | None = None) -> Any:
    """With keys of its own, since those of the environment are there within a test only."""
    return boto3.client(
        "kinesis",
        endpoint_url=platform.endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=config,
    )


@pytest.fixture
def make_stream(kinesis: Any, request: pytest.FixtureRequest) -> MakeStream:
    """Creates a stream named after the test, of so many shards."""

    def make(shards: int = 1) -> str:
        name: str = request.node.name.replace("[", "-").rstrip("]")
        kinesis.create_stream(StreamName=name, ShardCount=shards)
        return name

    return make


def shard(index: int) -> str:
    return f"shardId-{index:012d}"


def put(kinesis: Any, stream: str, *data: bytes, key: str = "k") -> list[str]:
    """Puts records; their sequence numbers."""
    answer = kinesis.put_records(StreamName=stream, Records=[{"Data": each, "PartitionKey": key} for each in data])
    assert answer["FailedRecordCount"] == 0
    return [record["SequenceNumber"] for record in answer["Records"]]


def read(kinesis: Any, stream: str, index: int = 0, kind: str = "TRIM_HORIZON", **start: Any) -> list[bytes]:
    """The data of a shard's records from some place on to its end."""
    token = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard(index), ShardIteratorType=kind, **start)
    iterator, found = token["ShardIterator"], []
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator)
        found += [record["Data"] for record in answer["Records"]]
        iterator = answer.get("NextShardIterator") if answer["Records"] else None
    return found


def refusal(operation: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    """Code and message of the error with which the call is refused."""
    with pytest.raises(ClientError) as caught:
        operation(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
