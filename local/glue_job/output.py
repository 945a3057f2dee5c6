"""What a run prints: kept in a file, sent to CloudWatch Logs while it runs, and read for the reason of a failure."""

from __future__ import annotations

import re
import signal
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from local.log_stream import LogStream

KEPT_LINES = 500
LONGEST_MESSAGE = 2000
_TRACEBACK = "Traceback (most recent call last):"
_JAVA_FAILURE = re.compile(r"(Exception in thread |Error: |Caused by: )")


class RunOutput:
    """Both streams of a run: stdout to `<group>/output`, stderr to `<group>/error`, and both to one file.

    A context manager; when it is left, all lines that were followed are in the file and in CloudWatch Logs.
    """

    def __init__(self, logs: Any, group: str, run_id: str, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        self._out = LogStream(logs, f"{group}/output", run_id)
        self._err = LogStream(logs, f"{group}/error", run_id)
        self._last: dict[LogStream, deque[str]] = {
            stream: deque(maxlen=KEPT_LINES) for stream in (self._out, self._err)
        }
        self._readers: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._open = ExitStack()

    def __enter__(self) -> RunOutput:
        self._copy = self._open.enter_context(self.file.open("a", encoding="utf-8"))
        self._open.enter_context(self._out)
        self._open.enter_context(self._err)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reader in self._readers:
            reader.join()
        self._open.close()

    def follow(self, stdout: IO[bytes], stderr: IO[bytes]) -> None:
        """Reads both pipes to their ends, in threads."""
        for source, target in ((stdout, self._out), (stderr, self._err)):
            reader = threading.Thread(target=self._read, args=(source, target), daemon=True)
            self._readers.append(reader)
            reader.start()

    def tell(self, line: str) -> None:
        """Adds a line of the platform's own to the error log."""
        self._write(line, self._err)

    def _read(self, source: IO[bytes], target: LogStream) -> None:
        with source:
            for line in source:
                self._write(line.decode("utf-8", "replace").rstrip("\r\n"), target)

    def _write(self, line: str, target: LogStream) -> None:
        with self._lock:
            self._copy.write(line + "\n")
            self._copy.flush()
            self._last[target].append(line)
        target.write(line)

    def failure(self, status: int) -> str:
        """Why the run ended with this exit status: its last exception, else the signal or the status itself."""
        for reader in self._readers:
            reader.join()
        # Spark prints Python's traceback on stdout, plain Python on stderr.
        found = _python_exception(self._last[self._out]) or _python_exception(self._last[self._err])
        if found:
            return found[:LONGEST_MESSAGE]
        java = [line for line in self._last[self._err] if _JAVA_FAILURE.match(line)]
        reason = f": {java[-1][:LONGEST_MESSAGE]}" if java else "."
        number = -status if status < 0 else status - 128
        if number in set(signal.Signals):
            name = signal.Signals(number).name
            reason = "; too little memory is the usual reason." if name == "SIGKILL" else reason
            return f"The script was killed by signal {number} ({name}){reason} Its log: {self.file}"
        return f"The script ended with exit status {status}{reason} Its log: {self.file}"


def _python_exception(lines: Iterable[str]) -> str:
    """The exception at the end of the last traceback, with the lines of its message; empty where there is none."""
    lines = list(lines)
    starts = [number for number, line in enumerate(lines) if line.strip() == _TRACEBACK]
    if not starts:
        return ""
    message: list[str] = []
    for line in lines[starts[-1] + 1 :]:
        indented = not line.strip() or line[0].isspace()
        if message and indented:
            break
        if not indented:
            message.append(line)
    return "\n".join(message)
