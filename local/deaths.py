"""Says why a service died, in sentences for whoever waited for it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from local.processes import Service

FULL_DISK_BYTES = 100_000_000
LOG_LINES = 12
NOTE_SECONDS, POLL_SECONDS = 2, 0.05
_FULL_DISK = re.compile(r"No space left on device|database or disk is full|Errno 28")


@dataclass(frozen=True)
class Ending:
    """How a process ended. status: its exit status, or the negative number of the signal that ended it.

    kills_for_memory: how many processes the kernel killed meanwhile for lack of memory; -1 where that is not counted.
    """

    pid: int
    status: int
    at: datetime
    kills_for_memory: int


def why(service: Service) -> str:
    """One sentence about a service that was started and does not live: when and why it ended."""
    started = service.started()
    if started is None:
        return f"{service.name} was stopped."
    pid = int(started["pid"])
    if psutil.boot_time() > started["created"] + 1:
        return f"{service.name} (process {pid}) ended when this machine was restarted."
    ending = _noted(service, pid)
    if ending is None:
        return f"{service.name} (process {pid}) died, and nothing was left to note why."
    return f"{service.name} (process {pid}) died at {ending.at:%H:%M:%S}: {_cause(service, ending)}."


def explained(service: Service) -> str:
    """The same with the end of its log, where all of it is, and how to go on."""
    text = service.log.read_text(errors="replace") if service.log.exists() else ""
    lines = "\n".join(f"  | {line}" for line in text.splitlines()[-LOG_LINES:])
    return (
        f"{why(service)}\n\nThe end of its log:\n{lines}\n\nAll of it is in {service.log}. What it stored is still "
        "there: run the same command again, which starts it and goes on with that."
    )


def _cause(service: Service, ending: Ending) -> str:
    free = shutil.disk_usage(service.run).free
    if ending.status == -signal.SIGKILL:
        if ending.kills_for_memory > 0 or _killed_by_kernel(ending.pid):
            return "the kernel killed it, since the machine's memory was used up; end other programs, or add memory"
        return (
            "it was killed (SIGKILL), by somebody or by the kernel because the memory was used up, which "
            "`sudo dmesg | grep -i oom` says"
        )
    if free < FULL_DISK_BYTES or _FULL_DISK.search(service.end_of_log()):
        return f"the disk of {service.run.parent} is full ({free / 1e6:,.0f} MB are free now); free some space"
    if ending.status < 0:
        return f"it got {_name_of(-ending.status)}"
    return f"it ended by itself with status {ending.status}"


def _name_of(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _noted(service: Service, pid: int) -> Ending | None:
    """What was noted of the process; the note comes a moment after its end."""
    deadline = time.monotonic() + NOTE_SECONDS
    while True:
        ending = _ending(service)
        if ending and ending.pid == pid:
            return ending
        if time.monotonic() > deadline:
            return None
        time.sleep(POLL_SECONDS)


def _ending(service: Service) -> Ending | None:
    try:
        pid, status, at, kills = service.ending.read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return Ending(int(pid), int(status), datetime.fromtimestamp(int(at)).astimezone(), int(kills))


def _killed_by_kernel(pid: int) -> bool:
    """Whether the kernel's log says so; it may be closed to this user."""
    killed = re.compile(rf"Killed process {pid}\b|oom-kill:.*\bpid={pid}\b")
    try:
        log = os.open(Path("/dev/kmsg"), os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        while True:
            try:
                record = os.read(log, 8192)
            except BrokenPipeError:  # a record that was overwritten while it was read
                continue
            if not record:
                return False
            if killed.search(record.decode(errors="replace")):
                return True
    except OSError:  # no further record
        return False
    finally:
        os.close(log)
