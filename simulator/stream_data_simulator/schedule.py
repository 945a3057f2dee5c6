"""When each event is due: at once, so many a second, or at the data's own pace, with the attacks in between."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .attacks import Action, Attack, Label, time_text
from .events import Event, EventReader

# An event; its moment in seconds after the start of the run, where one that has passed means now; its offset in seconds
# after the first event, by the data's own times, passes over the file following each other; and the label of the attack
# that it belongs to. A plain tuple and no class, which would take a thirtieth of a simulation's time.
type Due = tuple[Event, float, float, Label | None]


@dataclass(frozen=True)
class Pace:
    """Flat out where neither is given. rate: rows a second. speed: the data's own gaps, that many times faster."""

    rate: float | None = None
    speed: float | None = None

    def due(self, rows_before: int, offset: float) -> float:
        if self.rate:
            return rows_before / self.rate
        return self.planted_due(offset)

    def planted_due(self, offset: float) -> float:
        """A planted event is no row, so that a rate does not count it."""
        return offset / self.speed if self.speed else 0.0


class _Next(NamedTuple):
    moment: float
    order: int
    action: Action
    attack: Attack


class _Waiting:
    """The next event of each attack, the earliest first."""

    def __init__(self, attacks: Iterable[Attack]) -> None:
        self._heap: list[_Next] = []
        for order, attack in enumerate(attacks):
            self._push(attack, order)

    @property
    def moment(self) -> float:
        """Of the earliest."""
        return self._heap[0].moment if self._heap else float("inf")

    def until(self, moment: float) -> Iterator[_Next]:
        while self.moment <= moment:
            earliest = heapq.heappop(self._heap)
            self._push(earliest.attack, earliest.order)
            yield earliest

    def only(self, clock: str) -> None:
        self._heap = [waiting for waiting in self._heap if waiting.attack.clock == clock]
        heapq.heapify(self._heap)

    def _push(self, attack: Attack, order: int) -> None:
        if action := next(attack.actions, None):
            heapq.heappush(self._heap, _Next(attack.start + action.offset, order, action, attack))


class Schedule:
    """Merges the passes over the file with the attacks.

    replay: whether txn_timestamp follows the data's times; then every attack does. Otherwise an attack of the stream's
    clock follows the clock on the wall, `elapsed` seconds after the start.
    """

    def __init__(
        self,
        pace: Pace,
        attacks: Sequence[Attack],
        reader: EventReader,
        replay: bool,
        elapsed: Callable[[], float],
    ) -> None:
        self._pace = pace
        self._reader = reader
        self._elapsed = elapsed
        self._attacks = bool(attacks)
        self._by_data = _Waiting(attack for attack in attacks if replay or attack.clock == "data")
        self._by_wall = _Waiting(attack for attack in attacks if not replay and attack.clock == "stream")

    def events(self, passes: Iterable[Iterable[Event]]) -> Iterator[Due]:
        """All events in the order of their sending. Attacks without an end stop with the data, others run out."""
        sent, start, end = 0, 0.0, 0.0
        zero = 0.0  # the data's time, since 1970, at offset 0 of this pass
        seconds = 0
        for rows in passes:
            begun = False
            for event in rows:
                seconds = event.seconds
                if not begun:
                    zero, begun = seconds - start, True
                offset = seconds - zero
                due = self._pace.due(sent, offset)
                if self._attacks:
                    for waiting in self._by_data.until(offset):
                        yield self._by_data_clock(waiting, zero)
                    for waiting in self._by_wall.until(max(due, self._elapsed())):
                        yield self._by_wall_clock(waiting, seconds)
                yield event, due, offset, None
                sent += 1
                end = max(end, offset)
            start = end + 1
        self._by_data.only("stream")
        for waiting in self._by_data.until(sys.float_info.max):
            yield self._by_data_clock(waiting, zero)
        for waiting in self._by_wall.until(sys.float_info.max):
            yield self._by_wall_clock(waiting, seconds)

    def _by_data_clock(self, waiting: _Next, zero: float) -> Due:
        """zero: the data's time, since 1970, at offset 0 of this pass."""
        event = self._event(waiting, int(zero + waiting.moment))
        return event, self._pace.planted_due(waiting.moment), waiting.moment, waiting.attack.label

    def _by_wall_clock(self, waiting: _Next, seconds: int) -> Due:
        return self._event(waiting, seconds), waiting.moment, 0.0, waiting.attack.label

    def _event(self, waiting: _Next, seconds: int) -> Event:
        return self._reader.read(f"{time_text(seconds)},".encode() + waiting.action.row)
