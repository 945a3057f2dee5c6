"""Queues: delays, time-outs, redrive, waiting, what is measured of them, and what outlives the process."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Platform, start_platform, stop_platform
from tests.local.aws import client, deploy, refusal, remove
from tests.waiting import wait_until


@pytest.fixture
def sqs(platform: Platform) -> Any:
    return client(platform, "sqs")


def make(sqs: Any, name: str, **attributes: str) -> str:
    url: str = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def arn(sqs: Any, url: str) -> str:
    found: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return found


def counts(sqs: Any, url: str) -> tuple[int, int, int]:
    """Visible, delayed and in flight."""
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    names = ("", "Delayed", "NotVisible")
    visible, delayed, taken = (int(found[f"ApproximateNumberOfMessages{name}"]) for name in names)
    return visible, delayed, taken


def receive(sqs: Any, url: str, **options: Any) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], **options
    ).get("Messages", [])
    return messages


def test_messages_wait_as_long_as_they_or_their_queue_say(sqs: Any) -> None:
    url = make(sqs, "delays", DelaySeconds="2")
    sqs.send_message(QueueUrl=url, MessageBody="at once", DelaySeconds=0)
    begun = time.monotonic()
    sqs.send_message(QueueUrl=url, MessageBody="later")
    assert counts(sqs, url) == (1, 1, 0)
    assert [one["Body"] for one in receive(sqs, url)] == ["at once"]
    assert [one["Body"] for one in receive(sqs, url, WaitTimeSeconds=5)] == ["later"]
    assert time.monotonic() - begun >= 1.9


def test_a_message_that_is_not_deleted_comes_again_and_then_goes_to_the_failed(sqs: Any) -> None:
    failed = make(sqs, "redrive-failed")
    policy = json.dumps({"deadLetterTargetArn": arn(sqs, failed), "maxReceiveCount": 2})
    url = make(sqs, "redrive", VisibilityTimeout="3", RedrivePolicy=policy)
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    for count in ("1", "2"):
        (message,) = receive(sqs, url, WaitTimeSeconds=5)
        assert message["Attributes"]["ApproximateReceiveCount"] == count
        assert counts(sqs, url) == (0, 0, 1)
    assert receive(sqs, url, WaitTimeSeconds=5) == []
    (message,) = receive(sqs, failed)
    assert message["Body"] == "poison"
    sqs.delete_message(QueueUrl=failed, ReceiptHandle=message["ReceiptHandle"])
    assert counts(sqs, failed) == (0, 0, 0)


def test_a_handle_that_is_out_of_date_deletes_nothing_and_is_no_error(sqs: Any) -> None:
    url = make(sqs, "handles")
    sqs.send_message(QueueUrl=url, MessageBody="m")
    (first,) = receive(sqs, url, VisibilityTimeout=0)
    (second,) = receive(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert counts(sqs, url) == (0, 0, 1)
    for _ in range(2):
        entries = [{"Id": "one", "ReceiptHandle": second["ReceiptHandle"]}]
        assert [one["Id"] for one in sqs.delete_message_batch(QueueUrl=url, Entries=entries)["Successful"]] == ["one"]
    assert counts(sqs, url) == (0, 0, 0)
    assert refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle="never given")[0] == "ReceiptHandleIsInvalid"


def test_who_waits_for_a_message_gets_it_at_once_and_holds_nobody_up(platform: Platform, sqs: Any) -> None:
    url = make(sqs, "waiting")
    found: list[tuple[float, list[Any]]] = []

    def wait() -> None:
        messages = receive(client(platform, "sqs"), url, WaitTimeSeconds=20)
        found.append((time.monotonic(), messages))

    waiting = threading.Thread(target=wait)
    waiting.start()
    for _ in range(20):
        begun = time.monotonic()
        sqs.list_queues()
        assert time.monotonic() - begun < 10
    sqs.send_message(QueueUrl=url, MessageBody="m")
    sent = time.monotonic()
    waiting.join()
    ((at, messages),) = found
    assert [one["Body"] for one in messages] == ["m"]
    assert at - sent < 10


def test_a_queue_is_measured_each_minute(platform: Platform, sqs: Any) -> None:
    url = make(sqs, "measured")
    # All of it is of one minute, which is what is measured.
    if (left := 60 - time.time() % 60) < 10:
        time.sleep(left + 0.5)
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="m")
    receive(sqs, url, VisibilityTimeout=0)
    cloudwatch = client(platform, "cloudwatch")

    def measured(name: str, statistic: str) -> float | None:
        now = time.time()
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName=name,
            Dimensions=[{"Name": "QueueName", "Value": "measured"}],
            StartTime=now - 300,
            EndTime=now,
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
        return points[-1][statistic] if points else None

    assert wait_until(lambda: measured("ApproximateNumberOfMessagesVisible", "Maximum"), seconds=90) == 3
    assert 0 <= (measured("ApproximateAgeOfOldestMessage", "Maximum") or 0) < 90
    assert measured("NumberOfMessagesSent", "Sum") == 3
    assert measured("NumberOfMessagesReceived", "Sum") == 3


def test_a_template_makes_changes_and_removes_queues(platform: Platform, sqs: Any) -> None:
    def resources(**settings: Any) -> dict[str, Any]:
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}],
        }
        redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Failed", "Arn"]}, "maxReceiveCount": {"Ref": "Receives"}}
        return {
            "Failed": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "template-failed"}},
            "Mails": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": "template-mails", "RedrivePolicy": redrive, **settings},
            },
            "Policy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {"Queues": [{"Ref": "Mails"}], "PolicyDocument": policy},
            },
        }

    url = deploy(platform, "queue-stack", resources(VisibilityTimeout={"Ref": "Receives"}), Receives="5")["Mails"]
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "5"
    assert int(json.loads(attributes["RedrivePolicy"])["maxReceiveCount"]) == 5
    assert "sqs:SendMessage" in attributes["Policy"]
    deploy(platform, "queue-stack", resources(MessageRetentionPeriod=1209600), Receives="7")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (attributes["VisibilityTimeout"], attributes["MessageRetentionPeriod"]) == ("30", "1209600")
    assert [one["Body"] for one in receive(sqs, url)] == ["kept"]
    remove(platform, "queue-stack")
    assert not sqs.list_queues(QueueNamePrefix="template-").get("QueueUrls")


def test_messages_outlive_stops_and_kills(tmp_path: Path) -> None:
    platform = start_platform(tmp_path)
    try:
        sqs, sns = client(platform, "sqs"), client(platform, "sns")
        url = make(sqs, "kept")
        topic = sns.create_topic(Name="kept")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn(sqs, url), Attributes={"RawMessageDelivery": "true"})
        sent: list[str] = []
        for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
            sent += [f"{len(sent)} alone", f"{len(sent)} of a batch", f"{len(sent)} published"]
            sqs.send_message(QueueUrl=url, MessageBody=sent[-3], DelaySeconds=1)
            sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "one", "MessageBody": sent[-2]}])
            sns.publish(TopicArn=topic, Message=sent[-1])
            stop_platform(platform, how)
            platform = start_platform(tmp_path)
            sqs, sns = client(platform, "sqs"), client(platform, "sns")
            url = sqs.get_queue_url(QueueName="kept")["QueueUrl"]
            # What a queue and a topic are is saved within a second or so, unlike what is sent to them.
            wait_until((tmp_path / "aws" / "state" / "sns.json").exists)
        bodies: list[str] = []
        while len(bodies) < len(sent):
            bodies += wait_until(lambda: [one["Body"] for one in receive(sqs, url)])
        assert sorted(bodies) == sorted(sent)
    finally:
        stop_platform(platform)
