"""Whether the disk has room for what is to be stored: on a full one, S3 would keep an object in memory and say 200."""

from __future__ import annotations

import shutil
from pathlib import Path

MEGABYTE = 1 << 20
# The descriptions of objects and the state of all services must find room as well.
SPARE_BYTES = 16 * MEGABYTE


def lack_of_room(folder: Path, size: int) -> str | None:
    """A sentence where `size` more bytes do not fit on the disk of `folder`, else None."""
    free = shutil.disk_usage(folder).free
    if free >= size + SPARE_BYTES:
        return None
    return (
        f"The disk of {folder} is nearly full: {free / MEGABYTE:,.0f} MB are free, {size / MEGABYTE:,.0f} MB are to be "
        f"stored and {SPARE_BYTES // MEGABYTE} MB are kept for the platform itself. Nothing was stored; "
        "free some space, then repeat."
    )
