"""The simulation itself: events from the file into the stream, each at its moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep, time

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from .attacks import plan_attacks, write_labels
from .batches import Aggregated, OneEach, Packing, Requests
from .delivery import OrderedDelivery, ParallelDelivery, Sender, Show, Unsent
from .errors import SimulatorError
from .events import JSON_END, EventReader
from .heartbeat import Heartbeat
from .kinesis import MAX_RECORDS, Record, Stream
from .options import Options
from .progress import Progress
from .reading import Reading
from .replays import Marks
from .schedule import Due, Pace, Schedule
from .source import Source
from .summary import Summary, summarize
from .totals import Totals

# How long an event of a slow stream waits for others to share its request.
LINGER = 0.05
# A wait looks so often whether the sending was given up meanwhile.
LOOK_SECONDS = 0.25
# So many first rows show the products that attackers use.
SAMPLE_ROWS = 1_000


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EndedEarlyError(SimulatorError):
    """Not every event reached the stream; `summary` says what did."""

    def __init__(self, message: str, summary: Summary) -> None:
        super().__init__(message)
        self.summary = summary


def stream_data_simulator(
    options: Options | None = None,
    *,
    stop: threading.Event | None = None,
    abort: threading.Event | None = None,
    show: Show | None = None,
    progress: bool = False,
) -> Summary:
    """Reads the CSV and sends each row as JSON with its `txn_timestamp`; returns the account of it.

    A row is sent under a reserved user id and a session of this pass, so that no table takes a replay for a customer.

    stop: when set, nothing more is read, what was read is sent, and the account says `interrupted`.
    abort: when set, nothing is sent any more; the requests in flight are the last ones.
    show: called with each response. progress: whether to say on standard error how far it is.
    Raises SimulatorError where it cannot start, EndedEarlyError where it could not go on or events were not sent.
    """
    options = options or Options()
    session = boto3.session.Session()
    reader = EventReader(options.partition_key, Marks())
    reading = Reading(Source(options.source, session), reader, options.iterations)
    attacks = plan_attacks(options.plants, options.seed, reading.first_rows(SAMPLE_ROWS)) if options.plants else []
    stream = Stream(options.stream, session, options.in_flight)
    totals = Totals()
    schedule = Schedule(
        Pace(options.rate, options.speed),
        attacks,
        EventReader(options.partition_key),
        replay=options.replay_from is not None,
        elapsed=lambda: monotonic() - totals.started,
    )
    sender = Sender(stream, totals, Unsent(options.unsent), tries=options.tries, show=show, abort=abort)
    labels = [attack.label for attack in attacks]
    run = _Run(
        options,
        reading,
        totals,
        sender,
        stop=stop or threading.Event(),
        progress=Progress(totals) if progress else None,
    )
    try:
        packing = Aggregated(stream) if options.aggregate else OneEach()
        with Heartbeat(stream.name, session):
            run.send(schedule.events(reading.passes_of_events()), packing)
    finally:
        if options.labels:
            write_labels(options.labels, labels)
    summary = summarize(
        options,
        stream,
        reading,
        totals,
        sender,
        labels=labels,
        last_line=run.last_line,
        interrupted=run.interrupted,
    )
    if run.broken is not None:
        if not summary.requests:
            raise run.broken
        raise EndedEarlyError(f"{run.broken} {summary.events_sent:,} events were sent before.", summary) from run.broken
    if summary.events_not_sent:
        raise EndedEarlyError(_not_all_sent(options, summary, sender.reason), summary)
    return summary


class _Run:
    """Hands events over at their moments; from the first event to the last answer."""

    def __init__(
        self,
        options: Options,
        reading: Reading,
        totals: Totals,
        sender: Sender,
        *,
        stop: threading.Event,
        progress: Progress | None,
    ) -> None:
        self._reading = reading
        self._totals = totals
        self._sender = sender
        self._stop = stop
        self._progress = progress
        self._replay_from = options.replay_from.timestamp() if options.replay_from else None
        self._events: list[Record] = []  # not yet handed over
        self._requests = Requests()
        self._delivery = (OrderedDelivery if options.ordered else ParallelDelivery)(sender, options.in_flight)
        self.last_line = 0
        self.interrupted = False
        self.broken: Exception | None = None  # what ended the reading

    def send(self, events: Iterator[Due], packing: Packing) -> None:
        """Sends all of them, or until it is stopped or the sending is given up."""
        self._totals.started = monotonic()
        try:
            self._hand_over_all(events, packing)
            self._hand_over(packing, flush=True)
        finally:
            self._delivery.finish()
            self._sender.unsent.close()
            if self._progress:
                self._progress.close()
        if self._sender.error is not None:
            raise self._sender.error

    def _hand_over_all(self, events: Iterator[Due], packing: Packing) -> None:
        # This loop runs for every event, so it asks for nothing that it may already know.
        started, replay_from, reading, collected = self._totals.started, self._replay_from, self._reading, self._events
        stamp = _Stamp()
        now = since = 0.0
        for event, due, offset, label in self._until_broken(events):
            if due > now:
                now = monotonic() - started
                if due > now:
                    if due - since > LINGER:
                        self._hand_over(packing, flush=True)
                        collected = self._events
                    self._wait(due)
                    now = monotonic() - started
                    if self._ended():
                        return
            text = stamp(time() if replay_from is None else replay_from + offset)
            if label is None:
                self.last_line = reading.line
            else:
                label.count(text.decode(), event.seconds)
            if not collected:
                since = monotonic() - started
            collected.append(Record(event.head + text + JSON_END, event.key))
            if len(collected) == MAX_RECORDS:
                self._hand_over(packing)
                collected = self._events
                if self._ended():
                    return

    def _until_broken(self, events: Iterator[Due]) -> Iterator[Due]:
        """What was read is sent and accounted for even where the reading fails."""
        try:
            yield from events
        except (SimulatorError, BotoCoreError, ClientError, OSError) as error:
            self.broken = error

    def _ended(self) -> bool:
        self.interrupted = self.interrupted or self._stop.is_set()
        return self.interrupted or self._sender.given_up.is_set()

    def _wait(self, due: float) -> None:
        while not self._ended() and (left := self._totals.started + due - monotonic()) > 0:
            self._say()
            # Not `Event.wait`: it holds the lock that a signal's handler, in this thread, needs to set the event.
            sleep(min(left, LOOK_SECONDS))

    def _hand_over(self, packing: Packing, flush: bool = False) -> None:
        """Gives what was collected to the delivery, in whole requests; with `flush` the last one may be smaller."""
        self._totals.keys.add([event.key for event in self._events])
        for request in self._requests.fill(packing.pack(self._events)):
            self._delivery.submit(request)
        self._events = []
        if flush:
            for request in self._requests.fill(packing.rest()):
                self._delivery.submit(request)
            if request := self._requests.take():
                self._delivery.submit(request)
        self._say()

    def _say(self) -> None:
        if self._progress:
            self._progress.show(self._reading.share)


class _Stamp:
    """Moments as in 2026-11-24T00:00:00.123Z, to the nearest millisecond."""

    def __init__(self) -> None:
        self._from = self._until = 0.0  # the moments that have the text of the one before
        self._text = b""

    def __call__(self, moment: float) -> bytes:
        """moment: seconds since 1970."""
        if not self._from <= moment < self._until:
            milliseconds = round(moment * 1000)
            when = EPOCH + timedelta(milliseconds=milliseconds)
            self._text = f"{when:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z".encode()
            self._from, self._until = (milliseconds - 0.5) / 1000, (milliseconds + 0.5) / 1000
        return self._text


def _not_all_sent(options: Options, summary: Summary, reason: str) -> str:
    kept = f"They are in {options.unsent}" if options.unsent else "Name a file with --unsent to keep such events"
    return (
        f"{summary.events_not_sent:,} events were not sent to {options.stream}: "
        f"{reason or 'the simulation was aborted'}. "
        f"{summary.events_sent:,} were sent. {kept}; send slower with --rate, or try longer with --tries."
    )
