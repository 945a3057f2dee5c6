"""What the function makes of a table, a topic or a queue that refuses: the records come again, no mail comes twice."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session

from tests.faults import Faults

from .conftest import NOON, Handle, Resources, batch, count, failures
from .test_alerting import due_digests, message, windows


@pytest.fixture
def faults(resources: Resources) -> Iterator[Faults]:
    asked = Faults(resources.endpoint)
    yield asked
    asked.clear()


def test_throttled_statements_are_tried_again_within_the_invocation(
    handle: Handle, resources: Resources, faults: Faults
) -> None:
    faults.ask("dynamodb", "BatchExecuteStatement", "ThrottlingError", share=0.5, seconds=1)
    rows = [count(user, 3) for user in range(1, 101)] + [count(200, 50)]
    assert failures(handle(batch(*rows))) == []
    assert all(windows(resources, user) for user in range(1, 101))
    assert len(resources.sent()) == 1


def test_a_table_that_goes_on_refusing_names_the_records_that_have_to_come_again(
    handle: Handle, resources: Resources, faults: Faults
) -> None:
    faults.ask("dynamodb", "BatchExecuteStatement", "ThrottlingError")
    event = batch(count(1, 3), count(2, 50), first=7)
    assert failures(handle(event, milliseconds=5_000)) == ["7", "8"]
    assert resources.sent() == []
    faults.clear()
    assert failures(handle(event)) == []
    assert windows(resources, 1)
    assert len(resources.sent()) == 1


def test_calls_that_are_refused_as_a_whole_are_tried_again(
    handle: Handle, resources: Resources, faults: Faults
) -> None:
    faults.ask("dynamodb", "BatchExecuteStatement", "ProvisionedThroughputExceededException", status=400, times=4)
    assert failures(handle(batch(*(count(user, 3) for user in range(1, 60))))) == []
    assert all(windows(resources, user) for user in range(1, 60))


def test_items_that_the_table_leaves_out_of_an_answer_are_asked_for_again(
    handle: Handle, resources: Resources, faults: Faults
) -> None:
    faults.ask("dynamodb", "BatchGetItem", "UnprocessedKeys", times=3)
    assert failures(handle(batch(*(count(user, 50) for user in range(1, 60))))) == []
    assert len(resources.sent()) == 1


def test_a_refused_claim_comes_again_and_is_mailed_once(handle: Handle, resources: Resources, faults: Faults) -> None:
    faults.ask("dynamodb", "UpdateItem", "InternalServerError", status=500)
    event = batch(count(1, 50), count(2, 3))
    assert failures(handle(event, milliseconds=5_000)) == ["1"]
    assert resources.sent() == []
    faults.clear()
    for _ in range(2):
        assert failures(handle(event)) == []
    assert len(resources.sent()) == 1


@pytest.mark.parametrize("noted", [True, False], ids=["with its receipt", "without"])
def test_a_mail_that_was_sent_and_not_noted_is_known_by_its_receipt(
    start: Callable[..., Handle], resources: Resources, noted: bool
) -> None:
    """As when the function is killed after SNS's answer. Without a receipt nobody knows, and the mail goes out."""
    handle = start()
    handle(batch(count(1, 3)))
    event = batch(count(1, 50, NOON + timedelta(seconds=10)))
    # The statement that stores the window is let through, those that note the mail are not.
    mend = break_statements_after(1)
    assert failures(handle(event, milliseconds=7_000)) == ["1"]
    assert len(resources.sent()) == 1
    mend()
    assert failures(handle(event)) == []
    assert resources.sent() == []
    if noted:
        for receipt in resources.take(resources.receipts):
            assert failures(handle(message(receipt, 1))) == []
    (digest,) = due_digests(resources)
    assert failures(handle(message({"digest": digest}, 2))) == []
    assert len(resources.sent()) == (0 if noted else 1)
    items = resources.items("user#1")
    assert items["episode"]["told"] is True
    assert items["window#2019-11-01T12:00:10.000Z"]["alert"] == items["episode"]["episode"]


def test_a_mail_that_sns_refuses_waits_in_the_queue_and_is_sent_once(
    handle: Handle, resources: Resources, faults: Faults
) -> None:
    faults.ask("sns", "Publish", "InternalError", status=500)
    event = batch(*(count(user, 50) for user in range(1, 4)))
    assert failures(handle(event)) == []
    assert resources.sent() == []
    assert failures(handle(event)) == []
    (digest,) = due_digests(resources)
    assert failures(handle(message({"digest": digest}, 1))) == ["message-1"]
    faults.clear()
    assert failures(handle(message({"digest": digest}, 2))) == [], "the message that failed has given its lease back"
    assert failures(handle(message({"digest": digest}, 1))) == []
    (mail,) = resources.sent()
    assert "3 users" in mail["Subject"]
    assert due_digests(resources) == [] or not any(sk.startswith("user#") for sk in resources.items(digest))


