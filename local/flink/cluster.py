"""The Flink cluster of this machine: a job manager and a task manager, kept alive."""

from __future__ import annotations

import logging
import socket
import threading
import time
from pathlib import Path

from local.config import HOST, Config
from local.flink import runtime, settings
from local.flink.errors import ApplicationError
from local.flink.logs import Logs
from local.flink.rest import Rest, RestError
from local.flink.runtime import Runtime
from local.sessions import Session

logger = logging.getLogger(__name__)

READY_SECONDS = 90
JOB_MANAGER = "jobmanager"
TASK_MANAGER = "taskmanager"


class Cluster:
    """records: the folder that tells the next platform which processes to end should this one be killed."""

    def __init__(self, config: Config, logs: Logs, records: Path) -> None:
        self._config = config
        self._logs = logs
        self._records = records
        self._lock = threading.RLock()
        self._processes: dict[str, Session] = {}
        self._runtime: Runtime | None = None
        self.rest = Rest(config.flink_port)

    def start(self) -> Runtime:
        """Begins to start what does not run and returns at once. Raises ApplicationError where it cannot run here."""
        with self._lock:
            if self._runtime is None:
                found = runtime.find(self._config)
                self._refuse_taken_port()
                settings.write(found, self._config.flink_port, _free_port())
                self._runtime = found
            for name in (JOB_MANAGER, TASK_MANAGER):
                if name not in self._processes:
                    self._spawn(name, self._runtime)
            return self._runtime

    def wait_until_ready(self, cancelled: threading.Event) -> None:
        """Returns when the cluster can take a job, or is asked not to. Raises ApplicationError."""
        deadline = time.monotonic() + READY_SECONDS
        while not cancelled.is_set():
            try:
                if self.rest.get("/overview")["slots-total"] >= settings.SLOTS:
                    return
                reason = "its task manager has not registered"
            except RestError as error:
                reason = str(error)
            if time.monotonic() > deadline:
                raise ApplicationError(
                    f"The Flink cluster is not ready after {READY_SECONDS} s: {reason} "
                    f"Its logs: {self._config.logs}/flink-*.log"
                )
            cancelled.wait(0.2)

    def revive(self) -> list[str]:
        """Starts again what has died; the names of those, none where the cluster was not started.

        A new job manager knows no job, and gets a new task manager with it.
        """
        with self._lock:
            dead = [name for name, process in self._processes.items() if process.exit_status() is not None]
            if not dead:
                return []
            for name in dead:
                status = self._processes[name].exit_status()
                logger.warning("Flink's %s ended with status %s; it is started again.", name, status)
            if JOB_MANAGER in dead:
                dead = list(self._processes)
            for name in dead:
                self._processes.pop(name).end()
            self.start()
            return dead

    def close(self) -> None:
        """Ends both processes; with them all jobs, which leave their last checkpoints."""
        with self._lock:
            # The task manager first: alone it would report a lost job manager.
            for name in (TASK_MANAGER, JOB_MANAGER):
                if process := self._processes.pop(name, None):
                    process.end()
                    process.forget()

    def _spawn(self, name: str, found: Runtime) -> None:
        words = settings.job_manager(found) if name == JOB_MANAGER else settings.task_manager(found)
        process = Session(words, found.environment, found.folder, self._records / name)
        self._logs.follow(process, name)
        self._processes[name] = process

    def _refuse_taken_port(self) -> None:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, self._config.flink_port))
            except OSError as error:
                raise ApplicationError(
                    f"Port {self._config.flink_port} of {HOST}, which Flink's web UI listens on, is taken "
                    f"({error.strerror}). Stop what listens there, or start the platform with another FLINK_PORT."
                ) from error


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
