"""Small functions on a running platform, and what they were invoked with."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import Platform
from tests.local.aws import shared_session
from tests.waiting import wait_until

ROLE = "arn:aws:iam::000000000000:role/detect"

# Notes each event in a file, then does what its records say: fail as a whole, or name those that fail.
RECORDER = """
import base64, json, os, time

def handle(event, context):
    records = [
        {
            "shard": record["eventID"].split(":")[0],
            "number": record["kinesis"]["sequenceNumber"],
            "key": record["kinesis"]["partitionKey"],
            "data": base64.b64decode(record["kinesis"]["data"]).decode(),
            "arrived": record["kinesis"]["approximateArrivalTimestamp"],
        }
        for record in event["Records"]
    ]
    with open(os.environ["OUT"], "a") as out:
        out.write(json.dumps({"at": time.time(), "records": records}) + "\\n")
    time.sleep(float(os.environ.get("SLEEP", 0)))
    if any(record["data"].startswith("poison") for record in records):
        raise ValueError("poison")
    failed = [record["number"] for record in records if record["data"].startswith("fails")]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
"""


def zipped(source: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("handler.py", source)
    return content.getvalue()


@dataclass
class Calls:
    """What a recorder was invoked with, in the order of its invocations."""

    file: Path

    @property
    def all(self) -> list[dict[str, Any]]:
        text = self.file.read_text() if self.file.exists() else ""
        # The last line may be half written.
        return [json.loads(line) for line in text.rpartition("\n")[0].splitlines()]

    @property
    def batches(self) -> list[list[str]]:
        return [[record["data"] for record in call["records"]] for call in self.all]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [record for call in self.all for record in call["records"]]

    @property
    def data(self) -> list[str]:
        return [record["data"] for record in self.records]

    def wait_for(self, count: int) -> list[str]:
        """The data of all records, once there are so many."""
        return wait_until(lambda: data if len(data := self.data) >= count else None)


@dataclass
class Aws:
    """Clients of one platform, and short ways to make what the tests need."""

    endpoint: str
    folder: Path
    made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str, **settings: Any) -> Any:
        """The same one at each call, unless it is to have settings of its own."""
        if settings:
            return self._new_client(service, settings)
        if service not in self.made:
            self.made[service] = self._new_client(service, settings)
        return self.made[service]

    def _new_client(self, service: str, settings: dict[str, Any]) -> Any:
        session = shared_session(threading.get_ident())
        config = Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=50, **settings)
        return session.client(service, endpoint_url=self.endpoint, config=config)

    def make_function(self, name: str, source: str, **settings: Any) -> str:
        """Creates the function `handler.handle`; its name."""
        self.client("lambda").create_function(
            **{
                "FunctionName": name,
                "Runtime": "python3.13",
                "Role": ROLE,
                "Handler": "handler.handle",
                "Code": {"ZipFile": zipped(source)},
                "MemorySize": 256,
                "Timeout": 10,
                **settings,
            }
        )
        return name

    def make_recorder(self, name: str, source: str = RECORDER, **variables: str) -> Calls:
        calls = Calls(self.folder / f"{name}.jsonl")
        self.make_function(name, source, Environment={"Variables": {"OUT": str(calls.file), **variables}})
        return calls

    def invoke(self, name: str, event: Any = None, **settings: Any) -> Any:
        """The answer of a function that does not fail."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **settings)
        content = json.load(answer["Payload"])
        assert "FunctionError" not in answer, content
        return content

    def failure(self, name: str, event: Any = None) -> Any:
        """The error of a function that fails."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        assert answer["FunctionError"] == "Unhandled"
        return json.load(answer["Payload"])

    def make_stream(self, name: str, shards: int = 1) -> str:
        kinesis = self.client("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=shards)
        arn: str = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
        return arn

    def put(self, stream: str, *data: str, key: str | None = None) -> None:
        """Puts records, of one key or each of its own."""
        records = [{"Data": each.encode(), "PartitionKey": key or each} for each in data]
        assert self.client("kinesis").put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0

    def make_mapping(self, stream_arn: str, function: str, **settings: Any) -> str:
        """Creates a mapping and waits until it reads; its id."""
        created = self.client("lambda").create_event_source_mapping(
            EventSourceArn=stream_arn, FunctionName=function, **{"StartingPosition": "TRIM_HORIZON", **settings}
        )
        key: str = created["UUID"]
        self.wait_for_state(key, "Enabled")
        return key

    def wait_for_state(self, key: str, state: str) -> None:
        mappings = self.client("lambda")
        wait_until(lambda: mappings.get_event_source_mapping(UUID=key)["State"] == state or None)

    def log_lines(self, function: str) -> list[list[str]]:
        """The lines of each stream of the function's log, oldest stream first."""
        logs, group = self.client("logs"), f"/aws/lambda/{function}"
        try:
            streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        except ClientError:
            return []
        return [
            [
                event["message"]
                for event in logs.get_log_events(
                    logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
                )["events"]
            ]
            for stream in sorted(streams, key=lambda stream: stream["creationTime"])
        ]


@pytest.fixture
def aws(platform: Platform, tmp_path: Path) -> Aws:
    return Aws(platform.endpoint, tmp_path)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Of whatever the test makes."""
    test: str = request.node.name
    return test.replace("[", "-").rstrip("]")[:60]
