"""Who comes: users who return, some often and most once, in the same proportions at any size."""

from __future__ import annotations

import math
from array import array
from datetime import datetime
from random import Random

from . import calibration
from .traffic import OCTOBER_START

TABLE_BITS = 14
KEPT = 2**20
CHUNK = 2**13 - 1


class Visitors:
    """The users of all visits, which are numbered in the order of time, 0 being the first of October 2019.

    A visit is a new user's or repeats an earlier one, which may be before the data set's begin; whose it is follows
    from its number alone, so only the last visits are kept, and those to save time.
    """

    def __init__(self, seed: int, start: datetime, scale: float) -> None:
        """start: of the first month. scale: visits in proportion to the real ones."""
        self._first = math.floor((start - OCTOBER_START).days * calibration.OCTOBER.sessions / 31 * scale)
        self.visit = self._first
        self._kept = array("q", [0]) * KEPT
        size = 2**TABLE_BITS
        new = int(size * calibration.NEW_VISITORS)
        # Visits to go back, none for a new user.
        self._back = [*_steps_back(size - new, scale), *[0] * new]
        # Random numbers for each part of a visit's number: together they make unrelated ones of neighbours.
        self._random = Random(f"{seed}/visitors")
        self._mixed = [[self._random.getrandbits(TABLE_BITS) for _ in range(CHUNK + 1)] for _ in range(3)]
        # Above the real size there are more users than numbers were given.
        self._ids_a_visit = max(calibration.USER_IDS_A_VISIT / scale if scale else 0.0, 1.0)

    def next(self) -> int:
        """The user_id of the next visit."""
        visit = self.visit
        self.visit += 1
        user = self._kept[visit % KEPT] = self._user_of(visit, visit)
        return user

    def another(self) -> int:
        """The user_id of another user for the visit that `next` was last asked for."""
        visit = self.visit - 1
        step = self._back[self._random.getrandbits(TABLE_BITS)]
        user = self._kept[visit % KEPT] = self._user_of(visit - step, visit) if step else self._registered_at(visit)
        return user

    def _user_of(self, visit: int, now: int) -> int:
        """The user of a visit, which may be the one of `now` or lie before the data set."""
        back, kept, (low, middle, high) = self._back, self._kept, self._mixed
        oldest = max(self._first, now - KEPT + 1)
        while not oldest <= visit < now:
            step = back[low[visit & CHUNK] ^ middle[visit >> 13 & CHUNK] ^ high[visit >> 26 & CHUNK]]
            if not step:
                return self._registered_at(visit)
            visit -= step
        return kept[visit % KEPT]

    def _registered_at(self, visit: int) -> int:
        """The user_id given out at a visit; those before the oldest are spread over the old ones."""
        number = int(visit * self._ids_a_visit)
        if number < 0:
            number = -1 - (-1 - number) % (calibration.FIRST_USER_ID - calibration.OLDEST_USER_ID)
        found = calibration.FIRST_USER_ID + number
        return found if found not in calibration.MACHINE_USERS else found + len(calibration.MACHINE_USERS)


def _steps_back(number: int, scale: float) -> list[int]:
    """So many steps to earlier visits, as often as they are taken; half are within `VISITS_BACK`'s week."""
    near, week, far = (max(visits * scale, 1) for visits in calibration.VISITS_BACK)
    steps = []
    for low, high, count in ((near, week, number // 2), (week, far, number - number // 2)):
        steps += [int(low * (high / low) ** ((place + 0.5) / count)) for place in range(count)]
    return steps
