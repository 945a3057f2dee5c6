"""Event source mappings of SQS queues: what a function has not worked off comes again, then to the dead letters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.function.conftest import Aws, Calls
from tests.local.function.test_mappings import make_queue, receive
from tests.waiting import wait_until

RECEIVER = """
import json, os

def handle(event, context):
    bodies = [record["body"] for record in event["Records"]]
    with open(os.environ["OUT"], "a") as out:
        out.write(json.dumps({"records": [{"data": body} for body in bodies]}) + "\\n")
    if "raise" in bodies:
        raise ValueError
    failed = [record["messageId"] for record in event["Records"] if record["body"] == "fails"]
    if "unknown" in bodies:
        failed = ["none"]
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
"""


def make(aws: Aws, name: str, **settings: Any) -> tuple[Calls, str, str]:
    """A recorder that gets the messages of a queue; the addresses of the queue and of that of its dead letters."""
    calls = aws.make_recorder(name, RECEIVER)
    aws.client("lambda").update_function_configuration(FunctionName=name, Timeout=3)
    # A process is there then: its start on a busy machine may outlast the time for which a message is hidden.
    aws.invoke(name, {"Records": []})
    dead, dead_arn = make_queue(aws, f"{name}-dead")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    queue, arn = make_queue(aws, name, VisibilityTimeout="5", RedrivePolicy=redrive)
    key = aws.client("lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName=name, FunctionResponseTypes=["ReportBatchItemFailures"], **settings
    )["UUID"]
    aws.wait_for_state(key, "Enabled")
    return calls, queue, dead


def test_messages_that_failed_come_again_and_then_to_the_dead_letters(aws: Aws, name: str) -> None:
    calls, queue, dead = make(aws, name, BatchSize=10)
    sqs = aws.client("sqs")
    entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(["a", "fails", "b"])]
    sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert wait_until(lambda: body_of(sqs, dead)) == "fails"
    assert calls.data.count("fails") == 2
    assert sorted(set(calls.data)) == ["a", "b", "fails"]
    assert (calls.data.count("a"), calls.data.count("b")) == (1, 1)
    assert receive(aws, queue) is None


@pytest.mark.parametrize("body", ["raise", "unknown"])
def test_a_failed_batch_comes_again_as_a_whole(aws: Aws, name: str, body: str) -> None:
    calls, queue, dead = make(aws, name, BatchSize=10)
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody=body)
    assert wait_until(lambda: body_of(sqs, dead)) == body
    assert calls.data == [body, body]


def test_a_delayed_message_comes_when_its_time_is_over(aws: Aws, name: str) -> None:
    calls, queue, _ = make(aws, name)
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=2)
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="now")
    assert calls.wait_for(2) == ["now", "later"]


def test_a_queue_must_hide_messages_for_as_long_as_the_function_may_take(aws: Aws, name: str) -> None:
    aws.make_recorder(name, RECEIVER)
    _, arn = make_queue(aws, name, VisibilityTimeout="5")
    with pytest.raises(ClientError, match="Queue visibility timeout: 5 seconds is less than Function timeout: 10"):
        aws.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=name)


def body_of(sqs: Any, queue: str) -> str | None:
    for message in sqs.receive_message(QueueUrl=queue).get("Messages", []):
        return str(message["Body"])
    return None
