"""Where the rows go: a file that appears when it is complete, and word of how far it is."""

from __future__ import annotations

import sys
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

BAR = 30
# What the members of a zip are dated, so that the same rows make the same zip.
ZIP_DATE = (2019, 12, 1, 0, 0, 0)


@contextmanager
def output(path: Path) -> Iterator[IO[bytes]]:
    """The file to write, plain or as the one member of a zip; it appears under its name when it is complete."""
    part = path.with_name(f"{path.name}.part")
    try:
        if path.suffix == ".zip":
            name = path.stem if path.stem.endswith(".csv") else f"{path.stem}.csv"
            member = zipfile.ZipInfo(name, ZIP_DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            with zipfile.ZipFile(part, "w") as archive, archive.open(member, "w", force_zip64=True) as file:
                yield file
        else:
            with part.open("wb") as file:
                yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def with_progress(blocks: Iterable[str], rows: int) -> Iterator[str]:
    """Passes blocks on and says on standard error how far it is: a bar in a terminal, else a line now and then."""
    terminal = sys.stderr.isatty()
    every, said, done = (0.2 if terminal else 10.0), time.monotonic(), 0
    try:
        for block in blocks:
            yield block
            done += block.count("\n")
            if time.monotonic() - said >= every:
                said = time.monotonic()
                bar = "#" * (BAR * done // rows)
                sys.stderr.write(
                    f"\r[{bar:{BAR}}] {done:,} of {rows:,} rows" if terminal else f"{done:,} of {rows:,} rows\n"
                )
                sys.stderr.flush()
    finally:
        if terminal:
            sys.stderr.write("\r\033[K")
