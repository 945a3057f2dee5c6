"""What a batch of counts leaves in the table and which mails it sends, however often and in whatever order it comes."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest

from .conftest import NOON, Handle, Resources, batch, count, failures, surge

# Of the reserved range.
DRILL_USER = 9_100_000_000_009


def windows(resources: Resources, user: int) -> dict[str, tuple[str, Decimal | int]]:
    return {
        sk.removeprefix("window#"): (item["kind"], item["num_actions_per_watermark"])
        for sk, item in resources.items(f"user#{user}").items()
        if sk.startswith("window#")
    }


def test_a_count_is_stored_with_its_window(handle: Handle, resources: Resources) -> None:
    assert failures(handle(batch(count(1, 3), count(2, 4, kind="early")))) == []
    assert windows(resources, 1) == {"2019-11-01T12:00:00.000Z": ("final", 3)}
    assert windows(resources, 2) == {"2019-11-01T12:00:00.000Z": ("early", 4)}
    item = resources.items("user#1")["window#2019-11-01T12:00:00.000Z"]
    assert (item["user_id"], item["window_end"]) == (1, "2019-11-01T12:00:10.000Z")
    assert abs(int(item["expires_at"]) - datetime.now(UTC).timestamp() - 7 * 86_400) < 60
    assert resources.sent() == []


def test_a_final_count_takes_the_place_of_an_early_one_and_never_the_other_way(
    handle: Handle, resources: Resources
) -> None:
    early, final = count(1, 11, kind="early"), count(1, 40)
    for rows in ([early], [final], [early], [final, early], [early, final]):
        assert failures(handle(batch(*rows))) == []
        expected = ("early", 11) if rows == [early] and windows(resources, 1) == {} else None
        assert expected is None or windows(resources, 1)
    assert windows(resources, 1) == {"2019-11-01T12:00:00.000Z": ("final", 40)}
    assert len(resources.sent()) == 1


def test_more_than_the_threshold_is_mailed_and_the_threshold_is_not(handle: Handle, resources: Resources) -> None:
    handle(batch(count(1, 10), count(2, 11)))
    (mail,) = resources.sent()
    assert mail["Subject"] == "[WARNING] User 2 acted 11 times in 10 s"
    assert "Threshold:   10" in mail["Message"]
    assert "episode" not in resources.items("user#1")
    assert resources.items("user#2")["episode"]["told"] is True


def test_a_batch_that_comes_three_times_and_out_of_order_is_mailed_once(handle: Handle, resources: Resources) -> None:
    rows = [count(1, 12 + place, NOON + timedelta(seconds=10 * place)) for place in range(5)]
    rows += [count(1, 11, NOON, kind="early"), count(2, 3)]
    for seed in range(3):
        shuffled = random.Random(seed).sample(rows, len(rows))
        assert failures(handle(batch(*shuffled))) == []
    assert len(resources.sent()) == 1
    assert {kind for kind, _ in windows(resources, 1).values()} == {"final"}
    assert sorted(actions for _, actions in windows(resources, 1).values()) == [12, 13, 14, 15, 16]


def test_a_batch_that_comes_again_after_the_cooldown_is_not_mailed_again(
    start: Callable[..., Handle], resources: Resources
) -> None:
    handle = start(COOLDOWN_SECONDS="1")
    rows = batch(count(1, 20), count(1, 30, NOON + timedelta(hours=1)))
    handle(rows)
    assert len(resources.sent()) == 1
    wait_until_over(resources, "user#1")
    handle(rows)
    assert resources.sent() == []


def test_an_attack_after_the_cooldown_is_mailed_again(start: Callable[..., Handle], resources: Resources) -> None:
    handle = start(COOLDOWN_SECONDS="1")
    handle(batch(count(1, 20)))
    wait_until_over(resources, "user#1")
    handle(batch(count(1, 20, NOON + timedelta(minutes=1))))
    assert len(resources.sent()) == 2


def test_an_attack_that_goes_on_is_one_episode(handle: Handle, resources: Resources) -> None:
    for place in range(20):
        handle(batch(count(1, 50, NOON + timedelta(seconds=10 * place))))
    assert len(resources.sent()) == 1
    assert len(windows(resources, 1)) == 20


@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_that_are_an_hour_off_make_no_second_mail(handle: Handle, resources: Resources, hours: int) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    handle(batch(count(1, 20, now)))
    handle(batch(count(1, 20, now + timedelta(hours=hours))))
    assert len(resources.sent()) == 1
    assert len(windows(resources, 1)) == 2


def test_the_early_count_is_mailed_and_the_final_one_not(handle: Handle, resources: Resources) -> None:
    handle(batch(count(1, 11, kind="early")))
    (mail,) = resources.sent()
    assert mail["Subject"] == "[WARNING] User 1 acted 11+ times in 10 s"
    handle(batch(count(1, 300)))
    assert resources.sent() == []


def test_many_users_of_a_batch_share_a_mail_that_lists_them(handle: Handle, resources: Resources) -> None:
    handle(batch(*(count(user, 11 + user) for user in range(1, 101))))
    (mail,) = resources.sent()
    assert mail["Subject"] == "[HIGH] 100 users acted more than 10 times in 10 s"
    assert all(f"\n{user} " in mail["Message"] for user in range(1, 101))
    assert all(resources.items(f"user#{user}")["episode"]["told"] for user in (1, 50, 100))


def test_what_is_over_the_minutes_mails_comes_together(start: Callable[..., Handle], resources: Resources) -> None:
    """However many the minute turns over meanwhile: each user is in one mail."""
    handle = start(MAILS_PER_MINUTE="2")
    for user in range(1, 11):
        assert failures(handle(batch(count(user, 20)))) == []
    at_once = resources.sent()
    assert 2 <= len(at_once) <= 4
    digests = due_digests(resources)
    for place, digest in enumerate(digests):
        assert failures(handle(message({"digest": digest}, place))) == []
    together = resources.sent()
    text = "".join(mail["Message"] for mail in [*at_once, *together])
    assert len(together) <= 2
    for user in range(1, 11):
        listed = re.findall(rf"^(?:User:        {user}$|{user} +\d)", text, re.MULTILINE)
        assert len(listed) == 1, (user, text)


def test_an_allowed_user_is_stored_and_not_mailed(handle: Handle, resources: Resources) -> None:
    table = boto3.resource("dynamodb", endpoint_url=resources.endpoint).Table(resources.table)
    past = int(datetime.now(UTC).timestamp()) - 1
    table.put_item(Item={"pk": "allowed", "sk": "user#1", "reason": "our own monitoring"})
    table.put_item(Item={"pk": "allowed", "sk": "user#2", "reason": "a partner, until then", "expires_at": past})
    handle(batch(count(1, 500), count(2, 500)))
    (mail,) = resources.sent()
    assert "User 2" in mail["Subject"]
    assert len(windows(resources, 1)) == 1
    assert "episode" not in resources.items("user#1")


def test_whom_the_operator_blocked_or_took_off_by_hand_is_alerted_like_any_other(
    handle: Handle, resources: Resources
) -> None:
    """The runbook's commands make the item of a user who has no episode yet."""
    table = boto3.resource("dynamodb", endpoint_url=resources.endpoint).Table(resources.table)
    tomorrow = int(datetime.now(UTC).timestamp()) + 86_400
    by_hand = {"blocked": "yes", "blocked_until": tomorrow, "expires_at": tomorrow}
    table.put_item(Item={"pk": "user#1", "sk": "episode", "user_id": 1, **by_hand})
    table.put_item(Item={"pk": "user#2", "sk": "episode"})
    assert failures(handle(batch(count(1, 20), count(2, 20)))) == []
    (mail,) = resources.sent()
    assert "2 users" in mail["Subject"]
    first, second = (resources.items(f"user#{user}")["episode"] for user in (1, 2))
    assert {name: first[name] for name in by_hand} == by_hand, "the operator's block is longer than an alert's"
    assert first["told"] is second["told"] is True
    assert abs(int(second["blocked_until"]) - datetime.now(UTC).timestamp() - 3600) < 60


