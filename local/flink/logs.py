"""What the cluster and the applications' programs print: into a file each, and into the applications' log streams."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from local.log_stream import LogStream
from local.sessions import Session

LOG_BYTES_KEPT = 20_000_000
KEPT_LINES = 400


class Logs:
    """Files in `folder`; the CloudWatch Logs streams of the applications that are open.

    logs: a boto3 client of CloudWatch Logs.
    """

    def __init__(self, folder: Path, logs: Any) -> None:
        self._folder = folder
        self._logs = logs
        self._lock = threading.Lock()
        self._streams: dict[str, contextlib.ExitStack] = {}
        self._open: dict[str, LogStream] = {}

    def open(self, application: str, log_stream: tuple[str, str] | None) -> None:
        """From now on the cluster's lines go to this stream too; None: to no stream (any more)."""
        self.close(application)
        if log_stream is None:
            return
        stack = contextlib.ExitStack()
        stream = stack.enter_context(LogStream(self._logs, *log_stream))
        with self._lock:
            self._streams[application], self._open[application] = stack, stream

    def close(self, application: str) -> None:
        with self._lock:
            stack = self._streams.pop(application, None)
            self._open.pop(application, None)
        if stack:
            stack.close()

    def close_all(self) -> None:
        for application in list(self._streams):
            self.close(application)

    def tell(self, application: str, line: str) -> None:
        """A line of the platform's own, for this application."""
        with self._lock:
            stream = self._open.get(application)
        if stream:
            stream.write(line)

    def follow(self, process: Session, name: str, application: str | None = None) -> Output:
        """Reads the process's lines into flink-<name>.log and to the application given, or to all that are open."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"flink-{name}.log"
        if file.exists() and file.stat().st_size > LOG_BYTES_KEPT:
            file.replace(file.with_suffix(".log.old"))
        return Output(file, process, lambda line: self._ship(line, application))

    def _ship(self, line: str, application: str | None) -> None:
        with self._lock:
            streams = [self._open.get(application)] if application else list(self._open.values())
        for stream in streams:
            if stream:
                stream.write(line)


class Output:
    """The lines of one process, read in threads until it ends."""

    def __init__(self, file: Path, process: Session, ship: Any) -> None:
        self.file = file
        self._ship = ship
        self._last: deque[str] = deque(maxlen=KEPT_LINES)
        self._lock = threading.Lock()
        self._copy = file.open("a", encoding="utf-8")
        self._readers = [
            threading.Thread(target=self._read, args=(source,), daemon=True)
            for source in (process.stdout, process.stderr)
        ]
        for reader in self._readers:
            reader.start()
        threading.Thread(target=self._close_copy, daemon=True).start()

    def lines(self) -> list[str]:
        """The last lines of a process that has ended."""
        for reader in self._readers:
            reader.join()
        return list(self._last)

    def _read(self, source: IO[bytes]) -> None:
        with source:
            for line in _decoded(source):
                with self._lock:
                    self._copy.write(line + "\n")
                    self._copy.flush()
                    self._last.append(line)
                self._ship(line)

    def _close_copy(self) -> None:
        for reader in self._readers:
            reader.join()
        self._copy.close()


def _decoded(source: IO[bytes]) -> Iterator[str]:
    for line in source:
        text = line.decode("utf-8", "replace").rstrip()
        if text:
            yield text
