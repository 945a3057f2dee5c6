"""A stream or a queue that is read again mails no one about a window that was mailed, whatever is left in the table."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.conftest import ROOT

from .conftest import NOON, Handle, Resources, batch, count, failures, record, surge
from .test_alerting import due_digests, message, wait_until_over

ROWS = (count(1, 11, kind="early"), count(1, 40), count(1, 60, NOON + timedelta(seconds=10)), count(2, 3), surge(1000))


def expire(resources: Resources, *subjects: str) -> None:
    """Removes what the time to live removes first: counts and episodes."""
    table = boto3.resource("dynamodb", endpoint_url=resources.endpoint).Table(resources.table)
    for subject in subjects:
        for name in resources.items(subject):
            if name == "episode" or name.startswith("window#"):
                table.delete_item(Key={"pk": subject, "sk": name})


@pytest.mark.parametrize("removed", [False, True], ids=["kept", "removed"])
def test_a_replay_after_the_cooldown_mails_no_one_and_blocks_no_one(
    start: Callable[..., Handle], resources: Resources, removed: bool
) -> None:
    handle = start(COOLDOWN_SECONDS="1")
    assert failures(handle(batch(*ROWS))) == []
    assert len(resources.sent()) == 1
    wait_until_over(resources, "user#1")
    if removed:
        expire(resources, "user#1", "traffic")
    for _ in range(2):
        assert failures(handle(batch(*ROWS, first=1000))) == []
    assert resources.sent() == []
    assert due_digests(resources) == []
    assert ("episode" in resources.items("user#1")) is not removed


def test_a_final_count_that_comes_after_the_items_are_gone_mails_no_one(handle: Handle, resources: Resources) -> None:
    handle(batch(count(1, 11, kind="early")))
    assert len(resources.sent()) == 1
    expire(resources, "user#1")
    assert failures(handle(batch(count(1, 25)))) == []
    assert resources.sent() == []
    assert "episode" not in resources.items("user#1")


def test_a_digest_whose_mail_was_sent_is_not_sent_again_without_the_episode(
    start: Callable[..., Handle], resources: Resources
) -> None:
    handle = start(MAILS_PER_MINUTE="1")
    for user in range(1, 6):
        handle(batch(count(user, 20)))
    digests = due_digests(resources)
    assert digests
    table = boto3.resource("dynamodb", endpoint_url=resources.endpoint).Table(resources.table)
    kept = [item for digest in digests for item in resources.items(digest).values() if "alert" in item]
    for place, digest in enumerate(digests):
        assert failures(handle(message({"digest": digest}, place))) == []
    resources.sent()
    expire(resources, *(f"user#{user}" for user in range(1, 6)))
    # As when the function is cut off between the mail and the removal, and its message is redriven days later.
    for item in kept:
        table.put_item(Item=item)
    for place, digest in enumerate(digests):
        assert failures(handle(message({"digest": digest}, place))) == []
    assert resources.sent() == []


def test_a_record_older_than_the_memory_is_stored_and_raises_no_alert(handle: Handle, resources: Resources) -> None:
    """A stream can keep a year; no one knows any more whether its window was mailed."""
    old = datetime.now(UTC) - timedelta(days=14, minutes=1)
    event = {"Records": [record(json.dumps(count(1, 50)).encode(), 1, old)]}
    assert failures(handle(event)) == []
    assert resources.sent() == []
    assert set(resources.items("user#1")) == {"window#2019-11-01T12:00:00.000Z"}


def test_the_memory_outlives_the_queues(handle: Handle, resources: Resources) -> None:
    template = (ROOT / "infra" / "detection.yaml").read_text()
    longest = max(map(int, re.findall(r"MessageRetentionPeriod: (\d+)", template)))
    handle(batch(count(1, 50)))
    marks: dict[str, Any] = {
        name: item for name, item in resources.items("user#1").items() if name.startswith(("mailed#", "handled#"))
    }
    assert sorted(marks) == ["handled#2019-11-01T12:00:00.000Z", "mailed#2019-11-01T12:00:00.000Z"]
    now = datetime.now(UTC).timestamp()
    assert all(int(item["expires_at"]) > now + longest for item in marks.values())
