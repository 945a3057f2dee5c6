"""Messages of the queues of mails and receipts: what no retry would mend goes to the queue of failures at once."""

from __future__ import annotations

import json

import pytest

from .conftest import Handle, Resources, failures
from .test_alerting import message

MALFORMED = {
    "no JSON": ("digest#29412345", "It is not JSON"),
    "empty": ("", "It is not JSON"),
    "a list": ("[]", "It is no JSON object."),
    "a number": ("5", "It is no JSON object."),
    "nested without end": ("[" * 100_000, "It is not JSON"),
    "another service's": ('{"Records": []}', "Its digest is None"),
    "digest is a number": ('{"digest": 29412345}', "Its digest is 29412345"),
    "digest is another item's": ('{"digest": "user#512"}', "Its digest is 'user#512'"),
    "receipt of a number": (
        json.dumps({"Type": "Notification", "MessageAttributes": {"episodes": {"Type": "Number", "Value": "5"}}}),
        "Its attribute episodes is no list of pairs",
    ),
    "receipt without a value": (
        json.dumps({"Type": "Notification", "MessageAttributes": {"episodes": {}}}),
        "Its attribute episodes is no list of pairs",
    ),
    "receipt of numbers": (
        json.dumps({"Type": "Notification", "MessageAttributes": {"episodes": {"Value": "[[1, 2]]"}}}),
        "has a pair that is not of strings",
    ),
}


@pytest.mark.parametrize(("body", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_a_message_that_cannot_be_read_is_put_aside_at_once(
    handle: Handle, resources: Resources, body: str, reason: str
) -> None:
    event = message({}, 1)
    event["Records"][0]["body"] = body
    assert failures(handle(event)) == []
    (aside,) = resources.take(resources.failed)
    assert reason in aside["stray"]["reason"]
    assert aside["stray"]["queue"] == "mails"
    assert aside["stray"]["bytes"] == len(body.encode())
    assert body.startswith(aside["stray"]["body"])


def test_the_longest_message_fits_the_queue_of_failures(handle: Handle, resources: Resources) -> None:
    body = "\N{BELL WITH CANCELLATION STROKE}" * (256 * 1024 // 4)
    event = message({}, 1)
    event["Records"][0]["body"] = body
    assert failures(handle(event)) == []
    (aside,) = resources.take(resources.failed)
    assert aside["stray"]["bytes"] == 256 * 1024


def test_what_someone_else_sends_through_the_topic_is_no_receipt_and_no_failure(
    handle: Handle, resources: Resources
) -> None:
    event = message({"Type": "Notification", "Message": "The runbook has moved."}, 1)
    assert failures(handle(event)) == []
    assert resources.take(resources.failed) == []
