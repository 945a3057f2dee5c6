"""GetShardIterator and GetRecords."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from local.api_errors import ApiError, invalid_argument, not_found
from local.kinesis import iterators
from local.kinesis.sequence import END_OF_SHARD, SequenceNumber
from local.kinesis.shard_log import Chunk
from local.kinesis.shards import Shard, shard_id
from local.kinesis.stream import Stream

MOST_RECORDS = 10_000
# Of data; their base64 text is a third longer.
MOST_BYTES = 10 << 20
_TEXT_BYTES = MOST_BYTES * 4 // 3 + 4


@dataclass(frozen=True)
class Read:
    """Records of a shard from one position on, and what else an answer says of them."""

    stream: Stream
    shard: Shard
    chunk: Chunk
    behind_ms: int


def iterator(stream: Stream, data: dict[str, Any], now_ms: int) -> str:
    """The token for a place in a shard. Raises ApiError."""
    shard = stream.shard(data["ShardId"])
    if shard is None:
        raise not_found(f"Shard {data['ShardId']} in {stream.label} does not exist")
    return token(stream, shard, _position(stream, shard, data, now_ms), now_ms)


def token(stream: Stream, shard: Shard, position: int, now_ms: int) -> str:
    return iterators.encode(now_ms, stream.name, stream.created_ms, shard.index, position)


def _position(stream: Stream, shard: Shard, data: dict[str, Any], now_ms: int) -> int:
    kind = data["ShardIteratorType"]
    if kind == "TRIM_HORIZON":
        return shard.log.first
    if kind == "LATEST":
        return shard.log.next
    if kind == "AT_TIMESTAMP":
        if data.get("Timestamp") is None:
            raise invalid_argument("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.")
        time_ms = round(float(data["Timestamp"]) * 1000)
        if time_ms > now_ms:
            raise invalid_argument(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                f"timestampInMillis: {time_ms}, currentTimestampInMillis: {now_ms}"
            )
        return shard.log.position_at(time_ms)
    if data.get("StartingSequenceNumber") is None:
        raise invalid_argument(f"Must specify startingSequenceNumber parameter for iterator of type {kind}.")
    place = _place(stream, shard, data["StartingSequenceNumber"])
    return min(max(place if kind == "AFTER_SEQUENCE_NUMBER" else place - 1, 0), shard.log.next)


def _place(stream: Stream, shard: Shard, text: str) -> int:
    """The place in the shard that a sequence number says; 0 is its start, n the n-th record from 1."""
    number = SequenceNumber.parse(text)
    if text == "0":
        return 0
    used = f"StartingSequenceNumber {text} used in GetShardIterator on shard {shard.id} in {stream.label} is invalid"
    if number is None or number.shard not in stream.shards:
        raise invalid_argument(f"{used} because it did not come from this stream.")
    if number.shard != shard.index:
        encoded = stream.shards[number.shard].id
        raise invalid_argument(
            f"Invalid StartingSequenceNumber. It encodes {encoded}, "
            f"while it was used in a call to a shard with {shard.id}"
        )
    if number.created != shard.numbered_from or shard.log.next < number.place != END_OF_SHARD:
        raise invalid_argument(f"{used} because it did not come from this stream.")
    return number.place


def read(stream: Stream, shard: Shard, position: int, limit: int, now_ms: int) -> Read:
    """Records from `position` on; may be called in a thread."""
    chunk = shard.log.read(position, limit, _TEXT_BYTES)
    more = chunk.count and chunk.next < shard.log.next
    behind = max(0, now_ms - shard.log.arrival(chunk.next)) if more else 0
    return Read(stream, shard, chunk, behind)


def answer(found: Read, now_ms: int) -> bytes:
    """The JSON of GetRecords."""
    rest: dict[str, Any] = {}
    if found.shard.is_open or found.chunk.next < found.shard.log.next:
        rest["NextShardIterator"] = token(found.stream, found.shard, found.chunk.next, now_ms)
    else:
        rest["ChildShards"] = [
            {
                "ShardId": child.id,
                "ParentShards": [shard_id(index) for index in child.parents],
                "HashKeyRange": child.hash_key_range(),
            }
            for child in found.stream.children(found.shard)
        ]
    rest["MillisBehindLatest"] = found.behind_ms
    # Without the comma and the newline after the last record.
    records = memoryview(found.chunk.lines)[:-2]
    return b"".join((b'{"Records":[', records, b"],", json.dumps(rest)[1:].encode()))


def shard_of_token(text: str, stream_of: Any, now_ms: int) -> tuple[Stream, Shard, int]:
    """Where a shard iterator points. stream_of: finds a stream by its name. Raises ApiError."""
    name, created_ms, index, position = iterators.decode_iterator(text, now_ms, 4)
    stream: Stream = stream_of(name)
    shard = stream.shards.get(index)
    if stream.created_ms != created_ms or shard is None:
        raise ApiError("ResourceNotFoundException", f"The shard of this iterator is gone from {stream.label}.")
    return stream, shard, position
