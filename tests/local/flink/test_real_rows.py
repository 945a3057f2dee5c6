"""The first hours of October 2019, replayed with their own spacing; collected only where these rows are."""

from __future__ import annotations

import csv
from collections.abc import Callable

from tests.local.flink.baseline import expected_alarms
from tests.local.flink.conftest import HOUR, REAL_ROWS
from tests.local.flink.counting import Counting, Event, click, early, finals, milliseconds
from tests.local.flink.test_traffic import MINUTE, arriving, flood

THRESHOLD = 10


def real_clicks(since: int) -> list[Event]:
    """All rows in their order, the first of them at `since`."""
    with REAL_ROWS.open(newline="") as file:
        rows = [
            (milliseconds(row["event_time"].replace(" UTC", "Z")), int(row["user_id"])) for row in csv.DictReader(file)
        ]
    assert len(rows) == 17_434
    first = min(at for at, _ in rows)
    return [click(user, since + at - first) for at, user in sorted(rows)]


def test_every_window_of_the_real_rows_is_counted_and_nothing_is_told_of_them(
    running: Counting, later: Callable[[], int]
) -> None:
    since = later()
    real = real_clicks(since)
    end = milliseconds(real[-1]["txn_timestamp"])
    assert end < since + 3 * HOUR
    # Told after them, so that all windows before were judged.
    attack = flood(end + MINUTE)
    sent = arriving(real + attack)
    running.wake(since - HOUR)
    running.send(sent)
    running.close(end + 2 * MINUTE)
    expected = finals(sent)
    assert sorted(running.wait_for(expected, "final", since)) == sorted(expected.items())
    # No real user acts more often than the threshold says, so nobody is taken for an attacker.
    assert running.rows("early", since) == [] == list(early(sent, THRESHOLD))
    assert expected_alarms(real) == []
    alarms = expected_alarms(sent)
    assert set(running.wait_for_alarms(alarms, since)) == set(alarms)
    assert all(alarm.start > end for alarm in alarms)


def test_floods_amid_the_real_rows_are_told_within_20_seconds(running: Counting, later: Callable[[], int]) -> None:
    """One in the night, with a click in half a minute, and one in the morning, at the worst moment of a window."""
    since = later()
    night, morning = since + 85 * MINUTE, since + 160 * MINUTE + 4900
    in_time = morning + 20_000
    real = [one for one in real_clicks(since) if milliseconds(one["txn_timestamp"]) < in_time]
    sent = arriving(real + flood(night) + flood(morning))
    running.wake(since - HOUR)
    # Nothing comes after these 20 seconds.
    running.send(sent)
    expected = expected_alarms(sent)
    first = [alarm for alarm in expected if alarm.start < night + MINUTE or alarm.start + 5000 < morning + 8000]
    assert {alarm.start for alarm in first} == {night, morning + 100}
    assert {alarm.signal for alarm in first} == {"events", "new_users"}
    running.wait_for_alarms(first, since)
    running.close(in_time + MINUTE)
    assert set(running.wait_for_alarms(expected, since)) == set(expected)
    assert sorted(running.alarms(since)) == expected
