"""Runs a service as its parent and writes down how it ended: whoever started the two is gone by then.

Arguments: the file to write, a descriptor to write the service's process id to, the name and value of the variable that
marks the service's processes, then its command. Run with `-I -S`, as it lives beside the service and is to be small.
The file gets one line: process id, wait status as a number of `os.waitstatus_to_exitcode`, seconds since 1970, and how
many processes the kernel killed for lack of memory meanwhile in the control group, or -1 where there is no count.
"""

import os
import signal
import sys
import time
from pathlib import Path


def main() -> None:
    file, descriptor, name, value, *command = sys.argv[1:]
    before = kills_for_memory()
    # Closed by the system at the moment in which the service's own program and environment are in place.
    started, starting = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(int(descriptor))
        os.setsid()
        os.environ[name] = value
        try:
            os.execve(command[0], command, os.environ)
        finally:
            os._exit(127)
    os.close(starting)
    os.read(started, 1)
    # The service is asked to end by its own process id; this one ends when that has.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    os.write(int(descriptor), f"{pid}\n".encode())
    os.close(int(descriptor))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    kills = kills_for_memory() - before if before >= 0 else -1
    part = Path(f"{file}.part")
    part.write_text(f"{pid} {status} {time.time():.0f} {kills}\n")
    part.replace(file)


def kills_for_memory() -> int:
    """What the control group of this process counts; -1 where there is none, as on macOS."""
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
        group = next(line.removeprefix("0::") for line in groups if line.startswith("0::"))
        events = Path(f"/sys/fs/cgroup{group}/memory.events").read_text().splitlines()
        return next(int(line.split()[1]) for line in events if line.startswith("oom_kill "))
    except (OSError, StopIteration):
        return -1


if __name__ == "__main__":
    main()
