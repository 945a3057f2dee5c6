"""A silence of all shards: what was open when it began is counted in full when the first click ends it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.local.flink.baseline import Alarm, expected_alarms
from tests.local.flink.conftest import HOUR
from tests.local.flink.counting import Counting, Event, click

IDLE_SECONDS = 10
# Two minutes of ordinary traffic are what the alarm has to know before it speaks.
ORDINARY_SECONDS, ORDINARY_CLICKS = 150, 10
CROWD = range(20_000, 21_200)


@pytest.fixture
def silent(counting: Counting) -> Counting:
    """The application with shards that are left out after seconds without a click."""
    if counting.settled(seconds=150) == "RUNNING":
        counting.stop(force=True)
    found = Counting(counting.platform, "silent")
    found.create(idle_timeout=f"{IDLE_SECONDS} s")
    found.start()
    return found


def ordinary(since: int) -> list[Event]:
    """Ten clicks in each window of 5 s."""
    clicks = ORDINARY_SECONDS // 5 * ORDINARY_CLICKS
    return [click(10_000 + number, since + ORDINARY_SECONDS * 1000 * number // clicks) for number in range(clicks)]


def test_clicks_before_a_silence_are_in_the_traffic(silent: Counting, later: Callable[[], int]) -> None:
    shards = silent.shards()
    # More than once, since the tasks come to the end of a silence in any order.
    for _ in range(3):
        since = later()
        silent.wake(since - HOUR)
        flood = since + ORDINARY_SECONDS * 1000
        crowd = [click(user, flood + 4 * number) for number, user in enumerate(CROWD)]
        # The newest click is in the first shard alone, so that the window of the pair is over when the others are idle.
        pair, newest = [click(9, flood - 1000)] * 2, [click(8, flood + 10_000)]
        silent.send(ordinary(since) + pair + crowd)
        silent.send(newest, shards[:1])
        silent.wait_for([(9, flood - 10_000)], "final", since)
        silent.send([click(7, flood + HOUR)], shards[-1:])
        sent = [*ordinary(since), *pair, *crowd, *newest]
        expected = [alarm for alarm in expected_alarms(sent) if alarm.signal == "events"]
        assert [alarm.start for alarm in expected] == [flood]
        assert set(_events(silent.wait_for_alarms(expected, since))) == set(expected)
    silent.stop(force=True)


def _events(alarms: list[Alarm]) -> list[Alarm]:
    return [alarm for alarm in alarms if alarm.signal == "events"]
