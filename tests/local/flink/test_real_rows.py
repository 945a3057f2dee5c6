"""The first hours of October 2019, replayed with their own spacing; collected only where these rows are."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable

from tests.local.flink.conftest import HOUR, REAL_ROWS
from tests.local.flink.counting import Counting, click, early, finals, milliseconds

THRESHOLD = 10


def test_every_window_of_the_real_rows_is_counted(running: Counting, later: Callable[[], int]) -> None:
    since = later()
    with REAL_ROWS.open(newline="") as file:
        rows = [
            (milliseconds(row["event_time"].replace(" UTC", "Z")), int(row["user_id"])) for row in csv.DictReader(file)
        ]
    assert len(rows) == 17_434
    chance = random.Random(1)
    first = min(at for at, _ in rows)
    moments = [(since + at - first, user) for at, user in rows]
    sent = [click(user, at) for at, user in sorted(moments, key=lambda moment: moment[0] + chance.randrange(5000))]
    end = max(at for at, _ in moments)
    assert end < since + 3 * HOUR
    running.wake(since - HOUR)
    running.send(sent)
    running.close(end + 10_000)
    expected = finals(sent)
    assert sorted(running.wait_for(expected, "final", since)) == sorted(expected.items())
    # No real user acts more often than the threshold says, so nobody is taken for an attacker.
    assert running.rows("early", since) == [] == list(early(sent, THRESHOLD))
