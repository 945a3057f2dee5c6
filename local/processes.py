"""Services as processes of this machine: started in a group of their own, found again later, stopped without a rest.

What a service has started (Spark, Airflow's workers) may outlive it or leave its group, so every process of a service
carries a mark in its environment, inherited from the first one; whatever carries the mark is the service's.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import psutil

from local.config import HOST, ROOT
from local.whole_file import write_whole

MARK = "LOCAL_SERVICE_MARK"
EXIT_WATCH = Path(__file__).with_name("exit_watch.py")
START_LINE = "==== started"
LOG_LINES_SHOWN = 25
LOG_BYTES_KEPT = 20_000_000
POLL_SECONDS = 0.2
ENDED_POLL_SECONDS = 0.02


class ServiceError(Exception):
    """A sentence for the user: what is wrong, and what to do."""


@dataclass(frozen=True)
class Service:
    """One service of the platform.

    prepare: writes what it needs before it starts.
    ports: those that it listens on, by the setting of each.
    waiting_for: says what is not ready yet, given the time of its start; None when it is healthy.
    log: of the first process; the others of the service log beside it, under names that begin with the service's.
    stop_seconds: how long it may take to end by itself.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    url: str
    ports: Mapping[str, int]
    prepare: Callable[[], None]
    waiting_for: Callable[[float], str | None]
    log: Path
    run: Path
    start_seconds: float
    stop_seconds: float

    @property
    def mark(self) -> str:
        return f"{self.run}:{self.name}"

    @property
    def logs(self) -> list[Path]:
        others = sorted(self.log.parent.glob(f"{self.name}-*.log"))
        return ([self.log] if self.log.exists() else []) + others

    @property
    def ending(self) -> Path:
        """The file that says how the first process ended (local.exit_watch)."""
        return self.run / f"{self.name}.ended"

    @property
    def _record(self) -> Path:
        return self.run / f"{self.name}.json"

    def process(self) -> psutil.Process | None:
        """The first process, where it lives; a number that now belongs to another process does not count.

        It is known by its mark: the time of its start is another one once the machine's clock was set.
        """
        record = self.started()
        if record is None:
            return None
        try:
            process = psutil.Process(int(record["pid"]))
            environment = environment_of(process)
            # In its first moment a process has no environment yet that could be read.
            new = not environment and abs(process.create_time() - record["created"]) < 5
            same = new or environment.get(MARK) == self.mark
        except psutil.NoSuchProcess:
            return None
        return process if same and _lives(process) else None

    def started(self) -> dict[str, float] | None:
        """What was noted of the last start: pid, created (seconds since 1970); None after a stop."""
        try:
            return json.loads(self._record.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def start(self) -> psutil.Process:
        """Starts it and returns at once. Raises ServiceError where its runtime is missing."""
        if not Path(self.command[0]).exists():
            raise ServiceError(f"{self.name} needs {self.command[0]}, which is missing; `make setup` installs it.")
        self.prepare()
        for log in self.logs:
            if log.stat().st_size > LOG_BYTES_KEPT:
                log.replace(log.with_suffix(".log.old"))
        with self.log.open("ab") as output:
            output.write(f"{START_LINE} {datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z}\n".encode())
            output.flush()
            process = psutil.Process(self._run_watched(output))
        record = {"pid": process.pid, "created": process.create_time()}
        write_whole(self._record, json.dumps(record))
        return process

    def _run_watched(self, output: IO[bytes]) -> int:
        """Starts the first process below one that notes how it ends; its process id."""
        reading, writing = os.pipe()
        self.ending.unlink(missing_ok=True)
        words = [sys.executable, "-I", "-S", str(EXIT_WATCH), str(self.ending), str(writing), MARK, self.mark]
        with os.fdopen(reading) as announced:
            subprocess.Popen(
                [*words, *self.command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[writing],
            )
            os.close(writing)
            return int(announced.readline())

    def stop(self) -> int:
        """Ends all its processes, the first one first so that it can save its state; how many there were."""
        first = self.process()
        count = len(set(self._leftovers()))
        if first is not None:
            end_all([first], self.stop_seconds)
        end_all(self._leftovers(), seconds=5)
        self._record.unlink(missing_ok=True)
        return count

    def end_leftovers(self) -> None:
        """Ends what a first process that is dead has left."""
        end_all(self._leftovers(), seconds=5)

    def _leftovers(self) -> list[psutil.Process]:
        return [
            process
            for process in psutil.process_iter()
            if process.pid != os.getpid() and environment_of(process).get(MARK) == self.mark
        ]

    def end_of_log(self) -> str:
        this_run = self.log.read_text(errors="replace").rpartition(START_LINE)[2]
        lines = this_run.splitlines()[1:][-LOG_LINES_SHOWN:]
        return "\n".join([f"The end of {self.log}:", *(f"  | {line}" for line in lines)])


def end_all(processes: Sequence[psutil.Process], seconds: float) -> None:
    """Asks each to end (TERM), waits, and kills what still lives."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    alive = _those_that_live(processes, seconds)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _those_that_live(alive, seconds=5)


def _those_that_live(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that live when none does or the time is over.

    What has ended stays a zombie for as long as its parent does not ask for its status, as in a container without init.
    """
    deadline = time.monotonic() + seconds
    while alive := [process for process in processes if _lives(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(ENDED_POLL_SECONDS)
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def refuse_taken_ports(services: Sequence[Service], given: Iterable[int]) -> None:
    """Raises ServiceError naming whoever listens on a port of these services. given: all ports of the instance."""
    sentences, spoken_for = [], set(given)
    for service in services:
        for setting, port in service.ports.items():
            if reason := _why_not_free(port):
                other = _next_free(port, spoken_for)
                spoken_for.add(other)
                sentences.append(
                    f"Port {port} of {HOST}, which {service.name} listens on, {reason}. "
                    f"Stop that, or choose another port: {setting}={other}."
                )
    if sentences:
        raise ServiceError("\n".join(sentences))


def _why_not_free(port: int) -> str | None:
    with socket.socket() as listener:
        # As servers do, so that a connection of the last run that is not quite over is no hindrance.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            return None
        except OSError as error:
            reason = error.strerror
    holder = next(_listeners(port), None)
    return f"is taken by {holder}" if holder else f"cannot be used ({reason})"


def _next_free(port: int, spoken_for: Collection[int]) -> int:
    following = (one for one in range(port + 1, 65536) if one not in spoken_for and not _why_not_free(one))
    return next(following, port)


def wait_until_ready(services: Sequence[Service], show: Callable[[Service, str | None], None]) -> None:
    """Returns when all are healthy; `show` is told of each what it waits for, and None once it is ready.

    Raises ServiceError with the end of its log for one that ends or takes too long.
    """
    begun = time.monotonic()
    waiting = list(services)
    while waiting:
        for service in list(waiting):
            process = service.process()
            if process is None:
                raise ServiceError(f"{service.name} ended while it started. {service.end_of_log()}")
            reason = service.waiting_for(process.create_time())
            show(service, reason)
            if reason is None:
                waiting.remove(service)
            elif time.monotonic() - begun > service.start_seconds:
                late = f"{service.name} is not ready after {service.start_seconds:.0f} s: {reason}."
                raise ServiceError(f"{late} {service.end_of_log()}")
        time.sleep(POLL_SECONDS)


def _listeners(port: int) -> Iterator[str]:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            try:
                yield f"process {connection.pid} ({_described(psutil.Process(connection.pid))})"
            except psutil.Error:
                yield f"process {connection.pid}"


def _described(process: psutil.Process) -> str:
    run, _, name = environment_of(process).get(MARK, "").rpartition(":")
    return f"{name} of {Path(run).parent}" if run else " ".join(process.cmdline())[:100]


def environment_of(process: psutil.Process) -> dict[str, str]:
    """Empty where it cannot be read."""
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}
