"""The records of one shard: lines of JSON in append-only files, written before they are acknowledged.

A record is stored as GetRecords shows it, so that an answer is a piece of a file. Records are counted from 0 for as
long as the shard lives; a file (segment) is named by the count of its first record, and whole old files are dropped.
Memory holds four bytes a record, of the segments in use only.
"""

from __future__ import annotations

import bisect
import os
import shutil
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SEGMENT_BYTES = 64 << 20
SEGMENT_MILLISECONDS = 3_600_000
_HEAD = '{"ApproximateArrivalTimestamp":'
_TIME_END = len(_HEAD) + 14
_NUMBER, _KEY, _DATA = b',"SequenceNumber":"', b'","PartitionKey":', b',"Data":"'
SUFFIX = ".records"


def line(arrival_ms: int, number: int, key_json: str, data: str, extra: str = "") -> str:
    """The stored form of a record: `key_json` is the partition key as JSON, `data` its base64 text.

    extra: more members, as JSON text that begins with a comma.
    """
    seconds, milliseconds = divmod(arrival_ms, 1000)
    return (
        f'{_HEAD}{seconds:010d}.{milliseconds:03d},"SequenceNumber":"{number}",'
        f'"PartitionKey":{key_json},"Data":"{data}"{extra}}},\n'
    )


def data_of(stored: bytes) -> bytes:
    """The base64 text in a stored line; within a key the quotes of this mark are escaped."""
    return stored.split(_DATA, 1)[1].split(b'"', 1)[0]


def fields_of(stored: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Of a stored line: arrival in seconds, sequence number, partition key as JSON, data as base64 text."""
    head, rest = stored.split(_DATA, 1)
    number, key = head[_TIME_END + len(_NUMBER) :].split(_KEY, 1)
    return head[len(_HEAD) : _TIME_END], number, key, rest.split(b'"', 1)[0]


# Of each line, what is neither key nor data; sequence numbers have 56 digits.
LINE_OVERHEAD = len(line(0, 10**55, '""', ""))


@dataclass(frozen=True)
class Chunk:
    """Records in a row: `lines` as stored, each with a comma and a newline at its end; `next` is the count after."""

    lines: bytes
    count: int
    next: int


class _Segment:
    """One file. offsets: where each record begins, and where the next one will; None until they are needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.first = int(path.stem)
        self.offsets: array[int] | None = None

    def load(self) -> array[int]:
        """Finds the records in the file; what comes after the last newline is no record."""
        if self.offsets is None:
            offsets = array("I", [0])
            begin = 0
            with self.path.open("rb") as file:
                while piece := file.read(1 << 22):
                    at = piece.find(b"\n")
                    while at >= 0:
                        offsets.append(begin + at + 1)
                        at = piece.find(b"\n", at + 1)
                    begin += len(piece)
            self.offsets = offsets
        return self.offsets

    def read(self, first: int, last: int) -> bytes:
        """The lines of the records from `first` to before `last`."""
        offsets = self.load()
        begin = offsets[first - self.first]
        with self.path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), offsets[last - self.first] - begin, begin)

    def arrival(self, position: int) -> int:
        """When the record came, in milliseconds since 1970."""
        begin = self.load()[position - self.first] if position > self.first else 0
        with self.path.open("rb", buffering=0) as file:
            head = os.pread(file.fileno(), _TIME_END, begin)
        return int(head[len(_HEAD) :].replace(b".", b""))


