"""How far it is, on standard error: a bar in a terminal, else a line now and then."""

from __future__ import annotations

import sys
from time import monotonic
from typing import TextIO

from .totals import Totals

BAR = 30


class Progress:
    """Speaks of a share of the whole work and of what the stream has taken so far."""

    def __init__(self, totals: Totals, output: TextIO = sys.stderr) -> None:
        self._totals = totals
        self._output = output
        self._terminal = output.isatty()
        self._every = 0.2 if self._terminal else 10.0
        self._said = monotonic()

    def show(self, share: float) -> None:
        now = monotonic()
        if now - self._said < self._every:
            return
        self._said = now
        totals = self._totals
        said = (
            f"{share:4.0%}, {totals.events:,} events sent, "
            f"{totals.events / (now - totals.started):,.0f} a second, {totals.retried:,} records again"
        )
        if self._terminal:
            self._output.write(f"\r[{'#' * int(BAR * share):{BAR}}] {said}\033[K")
        else:
            self._output.write(f"{said}\n")
        self._output.flush()

    def close(self) -> None:
        if self._terminal:
            self._output.write("\r\033[K")
            self._output.flush()
