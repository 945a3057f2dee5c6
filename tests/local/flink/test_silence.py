"""A silence of all shards: what was open when it began is counted in full when the first click ends it."""

from __future__ import annotations

from collections.abc import Callable

from tests.local.flink.baseline import Alarm, expected_alarms
from tests.local.flink.conftest import HOUR
from tests.local.flink.counting import Counting, Event, click

# Two minutes of ordinary traffic are what the alarm has to know before it speaks.
ORDINARY_SECONDS, ORDINARY_CLICKS = 150, 10
CROWD = range(20_000, 21_200)


def ordinary(since: int) -> list[Event]:
    """Ten clicks in each window of 5 s."""
    clicks = ORDINARY_SECONDS // 5 * ORDINARY_CLICKS
    return [click(10_000 + number, since + ORDINARY_SECONDS * 1000 * number // clicks) for number in range(clicks)]


def test_clicks_before_a_silence_are_in_the_traffic(running: Counting, later: Callable[[], int]) -> None:
    shards = running.shards()
    # More than once, since the tasks come to the end of a silence in any order.
    for _ in range(2):
        since = later()
        running.wake(since - HOUR)
        flood = since + ORDINARY_SECONDS * 1000
        crowd = [click(user, flood + 4 * number) for number, user in enumerate(CROWD)]
        # The newest click is in the first shard alone, so that the window of the pair is over when the others are idle.
        pair, newest = [click(9, flood - 1000)] * 2, [click(8, flood + 10_000)]
        running.send(ordinary(since) + pair + crowd)
        running.send(newest, shards[:1])
        running.wait_for([(9, flood - 10_000)], "final", since)
        running.send([click(7, flood + HOUR)], shards[-1:])
        sent = [*ordinary(since), *pair, *crowd, *newest]
        expected = [alarm for alarm in expected_alarms(sent) if alarm.signal == "events"]
        assert [alarm.start for alarm in expected] == [flood]
        assert set(_events(running.wait_for_alarms(expected, since))) == set(expected)


def _events(alarms: list[Alarm]) -> list[Alarm]:
    return [alarm for alarm in alarms if alarm.signal == "events"]
