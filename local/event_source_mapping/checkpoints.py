"""How far a mapping has come, in one file that is replaced as a whole: a kill repeats a batch and skips nothing."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from local.event_source_mapping.mapping import Mapping
from local.kinesis.shards import Shard
from local.kinesis.stream import Stream
from local.whole_file import write_whole


class Checkpoints:
    """By shard, a place for each of its lanes: all records of the lane before it are done with.

    Safe for threads.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._saved: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}

    def begin(self, mapping: Mapping, stream: Stream) -> None:
        """Fixes where the mapping starts in each shard that there is, if that has not been done before."""
        with self._lock:
            known = self._saved.get("stream")
            if known == stream.created_ms:
                return
            # A stream that was deleted and created again is read as a whole: all its records are new.
            start = mapping.starting_position if known is None else "TRIM_HORIZON"
            places = {}
            with stream.lock:
                for shard in stream.shards.values():
                    if start == "LATEST":
                        places[str(shard.index)] = [shard.log.next]
                    elif start == "AT_TIMESTAMP":
                        places[str(shard.index)] = [
                            shard.log.position_at(round((mapping.starting_timestamp or 0) * 1000))
                        ]
            self._saved = {"stream": stream.created_ms, "shards": places}
            self._save()

    def places(self, shard: Shard, lanes: int) -> list[int]:
        """Where each of so many lanes of the shard goes on."""
        saved = self._saved["shards"].get(str(shard.index), [0])
        # Records of a lane that was ahead come again where the number of lanes has changed.
        return list(saved) if len(saved) == lanes else [min(saved)] * lanes

    def is_finished(self, shard: Shard) -> bool:
        """Whether the shard is closed and everything in it is done with."""
        return not shard.is_open and min(self.places(shard, 1)) >= shard.log.next

    def advance(self, shard: Shard, lane: int, lanes: int, place: int) -> None:
        with self._lock:
            places = self.places(shard, lanes)
            if places[lane] == place:
                return
            places[lane] = place
            self._saved["shards"][str(shard.index)] = places
            self._save()

    def forget_all_but(self, shards: set[int]) -> None:
        """Shards that are past their retention are not coming back."""
        with self._lock:
            kept = {index: places for index, places in self._saved["shards"].items() if int(index) in shards}
            if kept != self._saved["shards"]:
                self._saved["shards"] = kept
                self._save()

    def remove(self) -> None:
        self._file.unlink(missing_ok=True)

    def _save(self) -> None:
        write_whole(self._file, json.dumps(self._saved))
