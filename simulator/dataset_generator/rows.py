"""The rows: visits are made in the order of their beginnings, and their events put into the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate
from random import Random

from . import calibration
from .machines import machine_rows, session_id
from .traffic import hours_of
from .visitors import Visitors
from .visits import Visits

# Rows made between two writings of those whose time has come.
BATCH = 16_384
# A user's visits are so many seconds apart that no 10 seconds hold events of two.
APART = 11


def blocks_of_month(start: datetime, rows: int, seed: int, visitors: Visitors) -> Iterator[str]:
    """The rows of one month in the order of time, some thousands at once; kept are those of the visits of the moment.

    The month's end cuts the last visits.
    """
    random = Random(f"{seed}/{start:%Y-%m}")
    visits = Visits(start, random)
    for second, columns in machine_rows(start, rows, random):
        visits.add(second, columns)
    left, taken = rows, 0
    for now in _make(start, rows, visits, visitors, random):
        block = visits.take(taken, now)
        taken = now
        count = block.count("\n")
        if count > left:
            block = "".join(block.splitlines(keepends=True)[:left])
        left -= min(count, left)
        yield block


def _make(start: datetime, rows: int, visits: Visits, visitors: Visitors, random: Random) -> Iterator[int]:
    """Makes visits of at least so many rows; yields seconds of the month before which no row will be added."""
    hours = hours_of(start)
    ends = list(accumulate(_begins([hour.rows for hour in hours], visits.delays)))
    odd = rows >= calibration.FEWEST_ROWS_WITH_ODDITIES
    without_session = rows // 2 % calibration.ROWS_A_MISSING_SESSION if odd else rows
    # When a user whose visit is still going on may come again.
    back: dict[int, int] = {}
    planted = done = visits.made
    batch = done + BATCH
    for number, (hour, end) in enumerate(zip(hours, ends, strict=True)):
        # A visit begins where its rows are among the hour's, so that each hour gets its rows however long visits are.
        target = planted + round((rows - planted) * end / ends[-1])
        step = 3600 / (target - done) if target > done else 0
        while visits.made < target:
            second = number * 3600 + int((visits.made - done + random.random()) * step)
            if visits.made >= batch:
                batch = visits.made + BATCH
                back = {user: then for user, then in back.items() if then > second}
                yield second
            user = visitors.next()
            while back.get(user, 0) > second:
                user = visitors.another()
            if visits.made >= without_session:
                without_session += calibration.ROWS_A_MISSING_SESSION
                visits.look(second, f"{user},\n")
            else:
                back[user] = APART + visits.make(second, hour, f"{user},{session_id(random)}\n")
        done = target
    yield len(hours) * 3600


def _begins(rows: list[float], delays: list[float]) -> list[float]:
    """In which hours visits have to begin, in numbers of their rows, so that each hour gets its rows: these are later.

    More begin where an hour would get too few, and so on; after some turns what is left is less than chance.
    """
    found = rows
    for _ in range(6):
        late = [
            sum(share * found[max(hour - behind, 0)] for behind, share in enumerate(delays))
            for hour in range(len(rows))
        ]
        found = [max(begin + wanted - got, 0.0) for begin, wanted, got in zip(found, rows, late, strict=True)]
    return found
