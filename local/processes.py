"""Services as processes of this machine: started in a group of their own, found again later, stopped without a rest.

What a service has started (Spark, Airflow's workers) may outlive it or leave its group, so every process of a service
carries a mark in its environment, inherited from the first one; whatever carries the mark is the service's.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from local.config import HOST, ROOT

MARK = "LOCAL_SERVICE_MARK"
START_LINE = "==== started"
LOG_LINES_SHOWN = 25
LOG_BYTES_KEPT = 20_000_000
POLL_SECONDS = 0.2


class ServiceError(Exception):
    """A sentence for the user: what is wrong, and what to do."""


@dataclass(frozen=True)
class Service:
    """One service of the platform.

    prepare: writes what it needs before it starts.
    waiting_for: says what is not ready yet, given the time of its start; None when it is healthy.
    log: of the first process; the others of the service log beside it, under names that begin with the service's.
    stop_seconds: how long it may take to end by itself.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    url: str
    port: int
    port_setting: str
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
    def _record(self) -> Path:
        return self.run / f"{self.name}.json"

    def process(self) -> psutil.Process | None:
        """The first process, where it lives; a number that now belongs to another process does not count."""
        record = self.started()
        if record is None:
            return None
        try:
            process = psutil.Process(int(record["pid"]))
            environment = _environment(process)
            # In its first moment a process has no environment yet that could be read.
            marked = not environment or environment.get(MARK) == self.mark
            # The clock may have been set since.
            same = marked and abs(process.create_time() - record["created"]) < 5
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.NoSuchProcess:
            return None
        return process if same else None

    def started(self) -> dict[str, float] | None:
        """What was noted of the last start: pid, created (seconds since 1970), port; None after a stop."""
        try:
            return json.loads(self._record.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def start(self) -> psutil.Process:
        """Starts it and returns at once. Raises ServiceError where its port is taken or its runtime is missing."""
        end_all(self._leftovers(), seconds=5)
        refuse_taken_port(self)
        if not Path(self.command[0]).exists():
            raise ServiceError(f"{self.name} needs {self.command[0]}, which is missing; `make setup` installs it.")
        self.prepare()
        for log in self.logs:
            if log.stat().st_size > LOG_BYTES_KEPT:
                log.replace(log.with_suffix(".log.old"))
        with self.log.open("ab") as output:
            output.write(f"{START_LINE} {datetime.now().astimezone():%Y-%m-%d %H:%M:%S %z}\n".encode())
            output.flush()
            started = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**self.environment, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = psutil.Process(started.pid)
        record = {"pid": process.pid, "created": process.create_time(), "port": self.port}
        unfinished = self._record.with_suffix(".tmp")
        unfinished.write_text(json.dumps(record))
        unfinished.replace(self._record)
        return process

    def stop(self) -> int:
        """Ends all its processes, the first one first so that it can save its state; how many there were."""
        first = self.process()
        count = len(set(self._leftovers()))
        if first is not None:
            end_all([first], self.stop_seconds)
        end_all(self._leftovers(), seconds=5)
        self._record.unlink(missing_ok=True)
        return count

    def _leftovers(self) -> list[psutil.Process]:
        return [
            process
            for process in psutil.process_iter()
            if process.pid != os.getpid() and _environment(process).get(MARK) == self.mark
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
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


def refuse_taken_port(service: Service) -> None:
    """Raises ServiceError naming who listens on the service's port, if somebody does."""
    with socket.socket() as listener:
        # As servers do, so that a connection of the last run that is not quite over is no hindrance.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, service.port))
            return
        except OSError as error:
            reason = error.strerror
    holder = next(_listeners(service.port), None)
    by = f"is taken by {holder}" if holder else f"cannot be used ({reason})"
    raise ServiceError(
        f"Port {service.port} of {HOST}, which {service.name} listens on, {by}. "
        f"Stop that, or choose another port: {service.port_setting}={service.port + 1}."
    )


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
                yield f"process {connection.pid} ({' '.join(psutil.Process(connection.pid).cmdline())[:100]})"
            except psutil.Error:
                yield f"process {connection.pid}"


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}
