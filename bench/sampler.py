"""Writes what each process of an instance holds in memory, and what its folder holds on disk, every few seconds."""

from __future__ import annotations

import csv
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from local.processes import MARK, environment_of

POLL_SECONDS = 3.0
GB = 1e9
_JAVA_CLASS = re.compile(r"(?:[a-z]\w*\.){2,}([A-Z]\w*)")


@dataclass
class Peaks:
    """The largest samples. processes: resident bytes of the largest process of each name.

    resident, proportional: bytes of all processes at a time; the second counts a page that several share once.
    disk: bytes of all files below the instance's folder, except for the folder of the samples.
    """

    processes: dict[str, int] = field(default_factory=dict)
    resident: int = 0
    proportional: int = 0
    disk: int = 0


class Sampler:
    """Samples from a thread of its own while the context is open.

    var: the instance's folder, LOCAL_VAR. output: a CSV of one row per process and sample. root: a process whose
    descendants belong to the instance too, though its services have not started them.
    """

    def __init__(self, var: Path, output: Path, root: int) -> None:
        self.peaks = Peaks()
        self._var = var
        self._output = output
        self._root = root
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._keep_error, name="sampler", daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._error:
            raise self._error

    def _keep_error(self) -> None:
        """Samples without a gap, or the context ends with the error: missing samples would look like little memory."""
        try:
            self._run()
        except Exception as raised:
            self._error = raised

    def _run(self) -> None:
        begin = time.monotonic()
        with self._output.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["seconds", "pid", "process", "resident_bytes", "proportional_bytes"])
            while True:
                seconds = round(time.monotonic() - begin, 1)
                resident = proportional = 0
                for process, name in self._processes():
                    with suppress(psutil.Error):
                        rss, pss = _memory(process)
                        writer.writerow([seconds, process.pid, name, rss, pss])
                        self.peaks.processes[name] = max(self.peaks.processes.get(name, 0), rss)
                        resident += rss
                        proportional += pss
                disk = _bytes_below(self._var, self._output.parent)
                writer.writerow([seconds, 0, "all", resident, proportional])
                writer.writerow([seconds, 0, "disk", disk, disk])
                file.flush()
                self.peaks.resident = max(self.peaks.resident, resident)
                self.peaks.proportional = max(self.peaks.proportional, proportional)
                self.peaks.disk = max(self.peaks.disk, disk)
                if self._stop.wait(POLL_SECONDS):
                    return

    def _processes(self) -> Iterator[tuple[psutil.Process, str]]:
        own: set[int] = set()
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._root)
            own = {root.pid, *(child.pid for child in root.children(recursive=True))}
        for process in psutil.process_iter():
            mark = environment_of(process).get(MARK, "")
            if mark.startswith(f"{self._var}/"):
                yield process, f"{mark.rpartition(':')[2]}: {name_of(process)}"
            elif process.pid in own:
                yield process, f"demo: {name_of(process)}"


def name_of(process: psutil.Process) -> str:
    """A name for a process that a person knows: the class of a Java program, the module of a Python one, its title."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return "ended"
    if not words:
        return process.name()
    if Path(words[0]).name == "java":
        classes = [match[1] for word in words[1:] if (match := _JAVA_CLASS.fullmatch(word))]
        return f"java {classes[0]}" if classes else "java"
    if " " in words[0]:
        return words[0].partition(" -- ")[0].partition(":")[0][:40]
    if "-m" in words[:-1]:
        return words[words.index("-m") + 1]
    named = next((word for word in words[1:] if not word.startswith("-")), words[0])
    return Path(named).name[:40]


def _memory(process: psutil.Process) -> tuple[int, int]:
    """Resident and proportional bytes; where the system knows no proportional ones, the resident twice."""
    resident = process.memory_info().rss
    try:
        return resident, int(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):
        return resident, resident


def _bytes_below(folder: Path, without: Path) -> int:
    """What the files really occupy; those that vanish while they are counted count as nothing."""
    total = 0
    for parent, folders, names in folder.walk():
        folders[:] = [name for name in folders if parent / name != without]
        for name in names:
            with suppress(OSError):
                total += (parent / name).lstat().st_blocks * 512
    return total
