"""Events into records, and records into batches that PutRecords takes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from hashlib import md5
from typing import Any, Protocol

from .errors import SimulatorError
from .kinesis import FLINK, MAX_RECORDS, MAX_REQUEST_BYTES, READER_TAG, Record, Stream

# As the Kinesis Producer Library: larger records would fill a shard's second at once.
AGGREGATED_BYTES = 50 << 10
# At least what the format adds to an event's data and key, and to the whole.
ENTRY_BYTES = 64


class Packing(Protocol):
    """How events, each of them a record to begin with, become the records that are sent."""

    def pack(self, events: list[Record]) -> list[Record]:
        """Takes events; returns the records that are complete now."""

    def rest(self) -> list[Record]:
        """The records that are not full yet; the packing begins anew."""


class OneEach:
    """A record for each event."""

    def pack(self, events: list[Record]) -> list[Record]:
        return events

    def rest(self) -> list[Record]:
        return []


class Aggregated:
    """Many events a record, in the format of the Kinesis Producer Library: fewer records, and less is billed.

    A record is made for one shard, as the library does it, so that an event stands in the shard of its own key.
    """

    def __init__(self, stream: Stream) -> None:
        """Raises SimulatorError for a stream that Flink reads, and where the package is missing."""
        if stream.tags().get(READER_TAG) == FLINK:
            raise SimulatorError(
                f"Stream {stream.name} is read by Flink (its tag {READER_TAG}={FLINK} says so), whose Kinesis "
                "connector does not take aggregated records apart (FLINK-32097): it would count none of the events. "
                "Leave out --aggregate, or write to another stream."
            )
        try:
            from aws_kinesis_agg.aggregator import RecordAggregator
        except ImportError as error:
            raise SimulatorError(
                f"--aggregate needs a package that is not here ({error.name}): pip install aws-kinesis-agg==1.2.3 six"
            ) from None
        ranges = stream.hash_ranges()
        self._last_hash_keys = [last for _, last in ranges]
        self._hash_keys = [str(first).encode() for first, _ in ranges]
        self._aggregators = [RecordAggregator(AGGREGATED_BYTES) for _ in ranges]
        self._parts: list[list[bytes]] = [[] for _ in ranges]

    def pack(self, events: list[Record]) -> list[Record]:
        return [record for event in events for record in self._add(event)]

    def rest(self) -> list[Record]:
        return [record for shard in range(len(self._aggregators)) for record in self._take(shard)]

    def _add(self, event: Record) -> list[Record]:
        shard = bisect_left(self._last_hash_keys, int.from_bytes(md5(event.key, usedforsecurity=False).digest()))
        size = len(event.data) + 2 * len(event.key) + ENTRY_BYTES
        complete: list[Record] = []
        # The aggregator copies a full record deeply when it finds it full by itself; asking first is much cheaper.
        if self._aggregators[shard].get_size_bytes() + size > AGGREGATED_BYTES:
            complete += self._take(shard)
        if size > AGGREGATED_BYTES // 2:
            return [*complete, *self._take(shard), event._replace(hash_key=self._hash_keys[shard])]
        self._aggregators[shard].add_user_record(event.key.decode(), event.data)
        self._parts[shard].append(event.data)
        return complete

    def _take(self, shard: int) -> list[Record]:
        packed: Any = self._aggregators[shard].clear_and_get()
        if packed is None:
            return []
        key, _, data = packed.get_contents()
        parts, self._parts[shard] = tuple(self._parts[shard]), []
        return [Record(data, key.encode(), parts, self._hash_keys[shard])]


class Requests:
    """Cuts a flow of records into what one PutRecords takes."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._bytes = 0

    def fill(self, records: list[Record]) -> Iterator[list[Record]]:
        """Adds the records in their order; yields each request as it becomes full."""
        # A fast stream of single events is made of whole requests; they need not go through record by record.
        if not self._records and len(records) == MAX_RECORDS and _size(records) <= MAX_REQUEST_BYTES:
            yield records
            return
        for record in records:
            size = record.size
            if len(self._records) == MAX_RECORDS or self._bytes + size > MAX_REQUEST_BYTES:
                yield self.take()
            self._records.append(record)
            self._bytes += size
        if len(self._records) == MAX_RECORDS:
            yield self.take()

    def take(self) -> list[Record]:
        """What there is of a request."""
        records, self._records, self._bytes = self._records, [], 0
        return records


def _size(records: list[Record]) -> int:
    return sum([len(data) + len(key) for data, key, _, _ in records])
