"""Fixtures of the function's suite: its table, topic and queues as the template has them, on a real platform.

The suite runs with what Lambda's runtime brings; the function's other packages come from its zip, as on AWS.
"""

from __future__ import annotations

import base64
import importlib
import json
import re
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.conftest import ROOT, Platform

ZIP = ROOT / "lambda" / "ecomm_detect_high_event_volume" / "target" / "function.zip"
TEMPLATE = ROOT / "infra" / "detection.yaml"
# What the function writes to, and the queue that gets a copy of each mail.
RESOURCES = (
    "HighEventVolume",
    "AlertsTopic",
    "AlertCopies",
    "AlertCopiesPolicy",
    "AlertCopiesSubscription",
    "MailReceipts",
    "MailReceiptsPolicy",
    "MailReceiptsSubscription",
    "MailQueue",
    "FailedQueue",
)
HEADER = """\
Parameters:
  Stage: {Type: String}
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
Resources:
"""
OUTPUTS = """\
Outputs:
  Table: {Value: !Ref HighEventVolume}
  Topic: {Value: !Ref AlertsTopic}
  Copies: {Value: !Ref AlertCopies}
  Receipts: {Value: !Ref MailReceipts}
  Mails: {Value: !Ref MailQueue}
  Failed: {Value: !Ref FailedQueue}
"""
THRESHOLD = 10
WINDOW = timedelta(seconds=10)
# Of the day on which the tests' windows are; any will do.
NOON = datetime(2019, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The zip unpacked and before everything else in the search path."""
    folder = tmp_path_factory.mktemp("function")
    with zipfile.ZipFile(ZIP) as archive:
        archive.extractall(folder)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))


def part_of_template() -> str:
    """The template's own text of RESOURCES, and of nothing that runs."""
    resources = TEMPLATE.read_text().partition("\nResources:\n")[2].partition("\nOutputs:\n")[0] + "\n"
    blocks = dict(re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", resources, re.MULTILINE))
    return HEADER + "".join(f"  {name}:\n{blocks[name]}" for name in RESOURCES) + OUTPUTS


@dataclass(frozen=True)
class Resources:
    """What the function is told, and how a test looks at what it did."""

    endpoint: str
    table: str
    topic: str
    copies: str
    receipts: str
    mails: str
    failed: str

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.endpoint)

    def environment(self, **changes: str) -> dict[str, str]:
        return {
            "TABLE_NAME": self.table,
            "TOPIC_ARN": self.topic,
            "MAIL_QUEUE_URL": self.mails,
            "FAILED_QUEUE_URL": self.failed,
            "ALERT_THRESHOLD": str(THRESHOLD),
            "COOLDOWN_SECONDS": "900",
            "BLOCK_SECONDS": "3600",
            "MAILS_PER_MINUTE": "1000",
            "KEEP_DAYS": "7",
            "DASHBOARD_URL": "https://dashboard.example",
            "RUNBOOK_URL": "https://runbook.example",
            "POWERTOOLS_SERVICE_NAME": "ecomm-detect-high-event-volume",
            **changes,
        }

    def items(self, subject: str) -> dict[str, dict[str, Any]]:
        """All items of a user's partition by their sk."""
        table = boto3.resource("dynamodb", endpoint_url=self.endpoint).Table(self.table)
        found = table.query(
            KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": subject}, ConsistentRead=True
        )["Items"]
        return {item["sk"]: item for item in found}

    def take(self, queue: str) -> list[dict[str, Any]]:
        """Every message that the queue gives now, which it forgets."""
        sqs = self.client("sqs")
        taken = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                taken.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def sent(self) -> list[dict[str, Any]]:
        """The mails since the last time, as SNS tells a queue of them: Subject and Message."""
        return self.take(self.copies)


@pytest.fixture
def resources(platform: Platform) -> Iterator[Resources]:
    """A stack of the test's own."""
    stage = f"t{uuid.uuid4().hex[:10]}"
    cloudformation = boto3.client("cloudformation", endpoint_url=platform.endpoint)
    cloudformation.create_stack(
        StackName=stage,
        TemplateBody=part_of_template(),
        Parameters=[{"ParameterKey": "Stage", "ParameterValue": stage}],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stage, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    outputs = cloudformation.describe_stacks(StackName=stage)["Stacks"][0]["Outputs"]
    values = {output["OutputKey"].lower(): output["OutputValue"] for output in outputs}
    yield Resources(platform.endpoint, **values)
    cloudformation.delete_stack(StackName=stage)


class Context:
    """As much of Lambda's context as the function looks at."""

    function_name = "ecomm-detect-high-event-volume"
    function_version = "$LATEST"
    memory_limit_in_mb = "512"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:ecomm-detect-high-event-volume"
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def __init__(self, milliseconds: int) -> None:
        self._end = time.monotonic() + milliseconds / 1000

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round((self._end - time.monotonic()) * 1000))


type Handle = Callable[..., dict[str, Any]]


@pytest.fixture
def start(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Handle]:
    """A function environment as at a cold start; takes variables that differ."""

    def start(**changes: str) -> Handle:
        for name, value in resources.environment(**changes).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", resources.endpoint)
        monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Ecomm/Detection")
        for name in [name for name in sys.modules if name.startswith("ecomm_detect_high_event_volume")]:
            del sys.modules[name]
        handle = importlib.import_module("ecomm_detect_high_event_volume.handler").handle

        def call(event: Mapping[str, Any], milliseconds: int = 30_000) -> dict[str, Any]:
            return handle(event, Context(milliseconds))

        return call

    return start


@pytest.fixture
def handle(start: Callable[..., Handle]) -> Handle:
    return start()


def time_text(moment: datetime) -> str:
    """As Flink writes it."""
    return moment.isoformat().replace("+00:00", "Z")


def count(user: int, actions: int, begin: datetime = NOON, kind: str = "final") -> dict[str, Any]:
    return {
        "user_id": user,
        "num_actions_per_watermark": actions,
        "window_start": time_text(begin),
        "window_end": time_text(begin + WINDOW),
        "kind": kind,
    }


def surge(observed: int, begin: datetime = NOON, signal: str = "new_users", baseline: float = 4.5) -> dict[str, Any]:
    return {
        "kind": "traffic",
        "signal": signal,
        "observed": observed,
        "baseline": baseline,
        "window_start": time_text(begin),
        "window_end": time_text(begin + timedelta(seconds=5)),
    }


def record(data: bytes, sequence: int, arrived: datetime | None = None) -> dict[str, Any]:
    """As Lambda's mapping gives it."""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "key",
            "sequenceNumber": str(sequence),
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": (arrived or datetime.now(UTC)).timestamp(),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/function",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/counts",
    }


def batch(*rows: Mapping[str, Any] | bytes, first: int = 1) -> dict[str, Any]:
    """An event of these rows, with sequence numbers from `first` on."""
    datas = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    return {"Records": [record(data, first + place) for place, data in enumerate(datas)]}


def failures(answer: Mapping[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
