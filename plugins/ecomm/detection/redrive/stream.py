"""Records that a stream still keeps, by their sequence numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from ecomm.detection.redrive.messages import GivenUpBatch, Unreadable

RECORDS_A_READ = 1000
# AWS lets a shard be read five times a second, by all its readers together.
_PAUSE_SECONDS = 0.2
# The shard is gone, or the number is of a stream that was deleted since.
_GONE = ("ResourceNotFoundException", "InvalidArgumentException")

Record = dict[str, Any]


class Stream:
    def __init__(self, kinesis: Any) -> None:
        self._kinesis = kinesis

    def batch(self, batch: GivenUpBatch) -> list[Record]:
        """Those of the batch's records that are still there, in order."""
        found = []
        for record in self._from(batch.stream_arn.rpartition("/")[2], batch.shard, batch.first):
            if int(record["SequenceNumber"]) > int(batch.last):
                break
            found.append(record)
        return found

    def whole(self, unreadable: Unreadable) -> bytes | None:
        """All of a record of which the message holds the first part; None where the stream has it no more."""
        pages = self._kinesis.get_paginator("list_shards").paginate(StreamName=unreadable.stream)
        # The message does not say its shard; a shard refuses the numbers of others.
        for shard in (shard["ShardId"] for page in pages for shard in page["Shards"]):
            record = next(self._from(unreadable.stream, shard, unreadable.sequence), None)
            if record and record["SequenceNumber"] == unreadable.sequence:
                return bytes(record["Data"])
        return None

    def _from(self, name: str, shard: str, sequence: str) -> Iterator[Record]:
        """The shard's records from a number on, or from the oldest that is kept; ends where it has no more."""
        try:
            iterator = self._kinesis.get_shard_iterator(
                StreamName=name,
                ShardId=shard,
                ShardIteratorType="AT_SEQUENCE_NUMBER",
                StartingSequenceNumber=sequence,
            )["ShardIterator"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return
            raise
        while iterator:
            answer = self._kinesis.get_records(ShardIterator=iterator, Limit=RECORDS_A_READ)
            yield from answer["Records"]
            if not answer["Records"]:
                # An empty answer is not yet the end: AWS gives them between records that lie far apart.
                if answer["MillisBehindLatest"] == 0:
                    return
                time.sleep(_PAUSE_SECONDS)
            iterator = answer.get("NextShardIterator")
