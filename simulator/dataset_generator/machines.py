"""Visits of machines, which put one product into the cart over and over within seconds, as user 518642416 did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from random import Random

from . import calibration, shop
from .traffic import next_month


def machine_rows(start: datetime, rows: int, random: Random) -> Iterator[tuple[int, str]]:
    """The rows of machines in a month of so many rows: the second of the month, and the columns after event_time."""
    if rows < calibration.FEWEST_ROWS_WITH_ODDITIES:
        return
    length = int((next_month(start) - start).total_seconds())
    month = f"{start:%Y-%m}"
    visits = [
        (random.randrange(length - calibration.MACHINE_SECONDS), random.choice(calibration.MACHINE_USERS[1:]))
        for _ in range(rows // calibration.ROWS_A_MACHINE)
    ]
    if start <= calibration.MACHINE_START < next_month(start):
        visits.append((int((calibration.MACHINE_START - start).total_seconds()), calibration.MACHINE_USERS[0]))
    for second, user in visits:
        # As every category's, the product most seen is worth a machine's while.
        category = random.choice(shop.of_month(month)[:20])
        product = shop.product(category, 0)
        row = f"cart,{product}{user},{session_id(random)}\n"
        for number in range(calibration.MACHINE_CARTS):
            yield second + number * calibration.MACHINE_SECONDS // calibration.MACHINE_CARTS, row


def session_id(random: Random) -> str:
    """A random UUID as text."""
    digits = random.randbytes(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
