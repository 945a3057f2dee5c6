"""The traffic alarm: a crowd without a loud user is told, and nothing that is ordinary."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.conftest import start_platform
from tests.local.flink.baseline import Alarm, expected_alarms, traffic
from tests.local.flink.conftest import HOUR
from tests.local.flink.counting import Counting, Event, click, milliseconds

MINUTE = 60_000


def shop(since: int, minutes: float, rate: Callable[[float], float], seed: int = 1) -> list[Event]:
    """Ordinary clicks, a fifth of them by new users. rate: clicks in 5 s by the share of the time that has gone by."""
    chance = random.Random(f"{since}/{seed}")
    windows = round(minutes * 12)
    regulars = range(10_000, 10_400)
    clicks = []
    for window in range(windows):
        usual = rate(window / windows)
        for _ in range(max(0, round(chance.gauss(usual, usual**0.5)))):
            user = chance.choice(regulars) if chance.random() < 0.8 else chance.randrange(10**6, 10**9)
            clicks.append(click(user, since + 5000 * window + chance.randrange(5000)))
    return clicks


def flood(at: int, users: int = 1000, seconds: float = 10) -> list[Event]:
    """Users never seen before, with one to three clicks each; nobody is loud."""
    chance = random.Random(at)
    first = 10**12 + chance.randrange(10**9) * 1000
    return [
        click(user, at + chance.randrange(round(seconds * 1000)))
        for user in range(first, first + users)
        for _ in range(chance.randint(1, 3))
    ]


def arriving(clicks: list[Event]) -> list[Event]:
    """In the order of arrival: up to 5 s after the order of their time."""
    chance = random.Random(len(clicks))
    return sorted(clicks, key=lambda one: milliseconds(one["txn_timestamp"]) + chance.randrange(5000))


def told(running: Counting, since: int, sent: list[Event], end: int) -> list[Alarm]:
    """Sends the clicks and closes their windows; the alarms, which are Python's."""
    running.wake(since - HOUR)
    running.send(arriving(sent))
    running.close(end)
    expected = expected_alarms(sent)
    assert set(running.wait_for_alarms(expected, since)) == set(expected)
    return expected


def test_a_flood_is_told_and_a_cold_start_a_pause_and_one_click_are_not(
    running: Counting, later: Callable[[], int]
) -> None:
    since = later()
    quiet, again = since + 12 * MINUTE, since + 14 * MINUTE
    one_click, attack = [click(77, again)], again + 3 * MINUTE + 2300
    sent = shop(since, 12, lambda _: 10) + one_click + shop(again + MINUTE, 4, lambda _: 10)
    # The first of these comes before anything is known of the usual traffic.
    sent += flood(since + MINUTE) + flood(attack)
    alarms = told(running, since, sent, attack + 30_000)
    assert {alarm.signal for alarm in alarms} == {"events", "new_users"}
    assert all(attack - 5000 < alarm.start < attack + 10_000 for alarm in alarms)
    assert quiet not in traffic(sent)["events"]
    # Once for a window and signal, and nobody of the crowd by name.
    assert len({(alarm.start, alarm.signal) for alarm in alarms}) == len(running.alarms(since))
    assert running.rows("early", since) == []


def test_growth_over_minutes_is_not_told(running: Counting, later: Callable[[], int]) -> None:
    """Eight times the traffic within a quarter of an hour, far over the minimum; the shop's own morning takes hours."""
    since = later()
    morning = shop(since, 15, lambda share: 60 * 8**share)
    assert max(traffic(morning)["events"].values()) > 450
    assert expected_alarms(morning) == []
    attack = since + 15 * MINUTE
    alarms = told(running, since, morning + flood(attack, users=2000, seconds=4), attack + 20_000)
    # Only what comes at once after it.
    assert {alarm.start for alarm in alarms} == {attack}


def test_a_platform_that_is_killed_keeps_the_baseline(
    counting: Counting, running: Counting, later: Callable[[], int], port_of: int
) -> None:
    since = later()
    before = shop(since, 5, lambda _: 10)
    attack = since + 5 * MINUTE
    running.wake(since - HOUR)
    running.send(before)
    # Counted, and in a checkpoint or read again from the one before it.
    running.send([click(78, attack)] * 11)
    running.wait_for([(78, attack)], "early", since)
    counting.platform.process.kill()
    counting.platform.process.wait()
    counting.platform = start_platform(counting.platform.var, port_of)
    after = arriving(flood(attack))
    running.send(after)
    running.close(attack + 20_000)
    assert counting.settled(seconds=150) == "RUNNING"
    expected = expected_alarms([*before, *[click(78, attack)] * 11, *after])
    assert expected
    # A row may be repeated, since the output is at least once.
    assert set(running.wait_for_alarms(expected, since)) == set(expected)


@pytest.mark.parametrize("at_once", [0.5, 10])
def test_the_rule_sees_a_flood_at_any_moment_of_a_window(at_once: float) -> None:
    """In time: the window that tells it has ended 10 s after its start, and 10 s more is what a late click may take."""
    ordinary = shop(0, 5, lambda _: 10)
    for moment in range(4 * MINUTE, 4 * MINUTE + 5000, 500):
        alarms = expected_alarms(ordinary + flood(moment, seconds=at_once))
        assert min(alarm.start + 5000 for alarm in alarms if alarm.signal == "new_users") <= moment + 10_000
