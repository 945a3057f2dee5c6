"""Leases of digests: given back when the work is done, by their holder alone, and ended by time when it was killed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from tests.faults import Faults

from .conftest import Handle, Resources, batch, count, failures
from .test_alerting import due_digests, message


@pytest.fixture
def faults(resources: Resources) -> Iterator[Faults]:
    asked = Faults(resources.endpoint)
    yield asked
    asked.clear()


@pytest.fixture
def waiting(start: Callable[..., Handle], resources: Resources, faults: Faults) -> tuple[Handle, str]:
    """The function with a digest of three alerts that SNS has refused, each with a message of its own."""
    handle = start()
    faults.ask("sns", "Publish", "InternalError", status=500)
    for user in (1, 2, 3):
        assert failures(handle(batch(count(user, 50)))) == []
    faults.clear()
    digest, *later = due_digests(resources)
    # The minute may have turned over in between.
    for place, name in enumerate(later):
        assert failures(handle(message({"digest": name}, 100 + place))) == []
    return handle, digest


def lease(resources: Resources, digest: str) -> dict[str, Any]:
    return resources.items(digest).get("lease", {})


def hold(resources: Resources, digest: str, until: float) -> None:
    table = boto3.resource("dynamodb", endpoint_url=resources.endpoint).Table(resources.table)
    table.put_item(Item={"pk": digest, "sk": "lease", "held_by": "another", "held_until": int(until)})


def test_the_messages_of_a_minute_are_done_one_after_the_other_without_a_wait(
    waiting: tuple[Handle, str], resources: Resources
) -> None:
    handle, digest = waiting
    for place in range(3):
        assert failures(handle(message({"digest": digest}, place))) == []
        assert "held_by" not in lease(resources, digest)
    text = "".join(mail["Message"] for mail in resources.sent())
    assert all(f"{user} " in text or f"{user}\n" in text for user in (1, 2, 3))


def test_a_digest_that_fails_lets_the_next_message_in(
    waiting: tuple[Handle, str], resources: Resources, faults: Faults
) -> None:
    handle, digest = waiting
    resources.sent()
    faults.ask("sns", "Publish", "InternalError", status=500)
    assert failures(handle(message({"digest": digest}, 1))) == ["message-1"]
    assert "held_by" not in lease(resources, digest)
    faults.clear()
    assert failures(handle(message({"digest": digest}, 2))) == []
    assert len(resources.sent()) == 1


def test_another_s_lease_is_respected_until_it_ends_and_is_never_given_back(
    waiting: tuple[Handle, str], resources: Resources
) -> None:
    handle, digest = waiting
    resources.sent()
    hold(resources, digest, time.time() + 60)
    assert failures(handle(message({"digest": digest}, 1))) == ["message-1"]
    assert lease(resources, digest)["held_by"] == "another"
    assert resources.sent() == []
    hold(resources, digest, time.time() - 1)
    assert failures(handle(message({"digest": digest}, 1))) == []
    assert len(resources.sent()) == 1


def test_who_was_overtaken_does_not_give_back_the_lease_of_the_next(
    waiting: tuple[Handle, str], resources: Resources
) -> None:
    """As when a host sleeps for longer than its lease."""
    handle, digest = waiting
    client = sys.modules["ecomm_detect_high_event_volume.handler"].mailer._sns
    overtake = lambda **_: hold(resources, digest, time.time() + 60)  # noqa: E731
    client.meta.events.register("before-send.sns.Publish", overtake)
    assert failures(handle(message({"digest": digest}, 1))) == []
    client.meta.events.unregister("before-send.sns.Publish", overtake)
    assert lease(resources, digest)["held_by"] == "another"


def test_a_message_that_is_delivered_twice_at_once_is_one_mail(
    waiting: tuple[Handle, str], resources: Resources
) -> None:
    """Two invocations with the same message id: the id does not tell them apart."""
    _, digest = waiting
    resources.sent()
    client = sys.modules["ecomm_detect_high_event_volume.handler"].mailer._sns
    client.meta.events.register("before-send.sns.Publish", lambda **_: time.sleep(1))
    send = sys.modules["ecomm_detect_high_event_volume.handler"].mailer.send_digest
    deadline = sys.modules["ecomm_detect_high_event_volume.deadline"].Deadline(lambda: 30_000)

    def attempt(_: int) -> str:
        try:
            return str(send(digest, deadline))
        except Exception as error:
            return type(error).__name__

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(attempt, range(2)))
    assert outcomes == ["1", "DigestBusyError"]
    assert len(resources.sent()) == 1


def test_a_lease_is_longer_than_the_invocation_can_run(waiting: tuple[Handle, str], resources: Resources) -> None:
    """Whatever the function's time-out is."""
    handle, digest = waiting
    client = sys.modules["ecomm_detect_high_event_volume.handler"].mailer._sns
    until: list[float] = []
    note = lambda **_: until.append(float(lease(resources, digest)["held_until"]))  # noqa: E731
    client.meta.events.register("before-send.sns.Publish", note)
    begun = time.time()
    assert failures(handle(message({"digest": digest}, 1), milliseconds=120_000)) == []
    assert begun + 120 <= until[0] <= begun + 140


def test_a_mail_that_sns_refuses_leaves_its_place_in_the_minute_to_another(
    start: Callable[..., Handle], resources: Resources, faults: Faults
) -> None:
    handle = start(MAILS_PER_MINUTE="1")
    # Both in one minute.
    while time.time() % 60 > 50:
        time.sleep(1)
    faults.ask("sns", "Publish", "InternalError", status=500)
    assert failures(handle(batch(count(1, 50)))) == []
    faults.clear()
    assert failures(handle(batch(count(2, 50)))) == []
    (mail,) = resources.sent()
    assert "User 2 " in mail["Subject"]
