"""What a function's process prints, line by line into CloudWatch Logs, with the lines that Lambda adds."""

from __future__ import annotations

import os
import threading
from typing import Any

from local.function.bootstrap import END_MARK, INIT, NEWLINE_IN_EVENT
from local.log_stream import LogStream

_PIECE = 1 << 16
# A function that has closed its output sends no mark.
_MARK_SECONDS = 1.0


class Journal:
    """The log of one process: a stream of its own. Lines of an invocation are kept until the next one begins."""

    def __init__(self, logs: Any, group: str, stream: str, output: int) -> None:
        """output: the descriptor of the pipe's end that is read here, and closed."""
        self._stream = LogStream(logs, group, stream)
        self._output = output
        self._lines: list[str] = []
        self._marks = {INIT: threading.Event()}
        self._thread = threading.Thread(target=self._read, name=f"output {stream}", daemon=True)

    def start(self) -> None:
        """Creates the stream and begins to read."""
        self._stream.__enter__()
        self._thread.start()

    def begin(self, request_id: str) -> None:
        """Lines from here on are the invocation's."""
        self._lines = []
        self._marks = {request_id: threading.Event()}

    def write(self, line: str) -> None:
        self._lines.append(line)
        self._stream.write(line)

    def await_end(self, name: str) -> None:
        """Waits until everything that was printed in this invocation, or in INIT, is read."""
        self._marks[name].wait(_MARK_SECONDS)

    @property
    def lines(self) -> list[str]:
        return self._lines

    def finish(self) -> None:
        """After the process has ended: reads the rest."""
        self._thread.join(_MARK_SECONDS)

    def close(self) -> None:
        """Returns when everything is in CloudWatch Logs."""
        self.finish()
        self._stream.__exit__(None, None, None)

    def _read(self) -> None:
        rest = b""
        with os.fdopen(self._output, "rb", buffering=0) as output:
            while piece := output.read(_PIECE):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self._take(line.decode(errors="replace"))
        if rest:
            self._take(rest.decode(errors="replace"))

    def _take(self, line: str) -> None:
        text, mark, request_id = line.partition(END_MARK)
        if text:
            self.write(text.replace(NEWLINE_IN_EVENT, "\n"))
        if mark and request_id in self._marks:
            self._marks[request_id].set()
