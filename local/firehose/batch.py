"""The records of one object: which they are, and the body made of them, on disk as large as the buffer at most."""

from __future__ import annotations

import base64
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from local.firehose.destination import Destination
from local.firehose.sources import Positions, Source
from local.kinesis.shard_log import data_of

# How much is read and compressed at a time.
_RECORDS = 1000
_PIECE_BYTES = 1 << 20


@dataclass
class Batch:
    """The body of an object, in a file that is gone when the block is left; records: as their sender made them."""

    body: IO[bytes]
    after: Positions = field(default_factory=dict)
    records: int = 0
    bytes: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.body.close()


def gather(source: Source, destination: Destination, folder: Path, first: Positions, last: Positions) -> Batch:
    """Writes the records from `first` to before `last` into a body, log after log, until the buffer is full.

    At least one record, and whole records of the stream. The same positions give the same bytes.
    """
    batch = Batch(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115 - closed where the batch's block is left
    packer = zlib.compressobj(wbits=31) if destination.gzip else None
    waiting: list[bytes] = []
    size = 0

    def write() -> None:
        piece = b"".join(waiting)
        batch.body.write(packer.compress(piece) if packer else piece)
        waiting.clear()

    for log, position, data in _records(source, first, last):
        if batch.bytes and batch.bytes + len(data) > destination.buffer_bytes:
            break
        for record in source.user_records(data):
            waiting += (record, destination.delimiter)
            batch.records += 1
        batch.bytes += len(data)
        batch.after[log] = position + 1
        size += len(data)
        if size >= _PIECE_BYTES:
            write()
            size = 0
    write()
    if packer:
        batch.body.write(packer.flush())
    batch.body.seek(0)
    return batch


def _records(source: Source, first: Positions, last: Positions) -> Iterator[tuple[str, int, bytes]]:
    """Log, place and data of each record; a log is gone when its shard is."""
    logs = source.logs()
    for name, end in last.items():
        position = first.get(name, 0)
        while name in logs and position < end:
            chunk = logs[name].read(position, min(_RECORDS, end - position), _PIECE_BYTES)
            if not chunk.count:
                break
            position = chunk.next - chunk.count
            for stored in chunk.lines.splitlines():
                yield name, position, base64.b64decode(data_of(stored))
                position += 1
