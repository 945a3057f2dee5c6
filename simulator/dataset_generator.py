"""Writes a made-up data set with the columns and the habits of the real one; the same seed gives the same bytes.

The habits (shares of views, carts and purchases, the skew of categories and products, the shape of a day and of a week,
missing values, repeated rows) are those of "eCommerce behavior data from multi category store" by REES46 Marketing
Platform on Kaggle; no row of it is in here. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import os
import re
import sys
import time
import zipfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import IO, NamedTuple
from uuid import UUID

HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
DEFAULT_ROWS = 50_000
DEFAULT_SEED = 2019
DEFAULT_MONTHS = ("2019-10", "2019-11")

# Events of the real months by UTC hour, and by weekday from Monday, in units of 10,000.
HOUR_WEIGHTS = (
    *(76, 140, 275, 395, 498, 557, 582, 592, 608, 601, 592, 578),
    *(573, 626, 701, 743, 757, 715, 539, 372, 218, 126, 75, 56),
)
WEEKDAY_WEIGHTS = (1274, 1389, 1371, 1458, 1881, 1886, 1735)

# The shop recorded few of its carts before this day, so purchases without a cart are usual until then.
CARTS_RECORDED_FROM = datetime(2019, 11, 8, tzinfo=UTC)
PURCHASING_SESSIONS = 0.061
MEAN_VIEWS = 4.5
MEAN_SECONDS_BETWEEN_EVENTS = 90
REPEATED_ROWS = 0.0015
# Sessions of a machine, which puts one product into the cart over and over within seconds, as user 518642416 did.
MACHINE_SESSIONS = 0.0001
MACHINE_CARTS, MACHINE_SECONDS = 131, 7
ROWS_PER_USER = 14

SMARTPHONE_CATEGORY_ID = 2053013555631882655
FIRST_CATEGORY_ID = 2053013552226107603
CATEGORIES = 400
SMARTPHONE_SHARE = 0.24
PRODUCTS_PER_CATEGORY = 60
PRODUCTS_WITHOUT_PRICE = 0.002
# Category codes with a usual price, the most seen first; the categories share them, and two in five have none.
CODES = (
    ("electronics.smartphone", 241, ("samsung", "apple", "xiaomi", "huawei", "oppo")),
    ("electronics.clocks", 144, ("casio", "apple", "samsung", "")),
    ("computers.notebook", 726, ("acer", "lenovo", "hp", "asus")),
    ("electronics.video.tv", 433, ("samsung", "lg", "artel", "sony")),
    ("electronics.audio.headphone", 36, ("apple", "sony", "jbl", "")),
    ("apparel.shoes", 86, ("respect", "nike", "")),
    ("appliances.kitchen.refrigerators", 327, ("lg", "beko", "indesit", "bosch")),
    ("appliances.environment.vacuum", 138, ("philips", "bosch", "redmond", "")),
    ("appliances.kitchen.washer", 317, ("lg", "samsung", "indesit", "beko")),
    ("computers.desktop", 292, ("hp", "acer", "")),
    ("auto.accessories.player", 214, ("pioneer", "sony", "")),
    ("apparel.shoes.keds", 75, ("nike", "respect", "")),
    ("furniture.bedroom.bed", 175, ("brw", "")),
    ("furniture.living_room.cabinet", 210, ("brw", "sv", "")),
    ("electronics.tablet", 180, ("apple", "samsung", "lenovo")),
    ("construction.tools.drill", 80, ("bosch", "makita", "")),
    ("electronics.audio.subwoofer", 64, ("sony", "jbl", "")),
    ("kids.carriage", 199, ("",)),
    ("accessories.bag", 48, ("", "nan")),
    ("apparel.scarf", 22, ("", "nan")),
)


class Category(NamedTuple):
    """Products of one category id, the most seen first; each is the text of its five columns, product_id to price."""

    weight: float
    products: tuple[str, ...]


class Event(NamedTuple):
    """One row that waits for its turn; `order` keeps rows of the same second in the order of their making."""

    second: int
    order: int
    line: str


def generate(rows: int, seed: int = DEFAULT_SEED, months: Sequence[str] = DEFAULT_MONTHS) -> Iterator[str]:
    """Yields `rows` CSV lines without the header, each with its line end, ordered by time.

    months: as "2019-10"; each gets rows by its number of days. Memory does not grow with `rows` but with the number of
    sessions that are open at one moment. Raises ValueError for a negative number of rows and for a month that is none.
    """
    if rows < 0:
        raise ValueError(f"{rows} rows cannot be generated; give zero or more.")
    starts = sorted({month_start(month) for month in months})
    if not starts:
        raise ValueError("A data set needs at least one month, such as 2019-11.")
    return _rows_of_months(rows, seed, starts)


def month_start(month: str) -> datetime:
    """The first moment of a month given as "2019-11"; raises ValueError for anything else."""
    if not re.fullmatch(r"(19|20)\d{2}-(0[1-9]|1[0-2])", month):
        raise ValueError(f"{month!r} is not a month; write it as 2019-11.")
    return datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)


def _rows_of_months(rows: int, seed: int, starts: Sequence[datetime]) -> Iterator[str]:
    catalogue = _catalogue(Random(f"{seed}/catalogue"))
    days = [0, *itertools.accumulate((_next_month(start) - start).days for start in starts)]
    for start, before, after in zip(starts, days, days[1:], strict=False):
        share = rows * after // days[-1] - rows * before // days[-1]
        yield from _rows_of_month(
            share, start, catalogue, users=rows // ROWS_PER_USER + 1, random=Random(f"{seed}/{start}")
        )


def _rows_of_month(
    rows: int, start: datetime, catalogue: Sequence[Category], users: int, random: Random
) -> Iterator[str]:
    """Opens sessions along the month's clock and merges their events by time; its end cuts the last sessions."""
    hours = [start + timedelta(hours=hour) for hour in range((_next_month(start) - start).days * 24)]
    clock = [0, *itertools.accumulate(HOUR_WEIGHTS[hour.hour] * WEEKDAY_WEIGHTS[hour.weekday()] for hour in hours)]
    category_weights = list(itertools.accumulate(category.weight for category in catalogue))
    end = len(hours) * 3600
    order = itertools.count()
    waiting: list[Event] = []
    opened = 0
    while opened < rows:
        position = (opened + random.random()) / (rows + 1) * clock[-1]
        hour = bisect_right(clock, position) - 1
        second = int((hour + (position - clock[hour]) / (clock[hour + 1] - clock[hour])) * 3600)
        while waiting and waiting[0].second <= second:
            yield heapq.heappop(waiting).line
        category = random.choices(catalogue, cum_weights=category_weights)[0]
        user = (
            f"{512_000_000 + int(users * random.random() ** 2) * 17},{UUID(int=random.getrandbits(128), version=4)}\n"
        )
        carts_recorded = start + timedelta(seconds=second) >= CARTS_RECORDED_FROM
        machine = random.random() < MACHINE_SESSIONS
        for gap, event_type, product in (
            _machine_session(category) if machine else _session(category, carts_recorded, random)
        ):
            second += gap
            if second >= end or opened == rows:
                break
            moment = start + timedelta(seconds=second)
            line = f"{moment:%Y-%m-%d %H:%M:%S} UTC,{event_type},{product},{user}"
            copies = 2 if opened + 1 < rows and random.random() < REPEATED_ROWS else 1
            for _ in range(copies):
                heapq.heappush(waiting, Event(second, next(order), line))
            opened += copies
    while waiting:
        yield heapq.heappop(waiting).line


