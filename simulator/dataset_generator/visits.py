"""What one visit does: it looks at products, mostly of one category, puts some into the cart, and perhaps buys."""

from __future__ import annotations

from array import array
from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, repeat
from random import Random

from . import calibration, shop
from .rhythms import BITS, Look, delays, pauses, rhythms
from .traffic import Hour, next_month, real_month, views_a_visit

ANYTHING = int(Look.ANYTHING)
SECONDS = [f"{second:02} UTC," for second in range(60)]


class Visits:
    """Visits of one month.

    waiting: the rows made and not taken yet, a text for each second of the month. made: how many rows were made.
    delays: the shares of the rows that are 0, 1, 2 … hours behind their visit's begin.
    """

    def __init__(self, start: datetime, random: Random) -> None:
        self._random = random
        self._end = int((next_month(start) - start).total_seconds())
        days = [f"{start + timedelta(day):%Y-%m-%d}" for day in range(self._end // 86_400)]
        self._minutes = [f"{day} {minute // 60:02}:{minute % 60:02}:" for day in days for minute in range(24 * 60)]
        self.waiting = [""] * self._end
        self.made = 0

        month_name = f"{start:%Y-%m}"
        categories = shop.of_month(month_name)
        # Carts and purchases follow from views.
        weights = [c.thousands * (1 - (c.code.carts + c.code.purchases) / 1000) for c in categories]
        # Endless draws: of categories by their number, and of each one's products.
        total = sum(weights)
        self._draw_category = _draws(array("d", [end / total for end in accumulate(weights)]), random)
        self._products = _Products(categories, month_name, random)
        # How much likelier than on average something of a category is put into the cart, and bought.
        self._carts = _beside_mean([category.code.carts for category in categories], weights)
        self._buys = _beside_mean([category.code.purchases for category in categories], weights)
        self._rhythms = rhythms(views_a_visit(start))
        self.delays = delays(self._rhythms)
        self._pauses = pauses()
        month = real_month(start)
        self._repeated = calibration.REPEATED_ROWS * month.rows / month.sessions
        self._closed, self._open = (int((moment - start).total_seconds()) for moment in calibration.HOLE)

    def make(self, second: int, hour: Hour, user: str) -> int:
        """Makes one visit that begins at a second of the month, within `hour`; returns the second of its last event.

        user: the columns user_id and user_session with the line's end. What would be after the month's end is left out.
        """
        random, waiting, minutes, end = self._random.random, self.waiting, self._minutes, self._end
        category = next(self._draw_category)
        products = self._products[category]
        product = next(products)
        row = f"{minutes[second // 60]}{SECONDS[second % 60]}view,{product}{user}"
        waiting[second] += row
        if random() < self._repeated:
            waiting[second] += row
            self.made += 1
        begin, rhythm = second, self._rhythms[self._random.getrandbits(BITS)]
        for offset, look in rhythm:
            second = begin + offset
            if second >= end:
                rhythm = rhythm[: rhythm.index((offset, look))]
                break
            if look:
                if look == ANYTHING:
                    category = next(self._draw_category)
                    products = self._products[category]
                product = next(products)
            waiting[second] += f"{minutes[second // 60]}{SECONDS[second % 60]}view,{product}{user}"
        self.made += 1 + len(rhythm)
        if random() < hour.buys * self._buys[category]:
            if random() < hour.carts_first:
                second = self._again(second, f"cart,{product}{user}", calibration.ANOTHER_CART)
            second = self._again(second, f"purchase,{product}{user}", calibration.ANOTHER_PURCHASE)
        elif random() < hour.carts * self._carts[category]:
            second = self._again(second, f"cart,{product}{user}", calibration.ANOTHER_CART)
        return second

    def look(self, second: int, user: str) -> None:
        """Makes a visit of one view."""
        self.add(second, f"view,{next(self._products[next(self._draw_category)])}{user}")

    def add(self, second: int, columns: str) -> None:
        """Makes one row of the columns after event_time."""
        self.waiting[second] += f"{self._minutes[second // 60]}{SECONDS[second % 60]}{columns}"
        self.made += 1

    def take(self, begin: int, end: int) -> str:
        """The rows of these seconds, which wait no longer."""
        rows = "".join(self.waiting[begin:end])
        self.waiting[begin:end] = [""] * (end - begin)
        return rows

    def _again(self, second: int, columns: str, another: float) -> int:
        """Makes the row a pause later, and with the chance `another` another one, and so on; returns the last second.

        For two days the shop sold nothing, whoever wanted to buy.
        """
        while True:
            second += self._pauses[self._random.getrandbits(BITS)]
            sold = columns.startswith("cart") or not self._closed <= second < self._open
            if sold and second < self._end:
                self.add(second, columns)
            if self._random.random() >= another:
                return second


def _draws(limits: array[float], random: Random) -> Iterator[int]:
    """Endless places in `limits`, each as often as the limit is above the one before."""
    limits[-1] = 1.0
    return map(bisect, repeat(limits), iter(random.random, None))


class _Products(dict[int, Iterator[str]]):
    """By the number of a category in a month's list: endless products, each as often as it is seen."""

    def __init__(self, categories: Sequence[shop.Category], month: str, random: Random) -> None:
        super().__init__()
        self._categories = categories
        self._month = month
        self._random = random

    def __missing__(self, number: int) -> Iterator[str]:
        shelf = shop.shelf(self._categories[number].number, self._month)
        found = self[number] = map(shelf.__getitem__, _draws(shelf.limits, self._random))
        return found


def _beside_mean(values: list[float], weights: list[float]) -> list[float]:
    mean = sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)
    return [value / mean for value in values]
