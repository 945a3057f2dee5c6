"""How visits go on: some thousand rhythms, made once, so that a visit needs one draw and not one for each view."""

from __future__ import annotations

import math
from enum import IntEnum
from functools import cache
from random import Random
from statistics import NormalDist, fmean

from . import calibration

BITS = 13
NUMBER = 2**BITS


class Look(IntEnum):
    """What a view shows, beside the one before."""

    SAME = 0
    SAME_CATEGORY = 1
    ANYTHING = 2


# For each view after the first: seconds since the visit's begin, and what it shows.
Rhythm = tuple[tuple[int, int], ...]


@cache
def rhythms(mean_views: float) -> list[Rhythm]:
    """Equally likely ones, the lone view among them as often as its share is."""
    random = Random(f"rhythms/{mean_views}")
    lengths = pauses()
    made = []
    for number in views(mean_views):
        second, steps = 0, []
        for _ in range(number - 1):
            second += lengths[random.getrandbits(BITS)]
            likeness = random.random()
            look = Look.SAME
            if likeness > calibration.SAME_PRODUCT:
                look = Look.ANYTHING if likeness > calibration.SAME_CATEGORY else Look.SAME_CATEGORY
            steps.append((second, int(look)))
        made.append(tuple(steps))
    return made


def delays(found: list[Rhythm]) -> list[float]:
    """The share of the rows that are a number of hours behind their visit's begin; part of an hour counts to both."""
    seconds = [second for rhythm in found for second in (0, *(second for second, _ in rhythm))]
    shares = [0.0] * (max(seconds) // 3600 + 2)
    for second in seconds:
        hours, part = divmod(second / 3600, 1)
        shares[int(hours)] += (1 - part) / len(seconds)
        shares[int(hours) + 1] += part / len(seconds)
    return shares


@cache
def pauses() -> list[int]:
    """Seconds from one event of a visit to the next, equally likely ones."""
    long = round(NUMBER * calibration.LONG_PAUSES)
    shortest, longest = calibration.LONG_PAUSE
    found = [calibration.PAUSE_MEDIAN * math.exp(calibration.PAUSE_SPREAD * value) for value in _normal()]
    # The long ones take the place of some usual ones, of all lengths alike.
    for number in range(long):
        found[number * NUMBER // long] = shortest * (longest / shortest) ** ((number + 0.5) / long)
    return [max(round(seconds), calibration.SHORTEST_PAUSE) for seconds in found]


def views(mean: float) -> list[int]:
    """Numbers of views of a visit, equally likely ones of this mean: log-normal, rounded up."""
    spread = [math.exp(calibration.VIEWS_SPREAD * value) for value in _normal()]

    def rounded(median: float) -> list[int]:
        return [min(math.ceil(median * value), calibration.MOST_VIEWS) for value in spread]

    low, high = 0.0, mean
    while high - low > mean / 10_000:
        middle = (low + high) / 2
        low, high = (middle, high) if fmean(rounded(middle)) < mean else (low, middle)
    return rounded(high)


@cache
def _normal() -> list[float]:
    return [NormalDist().inv_cdf((number + 0.5) / NUMBER) for number in range(NUMBER)]
