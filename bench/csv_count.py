"""Counts CSV files of the data set apart from the product: `.venv/local/bin/python -m bench.csv_count FILE…`.

Prints a JSON object: the lines after the header as a plain reader counts them, and for each UTC day the visitors, the
events of each type and the revenue. It knows nothing of the product's SQL, contract or rules: a line that the product
sets aside is counted here, so the two agree only on files without such lines.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

BLOCK_BYTES = 16 * 1024 * 1024
DAYS = """
    select
        left(event_time, 10) as day,
        count(*) as rows,
        count(distinct user_id) as visitors,
        count(*) filter (event_type = 'view') as views,
        count(*) filter (event_type = 'cart') as carts,
        count(*) filter (event_type = 'purchase') as purchases,
        coalesce(sum(cast(price as decimal(18, 2))) filter (event_type = 'purchase'), 0) as revenue
    from read_csv({files}, header = true, delim = ',', quote = '"', all_varchar = true)
    group by day
    order by day
"""


def count(paths: Sequence[Path]) -> dict[str, Any]:
    """Lines after the header, and a row per day."""
    with TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        files = []
        for path in paths:
            files.append(str(path))
            if path.suffix.lower() == ".zip":
                archive = stack.enter_context(zipfile.ZipFile(path))
                files[-1] = archive.extract(archive.infolist()[0], folder)
        database = duckdb.connect()
        database.execute("set memory_limit = '2GB'")
        database.execute(f"set temp_directory = '{folder}'")
        found = database.execute(DAYS.format(files=json.dumps(files).replace('"', "'")))
        names = [column[0] for column in found.description or []]
        days = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        lines = sum(_lines(Path(file)) - 1 for file in files)
    return {"lines": lines, "days": [{**day, "revenue": float(day["revenue"])} for day in days]}


def _lines(path: Path) -> int:
    """Lines of a file; the last one may lack its end."""
    total, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            total += block.count(b"\n")
            last = block[-1:]
    return total + (last != b"\n")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(count([Path(word) for word in sys.argv[1:]])) + "\n")
