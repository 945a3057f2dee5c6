"""A silence of all shards: what was open when it began is counted in full when the first click ends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.local.flink.baseline import expected_alarms
from tests.local.flink.conftest import HOUR
from tests.local.flink.counting import Counting, Event, click

# Two minutes of ordinary traffic are what the alarm has to know before it speaks.
ORDINARY_SECONDS, ORDINARY_CLICKS = 150, 10
CROWD = range(20_000, 21_200)
METRIC_SECONDS = 150


@pytest.fixture(scope="module")
def silent(counting: Counting) -> Iterator[Counting]:
    """An application of its own, whose late clicks are those of this module alone."""
    application = Counting(counting.platform, "silent")
    application.create(idle_timeout="30 s")
    application.start()
    yield application
    application.stop(force=True)


def ordinary(since: int) -> list[Event]:
    """Ten clicks in each window of 5 s."""
    clicks = ORDINARY_SECONDS // 5 * ORDINARY_CLICKS
    return [click(10_000 + number, since + ORDINARY_SECONDS * 1000 * number // clicks) for number in range(clicks)]


def flood(at: int) -> list[Event]:
    """A crowd within a window of 5 s. A part of it clicked before, which is read after it."""
    crowd = [click(user, at + 4 * number) for number, user in enumerate(CROWD)]
    return crowd + [click(user, at - 2000) for user in CROWD[:100]]


def fall_silent(application: Counting, clicks: list[Event], newest: int) -> list[Event]:
    """Sends the clicks and waits until all shards are idle; all that was sent.

    The first shard is ten seconds ahead of the others and idle before them. When they are idle too, Flink takes the
    largest of the watermarks: a count that waits for it shows that the silence has begun.
    """
    first, *others = application.shards()
    ahead, pair = [click(8, newest + 10_000)] * 11, [click(9, newest - 10_000)] * 2
    application.send(ahead, [first])
    application.wait_for([(8, (newest + 10_000) // 10_000 * 10_000)], "early", newest)
    application.send(clicks + pair, others)
    application.wait_for([(9, (newest - 10_000) // 10_000 * 10_000)], "final", newest - 20_000)
    return [*ahead, *clicks, *pair]


def test_clicks_before_a_silence_are_in_the_traffic(silent: Counting, later: Callable[[], int]) -> None:
    # More than once, since the tasks come to the end of a silence in any order.
    for _ in range(3):
        since = later()
        silent.wake(since - HOUR)
        at = since + ORDINARY_SECONDS * 1000
        sent = fall_silent(silent, ordinary(since) + flood(at), at)
        silent.send([click(7, at + HOUR)], silent.shards()[-1:])
        expected = expected_alarms(sent)
        assert {alarm.signal for alarm in expected if alarm.start == at} == {"events", "new_users"}
        assert set(silent.wait_for_alarms(expected, since)) == set(expected)
    # What the silences made late would be in the metric before this click, which is late.
    silent.send([click(9, since)])
    deadline = time.monotonic() + METRIC_SECONDS
    while not silent.metric("numLateRecordsDropped"):
        assert time.monotonic() < deadline, f"There is no late click within {METRIC_SECONDS} s."
        time.sleep(0.5)
    assert silent.metric("numLateRecordsDropped") == 1


def test_a_restart_from_a_snapshot_keeps_the_users_of_the_hour(silent: Counting, later: Callable[[], int]) -> None:
    since = later()
    silent.wake(since - HOUR)
    known = [click(user, since + 300 * number) for number, user in enumerate(CROWD[:300])]
    silent.send(known)
    # They have been read in each shard when these have.
    read = [click(-number, since + 90_000) for number in range(1, len(silent.shards()) + 1)]
    silent.wake(since + 90_000)
    silent.stop()
    silent.start()
    at = since + ORDINARY_SECONDS * 1000
    after = ordinary(since + 100_000)[: ORDINARY_CLICKS * 10] + flood(at)
    silent.send(after)
    silent.close(at + 20_000)
    expected = expected_alarms([*known, *read * 11, *after])
    assert {alarm.signal: alarm.observed for alarm in expected if alarm.start == at} == {
        "events": len(CROWD),
        "new_users": len(CROWD) - len(known),
    }
    assert set(silent.wait_for_alarms(expected, since)) == set(expected)
