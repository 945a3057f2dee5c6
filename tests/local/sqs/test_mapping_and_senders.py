"""A mapping that deletes messages while others are sent loses none of them."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.conftest import Platform
from tests.local.function.conftest import Aws
from tests.waiting import wait_until

SENDERS, MESSAGES = 3, 150

COLLECTS = """
import os

def handle(event, context):
    with open(os.environ["OUT"], "a") as out:
        for record in event["Records"]:
            out.write(record["body"] + "\\n")
"""


def test_every_message_arrives(platform: Platform, tmp_path: Path) -> None:
    aws = Aws(platform.endpoint, tmp_path)
    out = tmp_path / "bodies"
    aws.make_function("collects", COLLECTS, Environment={"Variables": {"OUT": str(out)}})
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="many-senders", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName="collects", BatchSize=10)

    def send(sender: int) -> None:
        client = aws.client("sqs")
        for number in range(MESSAGES):
            client.send_message(QueueUrl=url, MessageBody=f"{sender}-{number}")

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = {f"{sender}-{number}" for sender in range(SENDERS) for number in range(MESSAGES)}
    wait_until(lambda: (out.exists() and set(out.read_text().split()) >= expected) or None)
    assert len(out.read_text().split()) == len(expected)
