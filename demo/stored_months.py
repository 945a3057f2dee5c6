"""Says what becomes of the months that are in the raw bucket already, before the upload touches them."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from ecomm.contract import MONTH_NAMES
from ecomm.upload.origins import origins

from demo import DemoError
from demo.sources import members

GENERATE = {"source": "generate", "replace": True}
# A line is shorter than this, so the end of a file of this size holds a whole one.
END_BYTES = 100_000
_TIME = re.compile(rb"^\"?(\d{4}-\d\d)-\d\d", re.MULTILINE)


def configuration(files: Sequence[str]) -> dict[str, Any]:
    """What the upload is triggered with: the files, or the rows that the project generates."""
    return {"source": "files", "sources": list(files), "replace": True} if files else dict(GENERATE)


def stored(bucket: str) -> dict[str, bool]:
    """The months of data sets in the raw bucket, and of each whether it holds generated rows alone."""
    return origins(bucket, boto3.client("s3"))


def refuse_to_generate_over(months: Mapping[str, bool]) -> None:
    """Raises DemoError where the bucket has months that the generator did not make: its rows would replace these."""
    if real := [month for month, generated in months.items() if not generated]:
        raise DemoError(
            f"The raw bucket holds data of your own, {', '.join(real)}, and the demo without DATASET would put made-up "
            "rows in its place. Name the files again (DATASET=2019-Nov.csv make demo), or keep the two apart: "
            "LOCAL_VAR=<another folder> make demo. `make clean` removes what is here."
        )


def sentences(months: Mapping[str, bool], files: Sequence[str]) -> list[str]:
    """What the upload of the files does to the months of the bucket; none where there are none.

    A month of the files is the one that they begin or end with, or one in between.
    """
    coming, whole = months_of(files)
    made = {month: f"{month} ({'generated' if generated else 'your own'})" for month, generated in months.items()}
    found = []
    if replaced := [made[month] for month in months if month in coming]:
        found.append(
            f"In the raw bucket already: {', '.join(replaced)}. It stays if it was made of the same files, else it is "
            "replaced."
        )
    if others := [made[month] for month in months if month not in coming]:
        unless = "" if whole else ", unless the data set holds rows of it"
        found.append(f"In the raw bucket already: {', '.join(others)}. It will be removed{unless}.")
    return found


def months_of(files: Iterable[str]) -> tuple[set[str], bool]:
    """The months from the first to the last row of each file, and whether these are all.

    Of a zip only the first row and its name are looked at, and of a file in S3 only its name.
    """
    months: set[str] = set()
    whole = True
    for file in files:
        months |= _named(file)
        if file.startswith("s3://"):
            whole = False
            continue
        packed = members(file)
        if packed is not None:
            whole = False
            months |= _first_packed(file, packed)
            continue
        with Path(file).open("rb") as content:
            first = _times(content.read(END_BYTES))[:1]
            content.seek(max(0, Path(file).stat().st_size - END_BYTES))
            last = _times(content.read())[-1:]
        months |= set(_between(*first, *last)) if first and last else set()
    return months, whole


def _first_packed(path: str, packed: Sequence[zipfile.ZipInfo]) -> set[str]:
    """The month of the first row; none where the upload will refuse the zip, and say why."""
    if not packed:
        return set()
    # What is encrypted, damaged, or packed by another method than deflate.
    unreadable = suppress(RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error, EOFError)
    with unreadable, zipfile.ZipFile(path) as archive, archive.open(packed[0]) as member:
        return set(_times(member.read(END_BYTES))[:1])
    return set()


def _named(file: str) -> set[str]:
    """The months in a name such as 2019-Nov.csv.zip."""
    names = re.findall(rf"(20\d\d)-({'|'.join(MONTH_NAMES)})", file.rpartition("/")[2])
    return {f"{year}-{MONTH_NAMES.index(name) + 1:02}" for year, name in names}


def _times(content: bytes) -> list[str]:
    return [found.decode() for found in _TIME.findall(content)]


def _between(first: str, last: str) -> list[str]:
    """All months from one to the other, whichever is first."""
    low, high = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in sorted((first, last)))
    return [f"{number // 12}-{number % 12 + 1:02}" for number in range(low, high + 1)]
