"""Passes over the source: its rows as events, and an account of the rows that are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from .errors import RowError, SimulatorError
from .events import Event, EventReader, check_header, is_no_row
from .source import Source

# More unreadable rows than this, and than this share, are not a few bad rows but another file.
UNREADABLE_ROWS, UNREADABLE_SHARE = 100, 0.01
# So many of the unreadable rows are named; the others are counted.
NAMED_ROWS = 20


@dataclass
class Unreadable:
    """Lines of the source that are no event."""

    rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)

    def add(self, number: int, reason: str) -> None:
        self.rows += 1
        self.reasons[reason] += 1
        if len(self.first) < NAMED_ROWS:
            self.first.append(f"line {number}: {reason}")


class Reading:
    """Reads the source a number of times; the attributes say where it is.

    rows: read so far, unreadable ones included. line: the number of the last one in the file. passes: begun so far.
    share: of the whole work.
    """

    def __init__(self, source: Source, reader: EventReader, iterations: int) -> None:
        self._source = source
        self._reader = reader
        self._iterations = iterations
        self.unreadable = Unreadable()
        self.rows = self.line = self.passes = 0
        self.share = 0.0

    def passes_of_events(self) -> Iterator[Iterator[Event]]:
        """Each pass in turn. Raises SimulatorError for a file of other columns, or with too many unreadable rows."""
        for _ in range(self._iterations):
            self.passes += 1
            self._reader.begin_pass()
            yield self._events()

    def first_rows(self, count: int) -> list[bytes]:
        """Up to `count` lines from the beginning that are events."""
        rows: list[bytes] = []
        for _, lines, _ in self._source.read():
            for line in lines:
                try:
                    if not is_no_row(line):
                        self._reader.read(line)
                        rows.append(line)
                except RowError:
                    continue
                if len(rows) == count:
                    return rows
        return rows

    def _events(self) -> Iterator[Event]:
        read = self._reader.read
        events = 0
        for first_number, lines, done in self._source.read():
            if first_number == 1:
                check_header(self._source.location, lines[0])
            for number, line in enumerate(lines, start=first_number):
                try:
                    event = read(line)
                except RowError as error:
                    if is_no_row(line):
                        continue
                    self.rows += 1
                    self._unreadable(number, str(error))
                    continue
                self.rows += 1
                self.line = number
                events += 1
                yield event
            self.share = (self.passes - 1 + done / self._source.size) / self._iterations
        if not events:
            raise SimulatorError(
                f"{self._source.location} has no row that is an event"
                + (f" ({self.unreadable.first[0]})" if self.unreadable.first else "")
                + "; name another file with --source."
            )

    def _unreadable(self, number: int, reason: str) -> None:
        self.unreadable.add(number, reason)
        bad = self.unreadable.rows
        if bad > UNREADABLE_ROWS and bad > UNREADABLE_SHARE * self.rows:
            raise SimulatorError(
                f"{bad} of the first {self.rows:,} rows of {self._source.location} cannot be read "
                f"({self.unreadable.first[0]}); mend the file, or name another with --source."
            )
