"""Two ways to write a data set of made-up rows, each measured as a process of its own.

Run as `python -m bench.generator_ways WAY ROWS FILE`; prints {"rows", "bytes", "seconds", "cpu_seconds"} as JSON.
"""

from __future__ import annotations

import csv
import json
import random
import resource
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from simulator.dataset_generator import HEADER, blocks

SEED, MONTH = 1, "2019-11"


def generator(rows: int, path: Path) -> None:
    """The generator as it is."""
    with path.open("wb") as file:
        file.write(HEADER.encode())
        file.writelines(block.encode() for block in blocks(rows, SEED, [MONTH]))


def row_by_row(rows: int, path: Path) -> None:
    """As one would write it down: the fields of a row drawn one by one, and csv.writer for each row.

    It knows no months, no sessions that go on and no users that return: its rows have the right columns and lengths.
    """
    draw = random.Random(SEED)
    products = [(1_000_000 + number, "electronics.smartphone", "samsung") for number in range(10_000)]
    shares = list(accumulate(1 / (rank + 50) for rank in range(len(products))))
    start, step = datetime(2019, 11, 1, tzinfo=UTC), timedelta(days=30) / max(rows, 1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER.rstrip("\n").split(","))
        user, session = 0, ""
        for number in range(rows):
            if number % 5 == 0:
                user = draw.randrange(512_000_000, 580_000_000)
                session = str(uuid.UUID(int=draw.getrandbits(128), version=4))
            product_id, code, brand = draw.choices(products, cum_weights=shares)[0]
            kind = draw.choices(("view", "cart", "purchase"), cum_weights=(94, 98.5, 100))[0]
            price = f"{draw.lognormvariate(5, 1):.2f}"
            moment = f"{start + number * step:%Y-%m-%d %H:%M:%S} UTC"
            writer.writerow([moment, kind, product_id, 2053013555631882655, code, brand, price, user, session])


WAYS = {way.__name__: way for way in (generator, row_by_row)}


def main() -> None:
    way, rows, file = sys.argv[1:]
    cpu, start = _cpu_seconds(), time.monotonic()
    WAYS[way](int(rows), Path(file))
    seconds, cpu_seconds = time.monotonic() - start, _cpu_seconds() - cpu
    found = {"rows": int(rows), "bytes": Path(file).stat().st_size, "seconds": seconds, "cpu_seconds": cpu_seconds}
    json.dump(found, sys.stdout)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
