"""Estimates what a large data set will take of disk, memory and time, and refuses what cannot fit.

The shares are of the CSV's bytes. What is stored was measured with `make bench-month OPTIONS="--rows 1000000"` (133 MB:
the zip 26 MB, Parquet 17 MB, the tables 19 MB, all else 240 MB, 2.8 GB of memory), the time with 67.5 million rows
(8.98 GB) on two cores: upload 204 s, profile 206 s, conversion 541 s. At most 22 GB lay on the disk during that
conversion, and all processes together held 4.6 GB of memory; the shares below are that with some room.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from demo import DemoError
from demo.sources import members
from local.config import Config

GB = 1e9
# Smaller ones fit any machine that runs the platform at all, and take a minute or two.
LARGE_BYTES = 1 * GB
# What is certain to lie on the disk at the end: the CSV, its zip, the Parquet files, the tables.
STORED_SHARE = 1.0 + 0.2 + 0.13 + 0.15
# What lies there meanwhile as well: what Spark sorts and keeps, or the profile's database; and what served before.
TEMPORARY_SHARE = 1.2
PREVIOUS_SHARE = 0.13 + 0.15
FIXED_DISK_BYTES = 0.5 * GB
FIXED_MEMORY_BYTES = 3.0 * GB
MEMORY_SHARE = 0.25
MAX_MEMORY_BYTES = 6.0 * GB
FIXED_SECONDS = 150
SECONDS_PER_GB = 160
# An earlier run says how fast this machine is, unless it was too small to say anything.
MIN_MEASURED_BYTES = 0.1 * GB
MIN_PACE, MAX_PACE = 0.25, 8.0
PACE = "pace.json"


@dataclass(frozen=True)
class Needs:
    """What a data set of so many bytes of CSV takes, in bytes and seconds.

    stored: what it adds to the disk for good; disk: with what lies there meanwhile. Without what is stored already.
    """

    csv: float
    stored: float
    disk: float
    memory: float
    seconds: float


def check(files: Sequence[str], config: Config) -> list[str]:
    """What to say before the start: nothing of small files. Raises DemoError for what cannot fit on this machine."""
    csv, unknown = csv_bytes(files)
    if csv < LARGE_BYTES:
        return []
    needs = estimate(csv, pace(config.var / "demo"), stored_already(config, csv))
    free, memory = free_bytes(config.var), memory_bytes()
    if free < needs.stored:
        raise DemoError(
            f"The data set is {_gb(csv)} of CSV and takes {_gb(needs.stored)} of disk at least, {_gb(needs.disk)} with "
            f"what lies there meanwhile; {_gb(free)} are free below {config.var}. Free some, or keep all of it on a "
            "larger disk: LOCAL_VAR=<folder> make demo."
        )
    if memory < needs.memory:
        raise DemoError(
            f"The data set is {_gb(csv)} of CSV and takes {_gb(needs.memory)} of memory; this machine has "
            f"{_gb(memory)}. Take a part of the data set, for example one month, or a machine with more memory."
        )
    about = (
        f"{_gb(csv)} of CSV{f' without {unknown}' if unknown else ''}: takes about {_gb(needs.disk)} of disk "
        f"({_gb(free)} are free), {_gb(needs.memory)} of memory and {_duration(needs.seconds)}."
    )
    return [about, *_warnings(needs, free)]


def csv_bytes(files: Sequence[str]) -> tuple[float, str]:
    """Bytes of all CSV, unpacked, and the names of the files of which nobody here knows them."""
    total, unknown = 0, []
    for file in files:
        if file.startswith("s3://"):
            unknown.append(file)
            continue
        packed = members(file)
        total += Path(file).stat().st_size if packed is None else sum(member.file_size for member in packed)
    return total, ", ".join(unknown)


def estimate(csv: float, pace: float = 1.0, already: bool = False) -> Needs:
    """What so many bytes of CSV take. pace: how much longer than measured. already: whether the CSV is stored."""
    stored = (STORED_SHARE - (1.2 if already else 0)) * csv + FIXED_DISK_BYTES
    return Needs(
        csv=csv,
        stored=stored,
        disk=stored + (TEMPORARY_SHARE + PREVIOUS_SHARE) * csv,
        memory=min(FIXED_MEMORY_BYTES + MEMORY_SHARE * csv, MAX_MEMORY_BYTES),
        seconds=(FIXED_SECONDS + SECONDS_PER_GB * csv / GB) * pace,
    )


def note_pace(folder: Path, csv: float, seconds: float) -> None:
    """Keeps how long a whole demo of so many bytes of CSV took on this machine, for the next estimate."""
    part = folder / "pace.part"
    part.write_text(json.dumps({"bytes": csv, "seconds": seconds}))
    part.replace(folder / PACE)


def pace(folder: Path) -> float:
    """How much longer than the estimate the last whole demo took; 1 where none says it."""
    try:
        content = json.loads((folder / PACE).read_text())
        csv, seconds = float(content["bytes"]), float(content["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 1.0
    if csv < MIN_MEASURED_BYTES:
        return 1.0
    return min(max(seconds / estimate(csv).seconds, MIN_PACE), MAX_PACE)


def stored_already(config: Config, csv: float) -> bool:
    """Whether the raw bucket holds as many bytes of CSV, so that the same data set is not stored twice."""
    folders = config.objects.glob("*/*/ecomm_user_activity_uncompressed")
    total = sum(path.stat().st_size for folder in folders for path in folder.rglob("*.csv") if path.is_file())
    return abs(total - csv) < csv / 1000


def free_bytes(folder: Path) -> float:
    """What is free on the disk of a folder, which may not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return float(shutil.disk_usage(folder).free)


def memory_bytes() -> float:
    """All memory of this machine, or of the container that this process is in."""
    limits = [float(psutil.virtual_memory().total)]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(float(Path(path).read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return min(limits)


def _warnings(needs: Needs, free: float) -> list[str]:
    found = []
    if free < needs.disk:
        found.append(f"The disk may become full: {_gb(free)} are free.")
    # What the instance holds already, when it runs, is part of the need.
    if (available := float(psutil.virtual_memory().available)) < needs.memory - FIXED_MEMORY_BYTES:
        found.append(f"Memory may become short: {_gb(available)} are free; end other programs.")
    return found


def _gb(size: float) -> str:
    return f"{size / GB:,.1f} GB"


def _duration(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"