def _session(category: Category, carts_recorded: bool, random: Random) -> Iterator[tuple[int, str, str]]:
    """The events of one visit as (seconds after the one before, event_type, product).

    Views of one category come first, then perhaps a cart and a purchase.
    """

    def pause() -> int:
        return 1 + int(random.expovariate(1 / MEAN_SECONDS_BETWEEN_EVENTS))

    product = category.products[0]
    for view in range(1 + int(random.expovariate(1 / (MEAN_VIEWS - 0.5)))):
        product = category.products[int(len(category.products) * random.random() ** 3)]
        yield (pause() if view else 0), "view", product
    if random.random() < PURCHASING_SESSIONS:
        if carts_recorded or random.random() < 0.45:
            yield pause(), "cart", product
        yield pause(), "purchase", product
    elif random.random() < (0.14 if carts_recorded else 0.025):
        yield pause(), "cart", product


def _machine_session(category: Category) -> Iterator[tuple[int, str, str]]:
    """Equal carts at an even pace, in the form of `_session`."""
    seconds = [number * MACHINE_SECONDS // MACHINE_CARTS for number in range(MACHINE_CARTS)]
    for before, second in zip([0, *seconds], seconds, strict=False):
        yield second - before, "cart", category.products[0]


def _catalogue(random: Random) -> list[Category]:
    """All categories with their products, smartphones first."""
    categories = []
    for rank in range(CATEGORIES):
        code, price, brands = CODES[rank % len(CODES)]
        category_id = SMARTPHONE_CATEGORY_ID if rank == 0 else FIRST_CATEGORY_ID + rank * 31_000_000_007
        weight = 1 / (rank + 9)
        products = []
        for number in range(PRODUCTS_PER_CATEGORY):
            product_id = 1_000_000 + rank * 100_000 + number * 131
            cost = 0.0 if random.random() < PRODUCTS_WITHOUT_PRICE else price * random.lognormvariate(0, 0.6)
            shown_code = "" if rank % 5 in (2, 4) else code
            products.append(f"{product_id},{category_id},{shown_code},{random.choice(brands)},{cost:.2f}")
        categories.append(Category(weight, tuple(products)))
    others = sum(category.weight for category in categories[1:])
    categories[0] = categories[0]._replace(weight=others * SMARTPHONE_SHARE / (1 - SMARTPHONE_SHARE))
    return categories


def _next_month(start: datetime) -> datetime:
    return (start + timedelta(days=31)).replace(day=1)


def _with_progress(lines: Iterable[str], rows: int) -> Iterator[str]:
    """Passes the lines on and says on standard error how far it is: a bar in a terminal, else a line now and then."""
    terminal = sys.stderr.isatty()
    every, said = (0.2, time.monotonic()) if terminal else (10.0, time.monotonic())
    for done, line in enumerate(lines, start=1):
        yield line
        if done % 1000 == 0 and time.monotonic() - said >= every:
            said = time.monotonic()
            bar = "#" * (30 * done // rows)
            sys.stderr.write(f"\r[{bar:30}] {done:,} rows" if terminal else f"{done:,} of {rows:,} rows\n")
            sys.stderr.flush()
    if terminal:
        sys.stderr.write("\r\033[K")


@contextmanager
def _output(path: Path) -> Iterator[IO[bytes]]:
    """The file to write, plain or as the one member of a zip; it appears under its name when it is complete."""
    part = path.with_name(f"{path.name}.part")
    try:
        if path.suffix == ".zip":
            member = zipfile.ZipInfo(path.stem if path.stem.endswith(".csv") else f"{path.stem}.csv")
            member.compress_type = zipfile.ZIP_DEFLATED
            with zipfile.ZipFile(part, "w") as archive, archive.open(member, "w", force_zip64=True) as file:
                yield file
        else:
            with part.open("wb") as file:
                yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Writes a made-up e-commerce data set; the same rows, seed and months give the same bytes.",
        epilog="Example: python simulator/dataset_generator.py --rows 2000000 --months 2019-11 --output 2019-Nov.zip",
    )
    parser.add_argument("--rows", type=int, default=DEFAULT_ROWS, help="events to write (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, help="another seed, another data set (default: %(default)s)"
    )
    parser.add_argument(
        "--months", default=",".join(DEFAULT_MONTHS), help="months with commas between them (default: %(default)s)"
    )
    parser.add_argument("--output", required=True, help="a file ending in .csv or .zip, or - for standard output")
    parser.add_argument("--force", action="store_true", help="overwrite the file if it is there")
    arguments = parser.parse_args(words)
    if arguments.output != "-":
        path = Path(arguments.output)
        if path.suffix not in {".csv", ".zip"}:
            parser.error(f"--output {path} ends neither in .csv nor in .zip.")
        if not path.absolute().parent.is_dir():
            parser.error(f"The folder {path.parent} does not exist; make it first.")
        if path.exists() and not arguments.force:
            parser.error(f"{path} exists already; give --force to overwrite it.")
    return arguments


def main(words: Sequence[str] | None = None) -> None:
    arguments = _arguments(words)
    try:
        lines = generate(arguments.rows, arguments.seed, arguments.months.split(","))
    except ValueError as error:
        sys.exit(str(error))
    text = itertools.chain([HEADER], _with_progress(lines, arguments.rows))
    encoded = (line.encode() for line in text)
    try:
        if arguments.output == "-":
            sys.stdout.buffer.writelines(encoded)
            sys.stdout.buffer.flush()
        else:
            with _output(Path(arguments.output)) as file:
                file.writelines(encoded)
    except BrokenPipeError:
        # The reader has what it wanted (head); without this Python complains once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.exit("Interrupted; the data set is not complete.")
    except OSError as error:
        sys.exit(f"The data set could not be written: {error}.")


if __name__ == "__main__":
    main()
