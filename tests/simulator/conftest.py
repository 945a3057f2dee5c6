"""Real streams to send to, and an endpoint that fails on request in front of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest

from simulator.stream_data_simulator.events import HEADERS
from tests.conftest import Platform
from tests.simulator.faulty_endpoint import FaultyEndpoint

Event = dict[str, Any]
_number = itertools.count()


class RealStream:
    """A stream of the platform and what is in it."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.name = name
        self.client = boto3.client("kinesis", endpoint_url=endpoint)

    def shards(self) -> dict[str, list[dict[str, Any]]]:
        """The records of each shard, in their order."""
        found = {}
        for shard in self.client.list_shards(StreamName=self.name)["Shards"]:
            shard_id = shard["ShardId"]
            iterator = self.client.get_shard_iterator(
                StreamName=self.name, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            records: list[dict[str, Any]] = []
            while True:
                answer = self.client.get_records(ShardIterator=iterator, Limit=10_000)
                records += answer["Records"]
                iterator = answer.get("NextShardIterator")
                if not iterator or (not answer["Records"] and not answer["MillisBehindLatest"]):
                    break
            found[shard_id] = records
        return found

    def events(self) -> list[Event]:
        """Every event, shard after shard, each shard's in their order."""
        return [json.loads(record["Data"]) for records in self.shards().values() for record in records]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test takes the user's settings, and none but those with `endpoint` reaches an AWS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name in ("kinesis_stream_name", "streaming_partition_key", "ECOMM_RAW_BUCKET", "ECOMM_STAGE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def endpoint(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> str:
    """The simulator learns of the platform as of any endpoint."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", platform.endpoint)
    return platform.endpoint


@pytest.fixture
def new_stream(endpoint: str) -> Callable[..., RealStream]:
    def create(shards: int = 4, tags: dict[str, str] | None = None) -> RealStream:
        stream = RealStream(endpoint, f"simulated-{next(_number)}")
        stream.client.create_stream(StreamName=stream.name, ShardCount=shards)
        stream.client.get_waiter("stream_exists").wait(StreamName=stream.name, WaiterConfig={"Delay": 1})
        if tags:
            stream.client.add_tags_to_stream(StreamName=stream.name, Tags=tags)
        return stream

    return create


@pytest.fixture
def stream(new_stream: Callable[..., RealStream]) -> RealStream:
    return new_stream()


@pytest.fixture
def faulty(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyEndpoint]:
    """Stands before the platform and lets everything through until it is told otherwise."""
    with closing(FaultyEndpoint(endpoint)) as faulty:
        monkeypatch.setenv("AWS_ENDPOINT_URL", faulty.url)
        yield faulty


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CSV of the given lines, with the header before them."""

    def write(lines: list[str] | list[bytes], name: str = "events.csv") -> Path:
        path = tmp_path / name
        text = [line if isinstance(line, bytes) else line.encode() for line in lines]
        path.write_bytes(b"\n".join([HEADERS[0], *text, b""]))
        return path

    return write


def row(number: int = 0, **fields: object) -> str:
    """A row of the CSV whose product_id is its number, so that it can be found again."""
    values = {
        "event_time": "2019-11-01 00:00:00 UTC",
        "event_type": "view",
        "product_id": number,
        "category_id": 2053013555631882655,
        "category_code": "electronics.smartphone",
        "brand": "xiaomi",
        "price": "489.07",
        "user_id": 520088904,
        "user_session": "4d3b30da-a5e4-49df-b1a8-ba5943f1dd33",
    }
    return ",".join(str(value) for value in (values | fields).values())
