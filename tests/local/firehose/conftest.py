"""Clients of the platform, and what Firehose has written."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Platform
from tests.local.aws import shared_session
from tests.waiting import wait_until


@dataclass
class Aws:
    """Clients of one platform, and short ways to make and read what the tests need."""

    endpoint: str

    def client(self, service: str) -> Any:
        return shared_session(threading.get_ident()).client(service, endpoint_url=self.endpoint)

    def make_bucket(self, name: str) -> str:
        self.client("s3").create_bucket(Bucket=name)
        return f"arn:aws:s3:::{name}"

    def make_stream(self, name: str, shards: int = 2) -> str:
        kinesis = self.client("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=shards)
        arn: str = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
        return arn

    def deliver(self, name: str, bucket: str, source: str | None = None, **settings: Any) -> None:
        """Creates a delivery stream into the bucket, from the stream of the ARN `source` where one is given."""
        destination = {
            "RoleARN": "arn:aws:iam::000000000000:role/archive",
            "BucketARN": bucket,
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1},
            **settings,
        }
        kinds: dict[str, Any] = {"DeliveryStreamType": "DirectPut"}
        if source:
            given = {"KinesisStreamARN": source, "RoleARN": "arn:aws:iam::000000000000:role/archive"}
            kinds = {"DeliveryStreamType": "KinesisStreamAsSource", "KinesisStreamSourceConfiguration": given}
        self.client("firehose").create_delivery_stream(
            DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination, **kinds
        )

    def objects(self, bucket: str) -> dict[str, bytes]:
        """All objects by key, taken out of gzip where the key says so."""
        s3 = self.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        found = {}
        for key in sorted(entry["Key"] for page in pages for entry in page.get("Contents", [])):
            body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            found[key] = gzip.decompress(body) if key.endswith(".gz") else body
        return found

    def lines(self, bucket: str) -> list[bytes]:
        return [line for body in self.objects(bucket).values() for line in body.splitlines()]

    def wait_for_objects(self, bucket: str, count: int) -> dict[str, bytes]:
        """All objects once there are `count` or more; fails where that takes too long."""
        return wait_until(lambda: found if len(found := self.objects(bucket)) >= count else None)

    def wait_for_lines(self, bucket: str, count: int) -> list[bytes]:
        """All lines once there are `count` or more; fails where that takes too long."""
        return wait_until(lambda: lines if len(lines := self.lines(bucket)) >= count else None)


@pytest.fixture
def aws(platform: Platform) -> Aws:
    return Aws(platform.endpoint)


APPEND_NEWLINE = {
    "Enabled": True,
    "Processors": [
        {
            "Type": "AppendDelimiterToRecord",
            "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}],
        }
    ],
}
