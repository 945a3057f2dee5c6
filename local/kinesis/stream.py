"""One stream: its description and its shards, both on disk, and which shard takes a record."""

from __future__ import annotations

import bisect
import hashlib
import json
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.api_errors import in_use, invalid_argument, not_found
from local.kinesis.sequence import hash_ranges
from local.kinesis.shard_log import ShardLog
from local.kinesis.shards import Shard, shard_id
from local.whole_file import write_whole

DESCRIPTION = "stream.json"
HOUR_MS = 3_600_000


@dataclass
class Settings:
    """What a stream's owner may change; saved with it."""

    mode: str = "PROVISIONED"
    retention_hours: int = 24
    encryption: str = "NONE"
    key_id: str | None = None
    max_record_kib: int = 1024
    tags: dict[str, str] = field(default_factory=dict)
    shard_metrics: list[str] = field(default_factory=list)


class Stream:
    """A stream in its folder; `lock` is held by whoever writes records or changes shards."""

    def __init__(self, folder: Path, arn: str, created_ms: int, settings: Settings) -> None:
        self.arn = arn
        self.created_ms = created_ms
        self.settings = settings
        self.shards: dict[int, Shard] = {}
        self.lock = threading.Lock()
        self._folder = folder
        self._next_index = 0
        self._open: list[Shard] = []

    @classmethod
    def create(cls, folder: Path, arn: str, now_ms: int, settings: Settings, shards: int) -> Stream:
        stream = cls(folder, arn, now_ms, settings)
        folder.mkdir(parents=True, exist_ok=True)
        for first, last in hash_ranges(shards):
            stream._add(first, last, now_ms)
        stream.save()
        return stream

    @classmethod
    def restore(cls, folder: Path) -> Stream:
        saved = json.loads((folder / DESCRIPTION).read_text())
        stream = cls(folder, saved["arn"], saved["created_ms"], Settings(**saved["settings"]))
        stream._next_index = saved["next_index"]
        for shard in saved["shards"]:
            stream.shards[shard["index"]] = Shard.restored(shard, ShardLog(folder / shard_id(shard["index"])))
        stream._order()
        return stream

    def save(self) -> None:
        saved = {
            "arn": self.arn,
            "created_ms": self.created_ms,
            "settings": asdict(self.settings),
            "next_index": self._next_index,
            "shards": [shard.saved() for shard in self.shards.values()],
        }
        write_whole(self._folder / DESCRIPTION, json.dumps(saved))

    def close(self) -> None:
        for shard in self.shards.values():
            shard.log.close()

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def label(self) -> str:
        """The stream in a message of AWS's."""
        return f"stream {self.name} under account {self.account}"

    @property
    def open_shards(self) -> list[Shard]:
        """By hash key."""
        return self._open

    def shard(self, wanted: str) -> Shard | None:
        index = wanted.removeprefix("shardId-")
        found = self.shards.get(int(index)) if index.isdigit() else None
        return found if found and found.id == wanted else None

    def children(self, shard: Shard) -> list[Shard]:
        return [other for other in self.shards.values() if shard.index in other.parents]

    def shard_of(self, partition_key: str, explicit_hash: str | None) -> Shard:
        """The open shard that takes a record. Source of the rule: PutRecord, ExplicitHashKey, in Kinesis's API."""
        if explicit_hash is None:
            digest = hashlib.md5(partition_key.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
            key = int.from_bytes(digest)
        else:
            key = int(explicit_hash)
        return self._open[bisect.bisect_right(self._starts, key) - 1]

    def split(self, shard: Shard, middle: int, now_ms: int) -> None:
        """Closes the shard; two children share its hash keys, the second from `middle` on."""
        self._close([shard], now_ms)
        self._add(shard.starting_hash, middle - 1, now_ms, shard)
        self._add(middle, shard.ending_hash, now_ms, shard)
        self.save()

    def merge(self, shard: Shard, adjacent: Shard, now_ms: int) -> None:
        """Closes both; one child takes the hash keys of both."""
        self._close([shard, adjacent], now_ms)
        first = min(shard.starting_hash, adjacent.starting_hash)
        self._add(first, max(shard.ending_hash, adjacent.ending_hash), now_ms, shard, adjacent)
        self.save()

    def resize(self, count: int, now_ms: int) -> None:
        """Splits and merges until `count` open shards have ranges of one size, as UpdateShardCount does.

        Shards in between are created and closed at once, empty.
        """
        ranges = hash_ranges(count)
        for middle, _ in ranges[1:]:
            shard = self._open[bisect.bisect_right(self._starts, middle) - 1]
            if shard.starting_hash != middle:
                self.split(shard, middle, now_ms)
        for first, last in ranges:
            while (shard := self._open[bisect.bisect_left(self._starts, first)]).ending_hash != last:
                self.merge(shard, self._open[bisect.bisect_left(self._starts, shard.ending_hash + 1)], now_ms)

    def require_open(self, wanted: str) -> Shard:
        """Raises ApiError where there is no such shard or it is closed."""
        found = self.shard(wanted)
        if found is None:
            raise not_found(f"Could not find shard {wanted} in {self.label}.")
        if not found.is_open:
            raise in_use(
                f"Shard {wanted} in {self.label} has already been merged or split, "
                "and thus is not eligible for merging or splitting."
            )
        return found

    def require_middle(self, shard: Shard, middle: int) -> None:
        if not shard.starting_hash + 1 < middle < shard.ending_hash:
            raise invalid_argument(
                f"NewStartingHashKey {middle} used in SplitShard() on shard {shard.id} in {self.label} is not both "
                f"greater than one plus the shard's StartingHashKey {shard.starting_hash} and less than the shard's "
                f"EndingHashKey {shard.ending_hash}."
            )

    def horizon_ms(self, now_ms: int) -> int:
        """Records older than this may be gone."""
        return max(self.created_ms, now_ms - self.settings.retention_hours * HOUR_MS)

    def drop_expired(self, now_ms: int) -> None:
        """Removes records past their retention, and closed shards of which nothing is left."""
        horizon = self.horizon_ms(now_ms)
        for shard in list(self.shards.values()):
            shard.log.drop_before(horizon)
        gone = [shard for shard in self.shards.values() if shard.closed_ms is not None and shard.closed_ms < horizon]
        if gone:
            # Another dictionary: others may be walking through this one.
            self.shards = {index: shard for index, shard in self.shards.items() if shard not in gone}
            self.save()
        for shard in gone:
            shard.log.remove()

    def _close(self, shards: list[Shard], now_ms: int) -> None:
        for shard in shards:
            # No record of a closed shard is younger than its end, also where the clock was set back.
            shard.closed_ms = max(now_ms, shard.log.last_ms)

    def _add(self, first: int, last: int, now_ms: int, *parents: Shard) -> None:
        index, self._next_index = self._next_index, self._next_index + 1
        numbered_from = max([now_ms // 1000, *(parent.numbered_from + 1 for parent in parents)])
        log = ShardLog(self._folder / shard_id(index))
        ancestors = tuple(parent.index for parent in parents)
        self.shards[index] = Shard(index, first, last, numbered_from, now_ms, log, ancestors)
        self._order()

    def _order(self) -> None:
        self._open = sorted((s for s in self.shards.values() if s.is_open), key=lambda shard: shard.starting_hash)
        self._starts = [shard.starting_hash for shard in self._open]