class ShardLog:
    """One writer; readers may be other threads."""

    def __init__(self, folder: Path) -> None:
        """Opens what is there; a record that a kill has cut off is removed."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._segments = [_Segment(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
        if not self._segments:
            self._segments = [self._begin(0)]
        newest = self._segments[-1]
        self._offsets = newest.load()
        os.truncate(newest.path, self._offsets[-1])
        self._file = os.open(newest.path, os.O_WRONLY | os.O_APPEND)
        self.next = newest.first + len(self._offsets) - 1
        self._first_ms = newest.arrival(newest.first) if self.next > newest.first else 0
        self.last_ms = self.arrival(self.next - 1) if self.next > self.first else 0

    @property
    def first(self) -> int:
        """The count of the oldest record still here; equal to `next` where there is none."""
        return self._segments[0].first

    @property
    def size(self) -> int:
        return sum(segment.path.stat().st_size for segment in list(self._segments))

    def append(self, lines: Sequence[str], arrival_ms: int) -> None:
        """Writes records that came together; raises OSError with nothing written where the disk takes no more."""
        size, age = self._offsets[-1], arrival_ms - self._first_ms
        if size and (size >= SEGMENT_BYTES or age >= SEGMENT_MILLISECONDS):
            self._roll()
        begin = self._offsets[-1]
        if begin == 0:
            self._first_ms = arrival_ms
        rest = memoryview("".join(lines).encode("ascii"))
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, begin)
            raise
        for text in lines:
            begin += len(text)
            self._offsets.append(begin)
        self.next += len(lines)
        self.last_ms = arrival_ms

    def read(self, position: int, limit: int, data_bytes: int) -> Chunk:
        """Records from `position` on (from the oldest one where that is gone), of one segment.

        At most `limit`, and as many as hold `data_bytes` of base64 text and keys, but at least one.
        """
        end = self.next
        position = min(max(position, self.first), end)
        if position == end:
            return Chunk(b"", 0, position)
        try:
            return self._read(position, end, limit, data_bytes)
        except FileNotFoundError:
            # Dropped for its age a moment ago, or with the whole shard.
            return self.read(self.first, limit, data_bytes) if self._file >= 0 else Chunk(b"", 0, position)

    def _read(self, position: int, end: int, limit: int, data_bytes: int) -> Chunk:
        segment, after = self._segment_of(position)
        offsets, begin = segment.load(), position - segment.first
        last = min(position + limit, after, end) - segment.first

        def size(index: int) -> int:
            return offsets[index] - offsets[begin] - (index - begin) * LINE_OVERHEAD

        last = max(bisect.bisect_right(range(begin, last + 1), data_bytes, key=size) - 1, 1) + begin
        return Chunk(segment.read(position, segment.first + last), last - begin, segment.first + last)

    def arrival(self, position: int) -> int:
        """When the record at `position`, which must be here, came: milliseconds since 1970."""
        return self._segment_of(position)[0].arrival(position)

    def position_at(self, time_ms: int) -> int:
        """The first record that came at `time_ms` or later."""
        return bisect.bisect_left(range(self.next), time_ms, lo=self.first, key=self.arrival)

    def drop_before(self, time_ms: int) -> None:
        """Removes the segments whose last record came before `time_ms`."""
        if self.next > self._segments[-1].first and self.last_ms < time_ms:
            self._roll()
        while len(self._segments) > 1:
            oldest, last = self._segments[0], self._segments[1].first - 1
            # The second look reads the whole segment when it was written by an earlier process.
            if oldest.arrival(oldest.first) >= time_ms or oldest.arrival(last) >= time_ms:
                return
            self._segments = self._segments[1:]
            oldest.path.unlink()

    def drop_to(self, position: int) -> None:
        """Removes the segments whose records all come before `position`."""
        if position == self.next > self._segments[-1].first:
            self._roll()
        while len(self._segments) > 1 and self._segments[1].first <= position:
            gone, self._segments = self._segments[0], self._segments[1:]
            gone.path.unlink()

    def data_bytes(self, position: int) -> int:
        """About how many bytes of data there are from `position` on."""
        segments = self._segments
        total, records = 0, self.next - max(position, self.first)
        for segment, after in zip(segments, [*(later.first for later in segments[1:]), self.next], strict=True):
            if segment.first >= position:
                total += segment.path.stat().st_size
            elif after > position:
                offsets = segment.load()
                total += offsets[-1] - offsets[position - segment.first]
        return max(0, total - records * LINE_OVERHEAD) * 3 // 4

    def close(self) -> None:
        """Nothing can be appended any more."""
        file, self._file = self._file, -1
        os.close(file)

    def remove(self) -> None:
        """Closes it and deletes what it holds."""
        self.close()
        shutil.rmtree(self._folder)

    def _segment_of(self, position: int) -> tuple[_Segment, int]:
        """The segment that holds the record, and the count at which the next one begins."""
        segments = self._segments
        at = bisect.bisect_right(segments, position, key=lambda segment: segment.first) - 1
        return segments[at], segments[at + 1].first if at + 1 < len(segments) else self.next

    def _begin(self, first: int) -> _Segment:
        path = self._folder / f"{first:020d}{SUFFIX}"
        path.touch()
        return _Segment(path)

    def _roll(self) -> None:
        segment = self._begin(self.next)
        self._offsets = segment.load()
        os.close(self._file)
        self._file = os.open(segment.path, os.O_WRONLY | os.O_APPEND)
        self._segments = [*self._segments, segment]
