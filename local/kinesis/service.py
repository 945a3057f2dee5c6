"""Kinesis's API: an action and its parameters in, the JSON of the answer out."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from local.api_errors import ApiError
from local.api_model import check
from local.cloudwatch_meter import Meter
from local.kinesis import changes, listing, reading, writing
from local.kinesis.limits import ShardLimits
from local.kinesis.store import Scope, StreamStore, now_ms
from local.kinesis.stream import Stream

Data = dict[str, Any]
# Of the metrics that are not counts.
UNITS = {"IncomingBytes": "Bytes", "GetRecords.IteratorAgeMilliseconds": "Milliseconds"}
# Reading more than this from a file is left to a thread.
INLINE_RECORDS = 500


class KinesisService:
    """Answers for all streams of a store.

    consumers: how many consumers are registered with the stream of an ARN.
    limited: whether shards refuse what exceeds their throughput.
    """

    def __init__(
        self,
        store: StreamStore,
        meter: Meter,
        consumers: Callable[[str], int],
        limited: bool,
    ) -> None:
        self._store = store
        self._meter = meter
        self._limits: dict[tuple[Scope, str, int], defaultdict[str, ShardLimits]] | None = {} if limited else None
        changing = changes.operations(store)
        self._plain: dict[str, Callable[[Scope, Data], Data]] = {
            **changing,
            "DescribeStream": lambda scope, data: listing.describe_stream(store.find(scope, data), data),
            "DescribeStreamSummary": lambda scope, data: listing.describe_summary(
                stream := store.find(scope, data), consumers(stream.arn)
            ),
            "DescribeLimits": lambda scope, _: listing.describe_limits(store, scope),
            "ListStreams": lambda scope, data: listing.list_streams(store, scope, data, now_ms()),
            "ListShards": lambda scope, data: listing.list_shards(store, scope, data, now_ms()),
            "GetShardIterator": self._get_shard_iterator,
            "SubscribeToShard": _refuse_fan_out,
        }

    def answers(self, action: str) -> bool:
        return action in self._plain or action in ("PutRecord", "PutRecords", "GetRecords")

    async def answer(self, action: str, scope: Scope, data: Data) -> bytes:
        """The JSON of the answer. Raises ApiError."""
        if action != "PutRecords":
            check("kinesis", action, data)
        if action == "GetRecords":
            return await self._get_records(scope, data)
        if action == "PutRecords":
            return self._put_records(scope, data)
        if action == "PutRecord":
            return self._put_record(scope, data)
        return json.dumps(self._plain[action](scope, data)).encode()

    def put(self, scope: Scope, stream: Stream, entries: list[Data]) -> writing.Written:
        """Writes records given as PutRecords takes them. Raises ApiError where they cannot be taken at all."""
        records = writing.checked(entries, stream)
        written = writing.write(stream, records, now_ms(), self._limits_of(scope, stream))
        self._meter.count(stream.name, "IncomingRecords", written.taken)
        self._meter.count(stream.name, "IncomingBytes", written.taken_bytes)
        self._meter.count(stream.name, "WriteProvisionedThroughputExceeded", written.throttled)
        for listener in self._store.listeners:
            listener(stream)
        return written

    def _limits_of(self, scope: Scope, stream: Stream) -> defaultdict[str, ShardLimits] | None:
        if self._limits is None:
            return None
        return self._limits.setdefault((scope, stream.name, stream.created_ms), defaultdict(ShardLimits))

    def _put_records(self, scope: Scope, data: Data) -> bytes:
        entries = data.get("Records")
        plain = isinstance(entries, list) and 0 < len(entries) <= 500 and all(map(_is_plain, entries))
        if not (plain and all(isinstance(value, str) for name, value in data.items() if name.startswith("Stream"))):
            check("kinesis", "PutRecords", data)
        stream = self._store.find(scope, data)
        _refuse_dry_run(data)
        written = self.put(scope, stream, data["Records"])
        self._meter.count(stream.name, "PutRecords.ThrottledRecords", written.throttled)
        encryption = stream.settings.encryption
        encrypted = f',"EncryptionType":"{encryption}"' if encryption != "NONE" else ""
        failed = len(written.errors)
        return f'{{"FailedRecordCount":{failed},"Records":[{",".join(written.answers)}]{encrypted}}}'.encode()

    def _put_record(self, scope: Scope, data: Data) -> bytes:
        stream = self._store.find(scope, data)
        _refuse_dry_run(data)
        written = self.put(scope, stream, [data])
        for error in written.errors:
            raise error
        return written.answers[0].encode()

    def _get_shard_iterator(self, scope: Scope, data: Data) -> Data:
        stream = self._store.find(scope, data)
        _refuse_dry_run(data)
        return {"ShardIterator": reading.iterator(stream, data, now_ms())}

    async def _get_records(self, scope: Scope, data: Data) -> bytes:
        begun = now_ms()
        stream, shard, position = reading.shard_of_token(
            data["ShardIterator"], lambda name: self._store.find(scope, {"StreamName": name}), begun
        )
        _refuse_dry_run(data)
        limits = self._limits_of(scope, stream)
        if limits is not None and not limits[shard.id].gives():
            self._meter.count(stream.name, "ReadProvisionedThroughputExceeded", 1)
            raise ApiError(writing.THROTTLED, f"Rate exceeded for shard {shard.id} in {stream.label}.")
        limit = data.get("Limit") or reading.MOST_RECORDS
        arguments = stream, shard, position, limit, begun
        if min(limit, shard.log.next - position) > INLINE_RECORDS:
            found = await asyncio.to_thread(reading.read, *arguments)
        else:
            found = reading.read(*arguments)
        if limits is not None:
            limits[shard.id].gave(len(found.chunk.lines) * 3 // 4)
        self._meter.count(stream.name, "ReadProvisionedThroughputExceeded", 0)
        self._meter.count(stream.name, "GetRecords.Records", found.chunk.count)
        self._meter.count(stream.name, "GetRecords.IteratorAgeMilliseconds", found.behind_ms)
        return reading.answer(found, now_ms())


def _is_plain(entry: Any) -> bool:
    """Whether an entry of PutRecords is as almost all are; the others get the full check."""
    return (
        isinstance(entry, dict)
        and isinstance(key := entry.get("PartitionKey"), str)
        and 0 < len(key) <= 256
        and isinstance(entry.get("Data"), str)
        and entry.get("ExplicitHashKey") is None
    )


def _refuse_fan_out(scope: Scope, data: Data) -> Data:
    raise ApiError(
        "UnsupportedOperationException",
        "The local platform does not push records to consumers (enhanced fan-out); read them with GetRecords.",
    )


def _refuse_dry_run(data: Data) -> None:
    if data.get("DryRun"):
        raise ApiError("DryRunOperationException", "Request would have succeeded, but DryRun flag is set.")
