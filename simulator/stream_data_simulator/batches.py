"""Events into records, and records into batches that PutRecords takes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from hashlib import md5
from typing import Any, Protocol

from .errors import SimulatorError
from .kinesis import FLINK, MAX_RECORDS, MAX_REQUEST_BYTES, READER_TAG, Record, Stream

# As the Kinesis Producer Library: larger records would fill a shard's second at once.
AGGREGATED_BYTES = 50 << 10
# At least what the format adds to an event's data and key, and to the whole.
ENTRY_BYTES = 64


class Packing(Protocol):
    """How events become records."""

    def add(self, data: bytes, key: bytes) -> Sequence[Record]:
        """Takes an event; returns the records that are complete now."""

    def rest(self) -> Sequence[Record]:
        """The records that are not full yet; the packing begins anew."""


class OneEach:
    """A record for each event."""

    def add(self, data: bytes, key: bytes) -> Sequence[Record]:
        return (Record(data, key),)

    def rest(self) -> Sequence[Record]:
        return ()


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

    def add(self, data: bytes, key: bytes) -> Sequence[Record]:
        shard = bisect_left(self._last_hash_keys, int.from_bytes(md5(key, usedforsecurity=False).digest()))
        size = len(data) + 2 * len(key) + ENTRY_BYTES
        complete: list[Record] = []
        # The aggregator copies a full record deeply when it finds it full by itself; asking first is much cheaper.
        if self._aggregators[shard].get_size_bytes() + size > AGGREGATED_BYTES:
            complete += self._take(shard)
        if size > AGGREGATED_BYTES // 2:
            return [*complete, *self._take(shard), Record(data, key, hash_key=self._hash_keys[shard])]
        self._aggregators[shard].add_user_record(key.decode(), data)
        self._parts[shard].append(data)
        return complete

    def rest(self) -> Sequence[Record]:
        return [record for shard in range(len(self._aggregators)) for record in self._take(shard)]

    def _take(self, shard: int) -> list[Record]:
        packed: Any = self._aggregators[shard].clear_and_get()
        if packed is None:
            return []
        key, _, data = packed.get_contents()
        parts, self._parts[shard] = tuple(self._parts[shard]), []
        return [Record(data, key.encode(), parts, self._hash_keys[shard])]


class Batch:
    """Records for one request."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._bytes = 0

    def add(self, record: Record) -> list[Record] | None:
        """Takes a record; returns the batch before it where that is full now."""
        full = None
        if len(self.records) == MAX_RECORDS or self._bytes + record.size > MAX_REQUEST_BYTES:
            full = self.take()
        self.records.append(record)
        self._bytes += record.size
        return full

    def take(self) -> list[Record]:
        records, self.records, self._bytes = self.records, [], 0
        return records
