"""What became of the events, counted in constant memory while several threads send."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from .kinesis import Answer, Record

# Keys counted exactly up to this number; the data has 684 categories, but millions of users.
COUNTED_KEYS = 20_000
BILLED_UNIT = 1024


@dataclass
class ShardTotal:
    records: int = 0
    bytes: int = 0


class KeyCounts:
    """How often each key came: exact up to `COUNTED_KEYS` keys, beyond them at most `missed` too low.

    Misra and Gries, "Finding repeated elements": all counts are lowered by that of the rarest key that is kept.
    """

    def __init__(self) -> None:
        self._counts: Counter[bytes] = Counter()
        self.total = self.missed = 0

    def add(self, keys: Sequence[bytes]) -> None:
        self.total += len(keys)
        self._counts.update(keys)
        if len(self._counts) > 2 * COUNTED_KEYS:
            kept = self._counts.most_common(COUNTED_KEYS + 1)
            lowest = kept.pop()[1]
            self.missed += lowest
            self._counts = Counter({key: count - lowest for key, count in kept if count > lowest})

    def hottest(self) -> tuple[str, int]:
        """The most frequent key and its count; an empty key and 0 before the first."""
        return next(((key.decode(), count) for key, count in self._counts.most_common(1)), ("", 0))


@dataclass
class Totals:
    """Sums of one run; `events` counts events, `records` records of the stream (fewer when aggregated)."""

    events: int = 0
    records: int = 0
    bytes: int = 0
    billed_bytes: int = 0  # each record rounded up to 1 KB, as on-demand streams are billed
    requests: int = 0
    retried: int = 0  # records sent again, once for each time
    perhaps_twice: int = 0  # records of requests without a proper answer, which are sent again
    busiest_second: ShardTotal = field(default_factory=ShardTotal)
    shards: dict[str, ShardTotal] = field(default_factory=lambda: defaultdict(ShardTotal))
    errors: Counter[str] = field(default_factory=Counter)
    keys: KeyCounts = field(default_factory=KeyCounts)
    started: float = field(default_factory=monotonic)
    _second: int = -1
    _this_second: ShardTotal = field(default_factory=ShardTotal)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, records: Sequence[Record], answers: Sequence[Answer]) -> list[Record]:
        """Counts one answered request and returns its failed records, in their order."""
        # Whole lists at a time: this runs for every record, and under the lock.
        failed: list[Record] = []
        refused = [answer for answer in answers if answer.get("ErrorCode")]
        if refused:
            pairs = list(zip(records, answers, strict=True))
            failed = [record for record, answer in pairs if answer.get("ErrorCode")]
            records = [record for record, answer in pairs if not answer.get("ErrorCode")]
            answers = [answer for answer in answers if not answer.get("ErrorCode")]
        sizes = [len(data) + len(key) for data, key, _, _ in records]
        shards = [answer["ShardId"] for answer in answers]
        with self._lock:
            self.requests += 1
            self.errors.update(answer["ErrorCode"] for answer in refused)
            for shard, size in zip(shards, sizes, strict=True):
                total = self.shards[shard]
                total.records += 1
                total.bytes += size
            self.records += len(records)
            self.events += sum([len(parts) or 1 for _, _, parts, _ in records])
            self.bytes += sum(sizes)
            self.billed_bytes += sum([(size + BILLED_UNIT - 1) // BILLED_UNIT for size in sizes]) * BILLED_UNIT
            self._count_second(len(records), sum(sizes))
        return failed

    def refused(self, code: str, perhaps_stored: int) -> None:
        """Counts one request that failed whole; `perhaps_stored` of its records may be in the stream all the same."""
        with self._lock:
            self.requests += 1
            self.errors[code] += 1
            self.perhaps_twice += perhaps_stored

    def again(self, records: int) -> None:
        with self._lock:
            self.retried += records

    def _count_second(self, records: int, size: int) -> None:
        second = int(monotonic() - self.started)
        if second != self._second:
            self._second, self._this_second = second, ShardTotal()
        self._this_second.records += records
        self._this_second.bytes += size
        self.busiest_second.records = max(self.busiest_second.records, self._this_second.records)
        self.busiest_second.bytes = max(self.busiest_second.bytes, self._this_second.bytes)
