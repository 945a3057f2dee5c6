"""PutRecord and PutRecords: checks, the shard of each record, one write a shard, and the answer."""

from __future__ import annotations

import binascii
import logging
from collections import defaultdict
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii as json_text
from typing import Any, NamedTuple

from local.api_errors import ApiError, invalid_argument
from local.kinesis.limits import ShardLimits
from local.kinesis.sequence import HASH_KEYS, first_part, step
from local.kinesis.shard_log import line
from local.kinesis.shards import Shard
from local.kinesis.stream import Stream

logger = logging.getLogger(__name__)

REQUEST_BYTES = 10 << 20
THROTTLED = "ProvisionedThroughputExceededException"
_NEXT_PLACE = step(1, 0)


class Record(NamedTuple):
    """data: base64 text as it came. size: bytes of the data and of the key."""

    key: str
    explicit_hash: str | None
    data: str
    size: int


@dataclass
class Written:
    """What became of the records of one request, in their order: JSON texts as PutRecords answers them."""

    answers: list[str]
    taken: int = 0
    taken_bytes: int = 0
    throttled: int = 0
    errors: list[ApiError] = field(default_factory=list)

    def refuse(self, place: int, error: ApiError) -> None:
        self.errors.append(error)
        self.answers[place] = f'{{"ErrorCode":"{error.code}","ErrorMessage":{json_text(str(error))}}}'


def checked(given: list[dict[str, Any]], stream: Stream) -> list[Record]:
    """The records of a request that has passed the checks of its shape. Raises ApiError."""
    largest, total, records = stream.settings.max_record_kib << 10, 0, []
    for entry in given:
        key, data, explicit = entry["PartitionKey"], entry["Data"], entry.get("ExplicitHashKey")
        try:
            size = len(binascii.a2b_base64(data, strict_mode=True))
        except binascii.Error as error:
            raise ApiError("SerializationException", f"Data is not base64: {error}.") from None
        if size > largest:
            raise ApiError(
                "ValidationException",
                "1 validation error detected: Value at 'data' failed to satisfy constraint: "
                f"Member must have length less than or equal to {largest}",
            )
        if explicit is not None and int(explicit) >= HASH_KEYS:
            raise invalid_argument(
                "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
                f"Specified value was {explicit}"
            )
        size += len(key) if key.isascii() else len(key.encode("utf-8", "surrogatepass"))
        total += size
        records.append(Record(key, explicit, data, size))
    if total > REQUEST_BYTES:
        raise invalid_argument(f"Records size exceeds {REQUEST_BYTES >> 20} MB limit")
    return records


def write(stream: Stream, records: list[Record], now_ms: int, limits: dict[str, ShardLimits] | None) -> Written:
    """Appends the records to their shards; what a shard does not take is an error of those records alone.

    limits: of each shard by its id; None where there are none.
    """
    written = Written([""] * len(records))
    with stream.lock:
        by_shard: defaultdict[int, list[tuple[int, Record]]] = defaultdict(list)
        for place, record in enumerate(records):
            shard = stream.shard_of(record.key, record.explicit_hash)
            if limits is None or limits[shard.id].takes(record.size):
                by_shard[shard.index].append((place, record))
            else:
                message = f"Rate exceeded for shard {shard.id} in {stream.label}."
                written.refuse(place, ApiError(THROTTLED, message))
                written.throttled += 1
        encryption = stream.settings.encryption
        encrypted = f',"EncryptionType":"{encryption}"' if encryption != "NONE" else ""
        for index, chosen in by_shard.items():
            shard = stream.shards[index]
            try:
                _append(shard, chosen, max(now_ms, shard.log.last_ms), encrypted, written.answers)
                written.taken += len(chosen)
                written.taken_bytes += sum(record.size for _, record in chosen)
            except OSError as error:
                logger.exception("Records for %s of %s could not be written.", shard.id, stream.name)
                for place, _ in chosen:
                    written.refuse(place, ApiError("InternalFailure", f"Not written: {error.strerror}."))
    return written


def _append(shard: Shard, chosen: list[tuple[int, Record]], arrival_ms: int, extra: str, answers: list[str]) -> None:
    number = first_part(shard.numbered_from, shard.index) + step(shard.log.next + 1, arrival_ms // 1000)
    rest = f'","ShardId":"{shard.id}"{extra}}}'
    lines = []
    for place, record in chosen:
        lines.append(line(arrival_ms, number, json_text(record.key), record.data, extra))
        answers[place] = f'{{"SequenceNumber":"{number}{rest}'
        number += _NEXT_PLACE
    shard.log.append(lines, arrival_ms)
