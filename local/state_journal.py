"""What changed since a service's state was last saved, so that a kill loses nothing that was answered.

The state is a picture taken now and then; between two of them each change is a line in a file. At the start the lines
that are younger than the picture are carried out again. A line carried out twice must do no harm.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

logger = logging.getLogger("local.state")

KEY = "journal"
_MARK = re.compile(rf'"{KEY}": (\d+)')


class StateJournal:
    """Lines in files that are numbered on; safe for threads.

    folder: of this journal alone. state: the file in which the service's state is saved.
    """

    def __init__(self, folder: Path, state: Path) -> None:
        self._folder = folder
        self._state = state
        self._lock = threading.Lock()
        self._out: IO[str] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._number = max(self._numbers(), default=0) + 1

    def append(self, entry: Any) -> None:
        """Kept when this returns."""
        line = f"{json.dumps(entry, separators=(',', ':'))}\n"
        with self._lock:
            if self._out is None:
                self._out = self._path(self._number).open("a")
            self._out.write(line)
            self._out.flush()

    def marked(self, copy: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A copy of the state with the number of the first file that it does not hold; old files go."""
        self._forget()
        with self._lock:
            if self._out is not None:
                self._out.close()
                self._out = None
                self._number += 1
            # First, so that it is found without reading the whole file.
            return {KEY: self._number, **copy()}

    def since(self, state: dict[str, Any] | None) -> Iterator[Any]:
        """The entries that a restored state does not hold, in their order."""
        first = int((state or {}).get(KEY, 0))
        for number in sorted(self._numbers()):
            if first <= number < self._number:
                for line in self._path(number).read_text().splitlines():
                    try:
                        yield json.loads(line)
                    except ValueError:
                        # Cut off by a kill, and therefore not answered.
                        logger.warning("A line of %s is broken and left out.", self._path(number))

    def _forget(self) -> None:
        """Removes what the state on disk holds."""
        try:
            with self._state.open() as saved:
                mark = _MARK.search(saved.read(300))
        except FileNotFoundError:
            return
        for number in self._numbers():
            if mark and number < int(mark.group(1)):
                self._path(number).unlink()

    def _numbers(self) -> list[int]:
        return [int(path.stem) for path in self._folder.glob("*.jsonl")]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.jsonl"
