"""The thread that reads one shard, or a share of its keys, and invokes the function, a batch after the other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.event_source_mapping.answers import failed_items
from local.event_source_mapping.checkpoints import Checkpoints
from local.event_source_mapping.destination import AGE, RETRIES, Discarded, send
from local.event_source_mapping.mapping import INFINITE, Mapping
from local.event_source_mapping.reader import MOST_BYTES, Filter, Reader, Record, event
from local.function.outcome import NO_FUNCTION, Outcome
from local.kinesis.shards import Shard
from local.kinesis.store import now_ms

logger = logging.getLogger(__name__)

# A shard that was closed has nobody to wake its readers.
LOOK_SECONDS = 0.5
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.1, 10.0
DESTINATION_SECONDS = 60.0
OK, FAILED = "OK", "PROBLEM: Function call failed"
THROTTLED, NOT_FOUND = "PROBLEM: Function call throttled", "PROBLEM: Function not found"


@dataclass(frozen=True)
class Tools:
    """What all lanes use.

    invoke: the function of an ARN with an event. keep: which records pass a filter. clients: of the platform.
    measure: counts a metric of the function of that name. tell: the mapping's id, and how its last batch went.
    """

    invoke: Callable[[str, bytes], Outcome]
    keep: Filter
    clients: Callable[[str], Any]
    measure: Callable[[str, str, float], None]
    tell: Callable[[str, str], None]


@dataclass
class Part:
    """Records that are invoked with together; a batch, or what is left of one. failures: of the function, in a row."""

    records: Sequence[Record]
    failures: int = 0
    calls: int = 0
    last: Outcome | None = field(default=None, repr=False)


class Lane:
    """Runs until it is stopped, or everything in its closed shard is done with; then calls `ended`."""

    def __init__(
        self,
        mapping: Mapping,
        shard: Shard,
        number: int,
        *,
        checkpoints: Checkpoints,
        tools: Tools,
        ended: Callable[[], None],
    ) -> None:
        self.shard = shard
        self._mapping = mapping
        self._number = number
        self._checkpoints = checkpoints
        self._tools = tools
        self._ended = ended
        self._reader = self._new_reader()
        self._new = threading.Event()
        self._stopped = threading.Event()
        self._throttles = 0
        name = f"mapping {mapping.function_name} {shard.id} {number}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def look(self) -> None:
        """Records may have come."""
        if self._reader.has_more and not self._new.is_set():
            self._new.set()

    def stop(self) -> None:
        """It ends after the invocation that runs; what is not done with then comes again at the next start."""
        self._stopped.set()
        self._new.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                try:
                    if self._step():
                        break
                except Exception:  # A mapping that has died without a word would be the worst.
                    logger.exception("The mapping %s cannot go on in %s.", self._mapping.id, self.shard.id)
                    self._stopped.wait(LONGEST_RETRY_SECONDS)
                    self._reader = self._new_reader()
        finally:
            self._ended()

    def _new_reader(self) -> Reader:
        place = self._checkpoints.places(self.shard, self._mapping.parallelization)[self._number]
        return Reader(self._mapping, self.shard, self._number, place, self._tools.keep)

    def _step(self) -> bool:
        """Works off one batch, or waits for records; true when there will be no more."""
        self._new.clear()
        # Looked at before the records: none comes after the end.
        closed = not self.shard.is_open
        batch = self._gather()
        if batch:
            self._work_off([Part(batch)])
        if not self._stopped.is_set():
            self._advance(self._reader.place)
            if not batch and closed:
                return True
            if not batch:
                self._new.wait(LOOK_SECONDS)
        return False

    def _gather(self) -> list[Record]:
        """A full batch, or what has come when the window that began with its first record is over."""
        batch = self._reader.read(self._mapping.batch_size, MOST_BYTES)
        deadline = time.monotonic() + self._mapping.window_seconds
        while batch and (left := deadline - time.monotonic()) > 0 and not self._stopped.is_set():
            room = MOST_BYTES - sum(len(record.text) + 1 for record in batch)
            self._new.clear()
            more = self._reader.read(self._mapping.batch_size - len(batch), room)
            batch += more
            if len(batch) == self._mapping.batch_size or (not more and self._reader.has_more):
                break
            if not more:
                self._new.wait(left)
        return batch

    def _work_off(self, parts: list[Part]) -> None:
        """Returns when all parts are done with, one way or the other, or the lane is stopped."""
        while parts and not self._stopped.is_set():
            part = parts[0]
            if expired := self._expired(part):
                self._discard(part, part.records[:expired], AGE)
                part.records = part.records[expired:]
            if not part.records:
                parts.pop(0)
                continue
            part.last = outcome = self._invoke(part)
            if outcome.throttled:
                self._throttles += 1
                self._wait(self._throttles)
                continue
            self._throttles = 0
            failed = self._first_failed(part, outcome)
            if failed is None:
                self._advance(part.records[-1].place + 1)
                parts.pop(0)
            elif self._stopped.is_set():
                return
            elif failed > 0:
                # What is before it is done with; the rest is tried afresh.
                self._advance(part.records[failed].place)
                parts[0] = Part(part.records[failed:])
                self._wait(1)
            else:
                self._retry(parts)

    def _retry(self, parts: list[Part]) -> None:
        """After a failure of all of the first part's records."""
        part, limit = parts[0], self._mapping.max_retries
        if self._mapping.bisects and len(part.records) > 1 and limit != 0:
            # Splitting does not count as a retry.
            middle = len(part.records) // 2
            halves = part.records[:middle], part.records[middle:]
            parts[0:1] = [Part(half, part.failures, part.calls, part.last) for half in halves]
            self._wait(1)
            return
        part.failures += 1
        if limit != INFINITE and part.failures > limit:
            self._discard(part, part.records, RETRIES)
            parts.pop(0)
            return
        self._wait(part.failures)

    def _invoke(self, part: Part) -> Outcome:
        self._tools.measure(self._mapping.function_name, "IteratorAge", max(0, now_ms() - part.records[-1].arrival_ms))
        outcome = self._tools.invoke(self._mapping.function_arn, event(part.records))
        if outcome.throttled:
            self._tools.tell(self._mapping.id, NOT_FOUND if outcome.throttled == NO_FUNCTION else THROTTLED)
        else:
            part.calls += 1
        return outcome

    def _first_failed(self, part: Part, outcome: Outcome) -> int | None:
        """The place of the first record that failed; 0 where all did, None where none did."""
        items: list[int] | None = []
        if outcome.error:
            items = None
        elif self._mapping.reports_failures:
            items = failed_items(outcome.answer, [record.sequence for record in part.records])
        self._tools.tell(self._mapping.id, FAILED if items is None else OK)
        if items is None:
            return 0
        return items[0] if items else None

    def _expired(self, part: Part) -> int:
        """How many of the part's records are too old to be tried (again)."""
        if self._mapping.max_age_seconds == INFINITE:
            return 0
        oldest = now_ms() - self._mapping.max_age_seconds * 1000
        return sum(record.arrival_ms < oldest for record in part.records)

    def _discard(self, part: Part, records: Sequence[Record], condition: str) -> None:
        discarded = Discarded(self.shard.id, records, condition, part.calls, part.last)
        logger.warning(
            "The mapping of %s gives up %d records of %s, %s to %s: %s.",
            *(self._mapping.function_name, len(records), self.shard.id),
            *(records[0].sequence, records[-1].sequence, condition),
        )
        if not self._mapping.destination or self._send(discarded):
            self._advance(records[-1].place + 1)

    def _send(self, discarded: Discarded) -> bool:
        """Tells the destination; false where the lane was stopped before it took the message."""
        deadline, tries = time.monotonic() + DESTINATION_SECONDS, 0
        while not self._stopped.is_set():
            try:
                send(self._tools.clients, self._mapping, discarded)
                return True
            except (BotoCoreError, ClientError) as error:
                if time.monotonic() > deadline:
                    logger.error("%s does not take what was given up: %s", self._mapping.destination, error)
                    self._tools.measure(self._mapping.function_name, "DestinationDeliveryFailures", 1)
                    return True
            tries += 1
            self._wait(tries)
        return False

    def _advance(self, place: int) -> None:
        self._checkpoints.advance(self.shard, self._number, self._mapping.parallelization, place)

    def _wait(self, tries: int) -> None:
        self._stopped.wait(min(FIRST_RETRY_SECONDS * 2 ** min(tries - 1, 20), LONGEST_RETRY_SECONDS))
