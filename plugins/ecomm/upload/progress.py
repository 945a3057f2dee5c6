"""Says in the task's log how far a long upload is."""

from __future__ import annotations

import logging
import time

log = logging.getLogger(__name__)

SMALLEST_STEP = 64 * 1024 * 1024


class Progress:
    """Counts stored bytes and rows; logs about every 5 %, or every 64 MB of something of unknown size.

    total: stored bytes to come, None where a generator makes them.
    """

    def __init__(self, total: int | None) -> None:
        self.bytes = 0
        self.rows = 0
        self._total = total
        self._step = max(total // 20 if total else 0, SMALLEST_STEP)
        self._next = self._step
        self._start = time.monotonic()

    def hear(self, block: bytes) -> None:
        self.bytes += len(block)
        if self.bytes >= self._next:
            self._next = self.bytes + self._step
            self.say()

    def say(self) -> None:
        rate = self.bytes / max(time.monotonic() - self._start, 1e-3)
        share = f"{self.bytes / self._total:.0%}: " if self._total else ""
        log.info("%s%s read at %s/s, %s rows", share, megabytes(self.bytes), megabytes(rate), f"{self.rows:,}")


def megabytes(count: float) -> str:
    """12,345,678 as '12.3 MB'."""
    return f"{count / 1e6:,.1f} MB"
