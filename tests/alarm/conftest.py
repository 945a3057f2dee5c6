"""The alarm as it is deployed, on a platform of its own: streams, function, table, queues, topic, and its mails."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from local.mail import Mail, mails
from tests.conftest import ROOT, Platform, start_platform, stop_platform
from tests.faults import Faults

ADDRESS = "night@example.com"
CLICKS, COUNTS = "ecommerce-raw-user-activity-stream-1", "ecommerce-raw-user-activity-stream-2"
APPLICATION, FUNCTION = "ecomm-user-activity-counts", "ecomm-detect-high-event-volume"
FAILED = "ecomm-detect-high-event-volume-failed"
THRESHOLD = 10
WINDOW = timedelta(seconds=10)
BEGIN = datetime(2026, 1, 5, 10, tzinfo=UTC)
PATIENCE_SECONDS = 120
# Records and bytes that a put takes at most are 500 and 10 MiB.
PUT_RECORDS = 500

Key = tuple[int, str]
Row = Mapping[str, Any]


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def count(user: int, actions: int, begin: datetime = BEGIN, kind: str = "final") -> Row:
    """A row of stream 2."""
    return {
        "user_id": user,
        "num_actions_per_watermark": actions,
        "window_start": iso(begin),
        "window_end": iso(begin + WINDOW),
        "kind": kind,
    }


def click(user: int, moment: datetime) -> Row:
    """A row of stream 1."""
    return {
        "event_time": f"{moment:%Y-%m-%d %H:%M:%S} UTC",
        "event_type": "view",
        "product_id": 1,
        "category_id": 2053013555631882655,
        "category_code": None,
        "brand": None,
        "price": 1.5,
        "user_id": user,
        "user_session": None,
        "txn_timestamp": iso(moment),
    }


def wait_until(there: Callable[[], bool], what: Callable[[], str], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, what()
        time.sleep(0.2)


@dataclass
class Alarm:
    """The deployed stacks of the stage dev."""

    platform: Platform
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(service, endpoint_url=self.platform.endpoint)
        return self._clients[service]

    # ---- what goes in

    def put(self, stream: str, rows: Iterable[Row | bytes], keys: str = "user_id") -> None:
        records = [
            {"Data": row, "PartitionKey": "none"}
            if isinstance(row, bytes)
            else {"Data": json.dumps(row).encode(), "PartitionKey": str(row[keys])}
            for row in rows
        ]
        for batch in itertools.batched(records, PUT_RECORDS):
            answer = self.client("kinesis").put_records(StreamName=stream, Records=list(batch))
            assert answer["FailedRecordCount"] == 0

    # ---- what comes out

    def items(self) -> list[dict[str, Any]]:
        table = boto3.resource("dynamodb", endpoint_url=self.platform.endpoint).Table("ecomm-high-event-volume")
        found: list[dict[str, Any]] = []
        answer: dict[str, Any] = {}
        while not answer or "LastEvaluatedKey" in answer:
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]} if answer else {}
            answer = table.scan(ConsistentRead=True, **start)
            found += answer["Items"]
        return found

    def windows(self) -> dict[Key, tuple[str, int]]:
        """Kind and count by user and window."""
        return {
            (int(item["user_id"]), item["window_start"]): (item["kind"], int(item["num_actions_per_watermark"]))
            for item in self.items()
            if item["pk"].startswith("user#") and item["sk"].startswith("window#")
        }

    def mails(self, since: int = 0) -> list[Mail]:
        return list(mails(self.platform.var / "mail", ADDRESS))[since:]

    def failed(self) -> list[dict[str, Any]]:
        """What is in the queue of failures; it stays there."""
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=FAILED)["QueueUrl"]
        found = {}
        while messages := [
            message
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get(
                "Messages", []
            )
            if message["MessageId"] not in found
        ]:
            found.update({message["MessageId"]: json.loads(message["Body"]) for message in messages})
        return list(found.values())

    def complete(self, rows: Sequence[Row], since: int) -> None:
        """Waits until every window is stored with its final count, and every attacker of these rows is mailed once.

        since: how many mails there were before.
        """
        expected = {
            (row["user_id"], row["window_start"]): ("final", row["num_actions_per_watermark"])
            for row in rows
            if row["kind"] == "final"
        }
        attackers = {row["user_id"] for row in rows if row["num_actions_per_watermark"] > THRESHOLD}

        def missing() -> list[Any]:
            stored = self.windows()
            return [(key, value, stored.get(key)) for key, value in expected.items() if stored.get(key) != value]

        wait_until(lambda: not missing(), lambda: f"{len(missing())} windows are missing or wrong: {missing()[:5]}")
        wait_until(
            lambda: attackers <= mailed(self.mails(since)).keys(),
            lambda: f"not mailed: {sorted(attackers - mailed(self.mails(since)).keys())}; queue: {self.failed()}",
        )
        users = {row["user_id"] for row in rows}
        twice = {user: times for user, times in mailed(self.mails(since)).items() if user in users and times != 1}
        assert twice == {}
        assert {user for user in mailed(self.mails(since)) if user in users} == attackers

    # ---- what goes wrong

    def children(self) -> list[psutil.Process]:
        """The processes of the platform."""
        return psutil.Process(self.platform.process.pid).children(recursive=True)

    def processes(self) -> list[psutil.Process]:
        """Those of the function."""
        return [child for child in self.children() if "lambda/bin/python" in " ".join(child.cmdline())]

    @property
    def faults(self) -> Faults:
        return Faults(self.platform.endpoint)

    def restart(self, kill: bool) -> None:
        if kill:
            self.platform.process.kill()
            self.platform.process.wait()
        else:
            stop_platform(self.platform)
        self.platform = start_platform(self.platform.var, int(self.platform.endpoint.rpartition(":")[2]))


def mailed(found: Iterable[Mail]) -> Counter[int]:
    """How many mails name each user."""
    named: Counter[int] = Counter()
    for mail in found:
        named.update({int(user) for user in re.findall(r"^(?:User: +)?(\d{3,})(?: +\d+\+?  .*)?$", mail.text(), re.M)})
    return named


@pytest.fixture(scope="session")
def alarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alarm]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "local")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "local")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        found = Alarm(start_platform(tmp_path_factory.mktemp("alarm")))
        try:
            deploy(found.platform, tmp_path_factory.mktemp("settings") / "dev.json")
            yield found
        finally:
            stop_platform(found.platform)


def deploy(platform: Platform, settings: Path) -> None:
    command = [sys.executable, "-m", "infra.deploy", "--yes", "--outputs", str(settings)]
    for parameter in (f"detection.AlertEmail={ADDRESS}", "detection.MailsPerMinute=1000"):
        command += ["--parameter", parameter]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "AWS_ENDPOINT_URL": platform.endpoint}, check=True)


@pytest.fixture(scope="session")
def users() -> Callable[[int], range]:
    """So many users whom no other test has."""
    first = itertools.count(1_000_000, 1_000_000)
    return lambda number: range(start := next(first), start + number)
