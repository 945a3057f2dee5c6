"""Shards of a stream: which hash keys each takes, where it comes from, and how it is split or merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.kinesis.sequence import END_OF_SHARD, SequenceNumber
from local.kinesis.shard_log import ShardLog


def shard_id(index: int) -> str:
    return f"shardId-{index:012d}"


@dataclass
class Shard:
    """One shard: open until `closed_ms` is set, when its children take over.

    numbered_from: the second that its sequence numbers carry; above its parents', so that theirs are smaller.
    """

    index: int
    starting_hash: int
    ending_hash: int
    numbered_from: int
    opened_ms: int
    log: ShardLog
    parents: tuple[int, ...] = ()
    closed_ms: int | None = None

    @property
    def id(self) -> str:
        return shard_id(self.index)

    @property
    def is_open(self) -> bool:
        return self.closed_ms is None

    def saved(self) -> dict[str, Any]:
        """What `restored` needs, as JSON."""
        members = ("index", "starting_hash", "ending_hash", "numbered_from", "opened_ms", "parents", "closed_ms")
        return {name: getattr(self, name) for name in members}

    @classmethod
    def restored(cls, saved: dict[str, Any], log: ShardLog) -> Shard:
        return cls(**{**saved, "parents": tuple(saved["parents"])}, log=log)

    def number(self, place: int, second: int) -> str:
        return str(int(SequenceNumber(self.numbered_from, self.index, place, second)))

    def described(self) -> dict[str, Any]:
        """The shard as DescribeStream and ListShards show it."""
        numbers = {"StartingSequenceNumber": self.number(0, self.opened_ms // 1000)}
        if self.closed_ms is not None:
            numbers["EndingSequenceNumber"] = self.number(END_OF_SHARD, self.closed_ms // 1000)
        names = ("ParentShardId", "AdjacentParentShardId")
        return {
            "ShardId": self.id,
            **{name: shard_id(parent) for name, parent in zip(names, self.parents, strict=False)},
            "HashKeyRange": self.hash_key_range(),
            "SequenceNumberRange": numbers,
        }

    def hash_key_range(self) -> dict[str, str]:
        return {"StartingHashKey": str(self.starting_hash), "EndingHashKey": str(self.ending_hash)}
