"""A stream as ministack knew it, for those of its parts that only read: records are read from the files when asked for.

A record's place in the list is its count in the shard, so that the position an event source mapping has noted stays
right when old records go.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, overload

from local.kinesis.shards import Shard
from local.kinesis.stream import Stream

_MOST_BYTES = 6 << 20


def stream(found: Stream) -> dict[str, Any]:
    """`stream` is the stream itself; the rest is what ministack's functions look up."""
    shards = {shard.id: {"records": _Records(shard)} for shard in list(found.shards.values())}
    return {
        "stream": found,
        "StreamName": found.name,
        "StreamARN": found.arn,
        "StreamStatus": "ACTIVE",
        "shards": shards,
    }


class _Records(Sequence[dict[str, Any]]):
    def __init__(self, shard: Shard) -> None:
        self._log = shard.log

    def __len__(self) -> int:
        return self._log.next

    @overload
    def __getitem__(self, wanted: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, wanted: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, wanted: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """Of a slice, as many records as are in one segment and six megabytes: at least one where there are any."""
        if isinstance(wanted, int):
            return self[wanted : wanted + 1][0]
        first, last, _ = wanted.indices(len(self))
        if first >= last:
            return []
        return [json.loads(text[:-1]) for text in self._log.read(first, last - first, _MOST_BYTES).lines.splitlines()]
