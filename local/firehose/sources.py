"""Where a delivery stream's records come from: logs that keep them until they are delivered, so that no buffer does."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from local.calls import note_reading
from local.firehose.kpl import records_of
from local.kinesis.sequence import SequenceNumber
from local.kinesis.shard_log import ShardLog, line
from local.kinesis.store import Scope, StreamStore, now_ms

Positions = dict[str, int]


class Source(Protocol):
    """Logs by a name that stays theirs; a log that is new is read from its beginning."""

    def logs(self) -> dict[str, ShardLog]: ...

    def user_records(self, data: bytes) -> list[bytes]:
        """What a record holds: itself, or several."""

    def delivered(self, positions: Positions) -> None:
        """Everything before these positions is in S3."""

    def close(self) -> None: ...


class KinesisSource:
    """All shards of a stream, closed ones too; a stream deleted and created again has new ones."""

    def __init__(self, store: StreamStore, scope: Scope, name: str) -> None:
        self._store = store
        self._scope = scope
        self._name = name

    def logs(self) -> dict[str, ShardLog]:
        stream = self._store.get(self._scope, self._name)
        if stream is None:
            return {}
        note_reading(self._scope.arn(self._name))
        return {f"{stream.created_ms}/{shard.id}": shard.log for shard in list(stream.shards.values())}

    def user_records(self, data: bytes) -> list[bytes]:
        """Firehose takes apart what KPL has aggregated. Source: "Using the KPL with Data Firehose"."""
        return records_of(data)

    def delivered(self, positions: Positions) -> None:
        """The stream keeps its records as long as its owner says."""

    def close(self) -> None:
        """The stream is not ours."""


class DirectSource:
    """What was put to the delivery stream itself: on disk before it is acknowledged, until it is delivered."""

    _NAME = "direct"

    def __init__(self, folder: Path) -> None:
        self._log = ShardLog(folder)
        self._created = now_ms() // 1000
        self._lock = threading.Lock()

    def put(self, data: Iterable[str]) -> None:
        """Takes records as base64 text. Raises OSError where the disk takes no more."""
        with self._lock:
            arrival = max(now_ms(), self._log.last_ms)
            places = enumerate(data, self._log.next + 1)
            numbered = ((SequenceNumber(self._created, 0, place, arrival // 1000), text) for place, text in places)
            self._log.append([line(arrival, int(number), '""', text) for number, text in numbered], arrival)

    def logs(self) -> dict[str, ShardLog]:
        return {self._NAME: self._log}

    def user_records(self, data: bytes) -> list[bytes]:
        return [data]

    def delivered(self, positions: Positions) -> None:
        with self._lock:
            self._log.drop_to(positions.get(self._NAME, 0))

    def close(self) -> None:
        self._log.close()
