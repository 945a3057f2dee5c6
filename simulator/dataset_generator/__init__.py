"""Writes a made-up data set with the columns and the habits of the real one; the same seed gives the same bytes.

The habits are those of "eCommerce behavior data from multi category store" by REES46 Marketing Platform on Kaggle, as
`calibration` has them; no row of it is in here. It needs nothing but Python. The command is
`simulator/dataset-generator.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate, pairwise

from .rows import blocks_of_month
from .traffic import real_month
from .visitors import Visitors

HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
DEFAULT_ROWS = 50_000
DEFAULT_SEED = 2019
DEFAULT_MONTHS = ("2019-10", "2019-11")


def generate(rows: int, seed: int = DEFAULT_SEED, months: Sequence[str] = DEFAULT_MONTHS) -> Iterator[str]:
    """Yields `rows` CSV lines without the header, each with its line end, ordered by time. Raises as `blocks` does."""
    return (line for block in blocks(rows, seed, months) for line in block.splitlines(keepends=True))


def blocks(rows: int, seed: int = DEFAULT_SEED, months: Sequence[str] = DEFAULT_MONTHS) -> Iterator[str]:
    """Yields the same rows as `generate`, some thousands of lines at once.

    months: as "2019-10"; each gets rows in proportion to the real ones, and to its days where there are none. Memory
    does not grow with `rows` but with the number of sessions that are open at one moment. Raises ValueError for a
    negative number of rows and for a month that is none.
    """
    if rows < 0:
        raise ValueError(f"{rows} rows cannot be generated; give zero or more.")
    starts = sorted({month_start(month) for month in months})
    if not starts:
        raise ValueError("A data set needs at least one month, such as 2019-11.")
    return _blocks_of_months(rows, seed, starts)


def month_start(month: str) -> datetime:
    """The first moment of a month given as "2019-11"; raises ValueError for anything else."""
    if not re.fullmatch(r"(19|20)\d{2}-(0[1-9]|1[0-2])", month):
        raise ValueError(f"{month!r} is not a month; write it as 2019-11.")
    return datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)


def _blocks_of_months(rows: int, seed: int, starts: Sequence[datetime]) -> Iterator[str]:
    sizes = [0, *accumulate(real_month(start).rows for start in starts)]
    scale = rows / sizes[-1]
    visitors = Visitors(seed, starts[0], scale)
    for start, (before, after) in zip(starts, pairwise(sizes), strict=True):
        share = rows * after // sizes[-1] - rows * before // sizes[-1]
        yield from blocks_of_month(start, share, seed, visitors)
