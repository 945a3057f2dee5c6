"""Reads what Flink counted from stream 2, and holds it against a count of the archived clicks."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3

from demo import DemoError
from demo.clicks import read_time

POLL_SECONDS = 0.2
WINDOW = timedelta(seconds=10)
FINAL, EARLY = "final", "early"

# A user and the begin of a window.
Key = tuple[int, datetime]


@dataclass
class Counts:
    """Stream 2's rows from a moment on.

    final: actions by user and window. early: the same for users over the threshold, sent before their window's end.
    """

    final: dict[Key, int] = field(default_factory=dict)
    early: dict[Key, int] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Takes a count in; the stream has rows of other kinds too."""
        counts = {FINAL: self.final, EARLY: self.early}.get(row["kind"])
        if counts is not None:
            counts[int(row["user_id"]), read_time(row["window_start"])] = int(row["num_actions_per_watermark"])


class CountsStream:
    """A reader of every shard of stream 2, from `since` on; windows that had ended by then are another demo's."""

    def __init__(self, stream: str, since: datetime) -> None:
        self._client = boto3.client("kinesis")
        self._since = since
        self.counts = Counts()
        self._iterators = [
            self._client.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="AT_TIMESTAMP", Timestamp=since
            )["ShardIterator"]
            for shard in self._client.list_shards(StreamName=stream)["Shards"]
        ]

    def read(self) -> None:
        """Takes in what there is."""
        iterators = []
        for iterator in self._iterators:
            answer = self._client.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                row = json.loads(record["Data"])
                # The windows that the demo before left open close when this one's clicks come.
                if read_time(row["window_end"]) > self._since:
                    self.counts.add(row)
            if answer.get("NextShardIterator"):
                iterators.append(answer["NextShardIterator"])
        self._iterators = iterators

    def read_until(self, enough: Callable[[Counts], bool], what: str, seconds: float) -> None:
        """Reads until there is enough; raises DemoError naming what did not come in time."""
        deadline = time.monotonic() + seconds
        while True:
            self.read()
            if enough(self.counts):
                return
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{what} did not come within {seconds:.0f} s. Is the Flink application RUNNING? "
                    "Its log is var/log/flink-*.log, its own page at port 8081, or FLINK_PORT."
                )
            time.sleep(POLL_SECONDS)


def count(clicks: Iterable[Mapping[str, Any]]) -> Counter[Key]:
    """Actions by user and window, as the tumbling statement counts them."""
    return Counter((int(click["user_id"]), window(read_time(click["txn_timestamp"]))) for click in clicks)


def window(moment: datetime) -> datetime:
    """The begin of the 10 seconds, aligned to the minute, that hold the moment."""
    return moment.replace(second=moment.second - moment.second % 10, microsecond=0)


def closed(clicks: Sequence[Mapping[str, Any]], end: datetime) -> dict[Key, int]:
    """The windows that are to be in stream 2: those that ended by `end`, of users with more than one action in them."""
    return {key: actions for key, actions in count(clicks).items() if actions > 1 and key[1] + WINDOW <= end}


def differences(counts: Counts, truth: Mapping[Key, int], clicks: Sequence[Mapping[str, Any]]) -> list[str]:
    """What Flink counted otherwise than the archive's clicks say, as sentences.

    Every window of `truth` has to be there; a later one may be, and is then held against the clicks too.
    """
    right = count(clicks)
    faults = []
    for user, begin in sorted(truth.keys() | counts.final.keys()):
        got, wanted = counts.final.get((user, begin), 0), right[user, begin]
        if got != wanted:
            faults.append(f"user {user} from {begin:%H:%M:%S} on: {got} counted, {wanted} in the archive")
    return faults
