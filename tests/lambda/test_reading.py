"""Rows that are read, rows that are put aside with a reason, and records that hold several."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from .conftest import NOON, Handle, Resources, batch, count, failures, surge


def aggregate(*datas: bytes) -> bytes:
    """One record as the Kinesis Producer Library makes it."""
    from aws_kinesis_agg.aggregator import RecordAggregator

    aggregator = RecordAggregator()
    for place, data in enumerate(datas):
        aggregator.add_user_record(str(place), data)
    return bytes(aggregator.clear_and_get().get_contents()[2])


def data_of(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row).encode()


def stored(resources: Resources, user: int) -> bool:
    return any(sk.startswith("window#") for sk in resources.items(f"user#{user}"))


WRONG = {
    "not JSON": (b'{"user_id": 1', "It is not JSON"),
    "not UTF-8": (b'{"user_id": "\xff"}', "It is not JSON"),
    "no object": (b"[1]", "not an object"),
    "no kind": (data_of({**count(1, 3), "kind": None}), "Its kind is None, not 'final', 'early' or 'traffic'."),
    "user is text": (data_of({**count(1, 3), "user_id": "one"}), "Its user_id is 'one', not a whole number."),
    "user is true": (data_of({**count(1, 3), "user_id": True}), "Its user_id is True, not a whole number."),
    "user is beyond a bigint": (data_of(count(2**63, 3)), "Its user_id is 9223372036854775808, not a whole number."),
    "count of none": (data_of(count(1, 0)), "Its num_actions_per_watermark is 0, less than 1."),
    "count is a fraction": (
        data_of({**count(1, 3), "num_actions_per_watermark": 1.5}),
        "Its num_actions_per_watermark is 1.5, not a whole number.",
    ),
    "time without a zone": (data_of({**count(1, 3), "window_start": "2019-11-01T12:00:00"}), "not two times in ISO"),
    "no end": (data_of({**count(1, 3), "window_end": None}), "not two times in ISO"),
    "end before the start": (data_of({**count(1, 3), "window_end": "2019-11-01T11:00:00Z"}), "not after its start"),
    "signal of no kind": (data_of(surge(5, signal="bots")), "Its signal is 'bots', not 'events' or 'new_users'."),
    "baseline is text": (data_of({**surge(5), "baseline": "many"}), "Its baseline is 'many', not a number of events."),
}


@pytest.mark.parametrize(("data", "reason"), WRONG.values(), ids=WRONG)
def test_a_row_that_is_not_of_the_contract_is_put_aside_and_holds_up_nobody(
    handle: Handle, resources: Resources, data: bytes, reason: str
) -> None:
    answer = handle(batch(count(7, 3), data, count(8, 3)))
    assert failures(answer) == []
    assert stored(resources, 7)
    assert stored(resources, 8)
    (message,) = resources.take(resources.failed)
    aside = message["unreadable"]
    assert reason in aside["reason"]
    assert base64.b64decode(aside["data"]) == data
    assert (aside["stream"], aside["sequenceNumber"], aside["subSequenceNumber"]) == ("counts", "2", 0)


def test_many_rows_that_cannot_be_read_are_all_put_aside(handle: Handle, resources: Resources) -> None:
    assert failures(handle(batch(*(f"row {place}".encode() for place in range(25)), count(1, 3)))) == []
    aside = [message["unreadable"] for message in resources.take(resources.failed)]
    assert sorted(base64.b64decode(each["data"]) for each in aside) == sorted(f"row {n}".encode() for n in range(25))


def test_an_aggregated_record_is_taken_apart(handle: Handle, resources: Resources) -> None:
    packed = aggregate(*(data_of(count(user, 3)) for user in range(1, 6)), data_of(count(6, 20)))
    assert failures(handle(batch(packed, count(9, 3)))) == []
    assert all(stored(resources, user) for user in (1, 2, 3, 4, 5, 6, 9))
    assert [mail["Subject"] for mail in resources.sent()] == ["[WARNING] User 6 acted 20 times in 10 s"]


def test_a_part_of_an_aggregated_record_that_cannot_be_read_is_put_aside_alone(
    handle: Handle, resources: Resources
) -> None:
    packed = aggregate(data_of(count(1, 3)), b"broken", data_of(count(2, 3)))
    assert failures(handle(batch(packed))) == []
    assert stored(resources, 1)
    assert stored(resources, 2)
    (message,) = resources.take(resources.failed)
    assert base64.b64decode(message["unreadable"]["data"]) == b"broken"
    assert message["unreadable"]["subSequenceNumber"] == 1


def test_an_aggregated_record_that_breaks_off_is_put_aside_whole(handle: Handle, resources: Resources) -> None:
    """Its checksum does not fit, so none of its parts can be trusted."""
    broken = aggregate(data_of(count(1, 3)), data_of(count(2, 3)))[:-30]
    assert failures(handle(batch(broken, count(3, 3)))) == []
    assert stored(resources, 3)
    (message,) = resources.take(resources.failed)
    assert base64.b64decode(message["unreadable"]["data"]) == broken
    assert "aggregated record" in message["unreadable"]["reason"]


def test_an_aggregated_record_whose_middle_points_nowhere_gives_its_first_parts_and_is_put_aside_whole(
    handle: Handle, resources: Resources
) -> None:
    """The library prints that and goes on as if the record had no more parts."""
    import hashlib

    from aws_kinesis_agg import DIGEST_SIZE, MAGIC
    from aws_kinesis_agg.deaggregator import messages_pb2

    packed = aggregate(*(data_of(count(user, 3)) for user in (1, 2, 3)))
    message = messages_pb2.AggregatedRecord.FromString(packed[len(MAGIC) : -DIGEST_SIZE])
    message.records[1].partition_key_index = 99
    content = message.SerializeToString()
    broken = MAGIC + content + hashlib.md5(content).digest()
    assert failures(handle(batch(broken, count(4, 3)))) == []
    assert [stored(resources, user) for user in (1, 2, 3, 4)] == [True, False, False, True]
    (aside,) = [message["unreadable"] for message in resources.take(resources.failed)]
    assert base64.b64decode(aside["data"]) == broken
    assert "1 of 3 parts" in aside["reason"]


def test_a_row_of_the_users_page_without_a_kind_says_what_is_missing(handle: Handle, resources: Resources) -> None:
    handle(batch({"user_id": 1, "num_actions_per_watermark": 3}))
    (message,) = resources.take(resources.failed)
    assert "kind" in message["unreadable"]["reason"]


def test_windows_of_a_users_life_are_one_item_each(handle: Handle, resources: Resources) -> None:
    from datetime import timedelta

    rows = [count(1, 2, NOON + timedelta(seconds=10 * place)) for place in range(1_000)]
    assert failures(handle(batch(*rows))) == []
    assert len(resources.items("user#1")) == 1_000