def test_a_mail_whose_answer_is_lost_is_not_sent_again(start: Callable[..., Handle], resources: Resources) -> None:
    """SNS has taken it, and the function cannot know that before the receipt."""
    handle = start()
    client = sys.modules["ecomm_detect_high_event_volume.handler"].mailer._sns
    client.meta.events.register("before-send.sns.Publish", lose_the_answer)
    assert failures(handle(batch(count(1, 50)))) == []
    client.meta.events.unregister("before-send.sns.Publish", lose_the_answer)
    for receipt in resources.take(resources.receipts):
        assert failures(handle(message(receipt, 1))) == []
    deliver(handle, resources)
    assert len(resources.sent()) == 1


def lose_the_answer(request: Any, **_: Any) -> None:
    assert URLLib3Session().send(request).status_code == 200
    raise ReadTimeoutError(endpoint_url=request.url)


def test_a_table_that_answers_slowly_delays_a_crowd_and_loses_nobody(
    start: Callable[..., Handle], resources: Resources
) -> None:
    """Claims of hundreds of attackers take longer than the time that there is: some of them are done each time."""
    handle = start()
    client = sys.modules["ecomm_detect_high_event_volume.handler"].table._dynamodb
    client.meta.events.register("before-send.dynamodb.UpdateItem", lambda **_: time.sleep(0.15))
    event = batch(*(count(user, 50) for user in range(1, 201)))
    begun = time.monotonic()
    left = [len(failures(handle(event, milliseconds=7_000)))]
    assert time.monotonic() - begun < 7, "Lambda would have cut it off"
    while left[-1]:
        left.append(len(failures(handle(event, milliseconds=7_000))))
        assert left[-1] < left[-2], left
    deliver(handle, resources)
    told = "".join(mail["Message"] for mail in resources.sent())
    assert [user for user in range(1, 201) if len(re.findall(rf"^{user} +50 ", told, re.MULTILINE)) != 1] == []


def test_hundreds_of_windows_are_looked_up_without_a_pause(
    handle: Handle, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = batch(*(count(user, 50) for user in range(1, 401)))
    assert failures(handle(event)) == []
    paused: list[float] = []
    monkeypatch.setattr(time, "sleep", paused.append)
    assert failures(handle(event)) == []
    assert paused == []


def test_where_neither_sns_nor_the_queue_takes_the_mail_its_records_come_again(
    handle: Handle, resources: Resources, faults: Faults
) -> None:
    faults.ask("sns", "Publish", "InternalError", status=500)
    faults.ask("sqs", "SendMessage", "InternalError", status=500)
    event = batch(count(1, 3), count(2, 50))
    assert failures(handle(event)) == ["2"]
    faults.clear()
    assert failures(handle(event)) == []
    deliver(handle, resources)
    assert len(resources.sent()) == 1


def test_an_unreadable_row_that_the_queue_does_not_take_comes_again(
    handle: Handle, resources: Resources, faults: Faults
) -> None:
    faults.ask("sqs", "SendMessageBatch", "InternalError", status=500)
    event = batch(count(1, 3), b"broken", count(2, 3))
    assert failures(handle(event)) == ["2"]
    faults.clear()
    assert failures(handle(event)) == []
    assert len(resources.take(resources.failed)) == 1


def test_with_too_little_time_no_mail_is_begun(handle: Handle, resources: Resources) -> None:
    """A mail that is cut off might have been sent or not."""
    event = batch(count(1, 50))
    assert failures(handle(event, milliseconds=2_000)) == ["1"]
    assert resources.sent() == []
    assert failures(handle(event)) == []
    deliver(handle, resources)
    assert len(resources.sent()) == 1


def deliver(handle: Handle, resources: Resources) -> None:
    """Brings the function what the mail queue holds back for it."""
    for digest in due_digests(resources):
        assert failures(handle(message({"digest": digest}, 1))) == []


def break_statements_after(calls: int) -> Callable[[], None]:
    """Lets so many calls of the function's own client through and refuses the rest, as the service would."""
    client = sys.modules["ecomm_detect_high_event_volume.handler"].table._dynamodb
    passed = 0

    def refuse(**_: Any) -> Any:
        nonlocal passed
        passed += 1
        if passed <= calls:
            return None
        body = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'

        class Raw:
            def stream(self, **_: Any) -> Iterator[bytes]:
                yield body

        return AWSResponse("", 400, {"content-type": "application/x-amz-json-1.0"}, Raw())

    event = "before-send.dynamodb.BatchExecuteStatement"
    client.meta.events.register(event, refuse)
    return lambda: client.meta.events.unregister(event, refuse)