def test_the_block_list_and_the_worst_users_can_be_queried(handle: Handle, resources: Resources) -> None:
    """As docs/runbook.md says. A drill's user is blocked until the drill cleans up, and is never among the worst."""
    handle(batch(count(1, 500), count(2, 20), count(3, 9), count(DRILL_USER, 25)))
    table = boto3.resource("dynamodb", endpoint_url=resources.endpoint).Table(resources.table)
    blocked = table.query(
        IndexName="block-list",
        KeyConditionExpression="blocked = :yes AND blocked_until > :now",
        ExpressionAttributeValues={":yes": "yes", ":now": int(datetime.now(UTC).timestamp())},
    )["Items"]
    assert {(int(item["user_id"]), item["severity"]) for item in blocked} == {
        (1, "CRITICAL"),
        (2, "WARNING"),
        (DRILL_USER, "WARNING"),
    }
    worst = table.query(
        IndexName="worst-users-of-day",
        KeyConditionExpression="utc_day = :day",
        ExpressionAttributeValues={":day": "2019-11-01"},
        ScanIndexForward=False,
        Limit=10,
    )["Items"]
    assert [(int(item["user_id"]), int(item["num_actions_per_watermark"])) for item in worst] == [(1, 500), (2, 20)]


def test_a_surge_of_the_traffic_is_mailed_once_whatever_shows_it(handle: Handle, resources: Resources) -> None:
    handle(batch(surge(1000), surge(1100, signal="events")))
    handle(batch(surge(1000), surge(900, NOON + timedelta(seconds=5)), first=10))
    (mail,) = resources.sent()
    assert mail["Subject"].startswith("[CRITICAL] 1000 new users in 5 s, usually 4.5") or mail["Subject"].startswith(
        "[CRITICAL] 1100 events in 5 s, usually 4.5"
    )
    assert "Nobody is blocked" in mail["Message"]
    assert len([sk for sk in resources.items("traffic") if sk.startswith("window#")]) == 3


def wait_until_over(resources: Resources, subject: str) -> None:
    """Until the clock has passed the end of the cooldown that is written in the episode."""
    quiet_until = datetime.fromisoformat(resources.items(subject)["episode"]["quiet_until"])
    while datetime.now(UTC) <= quiet_until:
        pass


def due_digests(resources: Resources) -> list[str]:
    """The bodies of the messages in the mail queue, which are delayed until the minute is over."""
    table = boto3.resource("dynamodb", endpoint_url=resources.endpoint).Table(resources.table)
    found = table.scan(ConsistentRead=True)["Items"]
    return sorted({item["pk"] for item in found if item["pk"].startswith("digest#")})


def message(body: dict[str, object], place: int) -> dict[str, list[dict[str, object]]]:
    """As Lambda's mapping gives a message of a queue."""
    return {
        "Records": [
            {
                "messageId": f"message-{place}",
                "receiptHandle": "none",
                "body": json.dumps(body),
                "attributes": {},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:mails",
                "awsRegion": "us-east-1",
            }
        ]
    }
