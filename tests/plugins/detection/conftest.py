"""The detection as it is deployed: its stacks on a real platform, with the function in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import ROOT, Platform
from tests.faults import Faults
from tests.principals import OPERATOR, acting_as

STAGE = "redrive"
SECONDS = 60
# Of the day on which the tests' windows are; any will do.
NOON = datetime(2019, 11, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Detection:
    """names: `ecomm.settings` of the stage. table: an output of its stack."""

    platform: Platform
    names: Any
    table: str

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.platform.endpoint)

    @property
    def faults(self) -> Faults:
        return Faults(self.platform.endpoint)

    def queue(self, name: str) -> str:
        return str(self.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    @property
    def failed(self) -> str:
        return self.queue(self.names.failed_queue)

    def put(self, rows: Iterable[Mapping[str, Any] | bytes], key: str | None = None) -> list[dict[str, Any]]:
        """Into stream 2, over all shards where no key is given; with where each is, as PutRecords says."""
        datas = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
        entries = [{"Data": data, "PartitionKey": key or str(place)} for place, data in enumerate(datas)]
        found = []
        for start in range(0, len(entries), 500):
            answer = self.client("kinesis").put_records(
                StreamName=self.names.counts_stream, Records=entries[start : start + 500]
            )
            assert answer["FailedRecordCount"] == 0
            found += answer["Records"]
        return found

    def messages(self, queue: str | None = None) -> dict[str, str]:
        """By id, the bodies of all messages that can be received, which stay so."""
        found: dict[str, str] = {}
        sqs, url = self.client("sqs"), queue or self.failed
        handles = []
        while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30).get(
            "Messages", []
        ):
            found |= {message["MessageId"]: message["Body"] for message in received}
            handles += [message["ReceiptHandle"] for message in received]
        for handle in handles:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return found

    def send(self, *documents: Mapping[str, Any] | str) -> None:
        """Messages into the queue of failures."""
        for document in documents:
            body = document if isinstance(document, str) else json.dumps(document)
            self.client("sqs").send_message(QueueUrl=self.failed, MessageBody=body)

    def items(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Everything in the table, by its keys."""
        table = boto3.resource("dynamodb", endpoint_url=self.platform.endpoint).Table(self.table)
        found: dict[tuple[str, str], dict[str, Any]] = {}
        start: dict[str, Any] = {}
        while True:
            page = table.scan(ConsistentRead=True, **start)
            found |= {(item["pk"], item["sk"]): item for item in page["Items"]}
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def windows(self, users: Iterable[int]) -> dict[int, list[int]]:
        """The counts that are stored of each of these users."""
        items = self.items().items()
        return {
            user: [
                int(item["num_actions_per_watermark"])
                for (pk, sk), item in items
                if pk == f"user#{user}" and sk.startswith("window#")
            ]
            for user in users
        }

    def mails(self) -> list[str]:
        """Texts of the mails since the last time."""
        url, sqs = self.queue(self.names.alert_copies_queue), self.client("sqs")
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                found.append(str(json.loads(message["Body"])["Message"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def mapping(self, **changes: Any) -> None:
        """Changes the mapping of stream 2, and returns when it is as asked."""
        functions = self.client("lambda")
        (found,) = (
            mapping
            for mapping in functions.list_event_source_mappings(FunctionName=self.names.detection_function)[
                "EventSourceMappings"
            ]
            if ":kinesis:" in mapping["EventSourceArn"]
        )
        functions.update_event_source_mapping(UUID=found["UUID"], **changes)
        wait_until(
            lambda: functions.get_event_source_mapping(UUID=found["UUID"])["State"] in ("Enabled", "Disabled"),
            "the mapping has changed",
        )


def wait_until(holds: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """What `holds` gives as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"Not after {seconds} s: {what}."
        time.sleep(0.05)
    return found


def count(user: int, actions: int, begin: datetime = NOON) -> dict[str, Any]:
    """A row of stream 2."""
    end = begin + timedelta(seconds=10)
    window = {"window_start": begin.isoformat(), "window_end": end.isoformat()}
    return {"user_id": user, "num_actions_per_watermark": actions, **window, "kind": "final"}


@pytest.fixture(scope="session")
def deployed(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stage's settings. Its mapping gives a batch up as a whole at the first failure."""
    outputs = tmp_path_factory.mktemp("deployed") / "settings.json"
    command = [sys.executable, "-m", "infra.deploy", "--stage", STAGE, "--yes", "--outputs", str(outputs)]
    environment = {
        "AWS_ENDPOINT_URL": platform.endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return outputs


@pytest.fixture
def detection(platform: Platform, deployed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Detection]:
    """With empty queues and without faults, before and after."""
    from ecomm.settings import settings

    monkeypatch.setenv("AWS_ENDPOINT_URL", platform.endpoint)
    monkeypatch.setenv("ECOMM_STAGE", STAGE)
    monkeypatch.setenv("ECOMM_DEPLOYMENT", str(deployed))
    settings.cache_clear()
    found = Detection(platform, settings(), json.loads(deployed.read_text())["detection_table"])
    found.mapping(MaximumRetryAttempts=0, BisectBatchOnFunctionError=False, Enabled=True)
    yield found
    found.faults.clear()
    for queue in (found.names.failed_queue, found.names.mail_queue, found.names.alert_copies_queue):
        found.client("sqs").purge_queue(QueueUrl=found.queue(queue))
    settings.cache_clear()


@pytest.fixture
def redrive(detection: Detection, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the command; its status, and all that it said."""
    from ecomm.detection.redrive.command import main

    def run(*options: str) -> tuple[int, str]:
        capsys.readouterr()
        with acting_as(OPERATOR):
            status = main(list(options))
        said = capsys.readouterr()
        return status, said.out + said.err

    return run
