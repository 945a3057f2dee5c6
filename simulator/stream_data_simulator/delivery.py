"""Brings batches into the stream: several at a time, each failed record again, and nothing lost without being named."""

from __future__ import annotations

import queue
import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Protocol
from zlib import crc32

from .errors import SimulatorError
from .kinesis import MAX_RECORDS, MAX_REQUEST_BYTES, Answer, Record, RefusedError, Stream
from .totals import Totals

# Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): a random part of a wait that doubles.
FIRST_WAIT = 0.05
LONGEST_WAIT = 5.0
# Records that an ordered lane holds: enough different keys for a full request, whatever waits behind the hottest one.
LANE_RECORDS = 4_000

# Shows a response: the answers of its records, and its metadata.
Show = Callable[[Sequence[Answer], dict[str, Any]], None]


class Unsent:
    """The events that did not reach the stream: counted, and written to a file where one is given, as JSON lines."""

    def __init__(self, path: Path | None) -> None:
        self.events = 0
        self._path = path
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()

    def add(self, records: Iterable[Record]) -> None:
        with self._lock:
            for record in records:
                self.events += len(record.events)
                if self._path is not None:
                    self._file = self._file or self._path.open("wb")
                    self._file.writelines(event + b"\n" for event in record.events)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Sender:
    """Sends requests and counts what became of them; one for all threads of a delivery."""

    def __init__(
        self,
        stream: Stream,
        totals: Totals,
        unsent: Unsent,
        *,
        tries: int,
        show: Show | None = None,
        abort: threading.Event | None = None,
    ) -> None:
        self._stream = stream
        self._totals = totals
        self._show = show
        self.unsent = unsent
        self.tries = tries
        self.given_up = abort or threading.Event()
        self.error: BaseException | None = None
        self.trouble = ""  # the latest
        self.reason = ""  # why it was given up; nothing where it was aborted

    def send(self, records: Sequence[Record]) -> list[Record]:
        """One request; returns the records that failed. Gives up where no repetition can help."""
        try:
            answers, metadata = self._stream.put(records)
        except RefusedError as refused:
            self._totals.refused(refused.code, len(records) if refused.perhaps_stored else 0)
            self.trouble = str(refused)
            return list(records)
        except SimulatorError as error:
            self.give_up(str(error))
            return list(records)
        if self._show is not None:
            self._show(answers, metadata)
        failed = self._totals.answered(records, answers)
        if failed:
            self.trouble = next(f"{a['ErrorCode']}: {a.get('ErrorMessage')}" for a in answers if a.get("ErrorCode"))
        return failed

    def wait_before_again(self, failures: int, records: int) -> None:
        """Waits after `failures` failed tries in a row, before `records` records are sent again."""
        self._totals.again(records)
        self.given_up.wait(random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2**failures)))

    def give_up(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.given_up.set()

    def fail(self, error: BaseException) -> None:
        """Keeps what a thread died of for the main thread to raise."""
        self.error = error
        self.given_up.set()


class Delivery(Protocol):
    """Takes batches of at most one request each; `submit` blocks while enough of them wait."""

    def submit(self, records: list[Record]) -> None: ...

    def finish(self) -> None:
        """Returns when every record is in the stream or among the unsent ones."""


class ParallelDelivery:
    """Whole batches at once, `in_flight` at a time; a record that fails may be overtaken by later ones."""

    def __init__(self, sender: Sender, in_flight: int) -> None:
        self._sender = sender
        self._room = threading.Semaphore(2 * in_flight)
        self._threads = ThreadPoolExecutor(in_flight, "put-records")

    def submit(self, records: list[Record]) -> None:
        self._room.acquire()
        self._threads.submit(self._deliver, records).add_done_callback(self._delivered)

    def finish(self) -> None:
        self._threads.shutdown()

    def _deliver(self, records: list[Record]) -> None:
        sender = self._sender
        for failures in range(sender.tries):
            if sender.given_up.is_set():
                break
            if failures:
                sender.wait_before_again(failures, len(records))
            records = sender.send(records)
            if not records:
                return
        else:
            sender.give_up(f"after {sender.tries} tries: {sender.trouble}")
        sender.unsent.add(records)

    def _delivered(self, future: Future[None]) -> None:
        self._room.release()
        if error := future.exception():
            self._sender.fail(error)


class OrderedDelivery:
    """Keeps the order of the records of each key, `in_flight` lanes of keys side by side.

    PutRecords promises no order within a request, even without a failure. So a request has one record of a key at
    most, and the next one of that key waits for its answer: a key's pace is a record for each round trip.
    """

    def __init__(self, sender: Sender, in_flight: int) -> None:
        self._lanes = [_Lane(sender) for _ in range(in_flight)]

    def submit(self, records: list[Record]) -> None:
        parts: list[list[Record]] = [[] for _ in self._lanes]
        for record in records:
            parts[crc32(_order_key(record)) % len(parts)].append(record)
        for lane, part in zip(self._lanes, parts, strict=True):
            if part:
                lane.incoming.put(part)

    def finish(self) -> None:
        for lane in self._lanes:
            lane.incoming.put(None)
        for lane in self._lanes:
            lane.thread.join()


class _Lane:
    """One request at a time, of the first waiting record of each key; the keys take turns."""

    def __init__(self, sender: Sender) -> None:
        self.incoming: queue.Queue[list[Record] | None] = queue.Queue(maxsize=2)
        self.thread = threading.Thread(target=self._run, name="put-records-in-order", daemon=True)
        self._sender = sender
        self._waiting: dict[bytes, deque[Record]] = {}
        self._held = 0
        self._open = True
        self.thread.start()

    def _run(self) -> None:
        try:
            self._deliver()
        except BaseException as error:
            self._sender.fail(error)
        # A submit that blocks must come free, and what it brings must be named.
        while True:
            self._sender.unsent.add(record for records in self._waiting.values() for record in records)
            self._waiting.clear()
            if not self._open:
                return
            self._accept(self.incoming.get())

    def _deliver(self) -> None:
        failures: dict[bytes, int] = {}
        while not self._sender.given_up.is_set():
            self._fill()
            request = self._next_request()
            if not request:
                return
            failed = {_order_key(record) for record in self._sender.send(request)}
            for key in map(_order_key, request):
                # The key goes to the end of the line, a failed record stays at the head of its key.
                records = self._waiting.pop(key)
                if key in failed:
                    failures[key] = failures.get(key, 0) + 1
                else:
                    failures.pop(key, None)
                    records.popleft()
                    self._held -= 1
                if records:
                    self._waiting[key] = records
            most = max(failures.values(), default=0)
            if most >= self._sender.tries:
                self._sender.give_up(f"after {most} tries: {self._sender.trouble}")
            elif failed:
                self._sender.wait_before_again(most, len(failed))

    def _fill(self) -> None:
        """Takes in what has come, and waits for something to come where nothing is held."""
        while self._open and self._held < LANE_RECORDS:
            try:
                self._accept(self.incoming.get(block=not self._held))
            except queue.Empty:
                return

    def _accept(self, records: list[Record] | None) -> None:
        if records is None:
            self._open = False
            return
        self._held += len(records)
        for record in records:
            self._waiting.setdefault(_order_key(record), deque()).append(record)

    def _next_request(self) -> list[Record]:
        request: list[Record] = []
        size = 0
        for records in self._waiting.values():
            size += records[0].size
            if len(request) == MAX_RECORDS or size > MAX_REQUEST_BYTES:
                break
            request.append(records[0])
        return request


def _order_key(record: Record) -> bytes:
    return record.hash_key or record.key
