"""Records of a shard as a function gets them: of one lane, in order, as members of an event."""

from __future__ import annotations

import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from local.event_source_mapping.mapping import Mapping
from local.kinesis.shard_log import fields_of
from local.kinesis.shards import Shard

# The largest event of a synchronous invocation.
MOST_BYTES = 6 << 20
_HEAD, _TAIL = b'{"Records":[', b"]}"
# So many are looked at in one go where not all of them are the lane's.
_SCANNED = 2000

Filter = Callable[[tuple[str, ...], list[dict[str, Any]]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Record:
    """place: its count in the shard. text: its JSON in the event."""

    place: int
    sequence: str
    arrival_ms: int
    text: bytes


def event(records: Iterable[Record]) -> bytes:
    return _HEAD + b",".join(record.text for record in records) + _TAIL


class Reader:
    """Goes through a shard from `place` on; what is before `place` was read, or is another lane's.

    lane, lanes: records of a partition key all belong to one lane.
    keep: which of some event records pass the patterns of a filter.
    """

    def __init__(self, mapping: Mapping, shard: Shard, lane: int, place: int, keep: Filter) -> None:
        self.place = place
        self._shard = shard
        self._lane = lane
        self._lanes = mapping.parallelization
        self._filters = mapping.filters
        self._keep = keep
        self._limit = mapping.batch_size if self._lanes == 1 and not self._filters else _SCANNED
        self._ready: deque[Record] = deque()
        self._scanned = place
        self._after_number = (
            f'","eventName":"aws:kinesis:record","invokeIdentityArn":{json.dumps(mapping.role)}'.encode()
        )
        self._after_number += f',"awsRegion":"{mapping.region}","eventSourceARN":"{mapping.stream_arn}"}}'.encode()
        self._before_id = f'}},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"{shard.id}:'.encode()

    @property
    def has_more(self) -> bool:
        return bool(self._ready) or self._shard.log.next > self._scanned

    def read(self, most: int, room: int) -> list[Record]:
        """What is there, perhaps nothing: at most `most` records of `room` bytes."""
        found: list[Record] = []
        while len(found) < most:
            if not self._ready and not self._scan():
                break
            size = len(self._ready[0].text) + 1
            # One that is too large for any event goes alone.
            if size > room and (found or room < MOST_BYTES):
                break
            room -= size
            found.append(self._ready.popleft())
            self.place = found[-1].place + 1 if self._ready else self._scanned
        return found

    def _scan(self) -> bool:
        """Fetches until there is a record of the lane; false where the shard has no more."""
        while not self._ready:
            chunk = self._shard.log.read(self._scanned, self._limit, MOST_BYTES)
            if chunk.count == 0:
                # Also where what was here has passed its retention.
                self.place = self._scanned = chunk.next
                return False
            lines = enumerate(chunk.lines.splitlines(), chunk.next - chunk.count)
            found = [record for place, line in lines if (record := self._record(place, line))]
            self._ready.extend(self._filtered(found) if self._filters else found)
            self._scanned = chunk.next
            if not self._ready:
                self.place = self._scanned
        return True

    def _record(self, place: int, line: bytes) -> Record | None:
        arrival, number, key, data = fields_of(line)
        if self._lanes > 1 and zlib.crc32(key) % self._lanes != self._lane:
            return None
        text = b"".join(
            (
                b'{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":',
                key,
                b',"sequenceNumber":"',
                number,
                b'","data":"',
                data,
                b'","approximateArrivalTimestamp":',
                arrival,
                self._before_id,
                number,
                self._after_number,
            )
        )
        return Record(place, number.decode(), int(arrival.replace(b".", b"")), text)

    def _filtered(self, found: list[Record]) -> list[Record]:
        kept = self._keep(self._filters, [json.loads(record.text) for record in found])
        numbers = {record["kinesis"]["sequenceNumber"] for record in kept}
        return [record for record in found if record.sequence in numbers]
