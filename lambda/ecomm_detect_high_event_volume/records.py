"""What is in a record of a Kinesis event: one payload, or the many that the Kinesis Producer Library packed into it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aws_kinesis_agg import DIGEST_SIZE, MAGIC

# Its messages from here too: on its own their module does not find what it imports.
from aws_kinesis_agg.deaggregator import iter_deaggregate_records, messages_pb2
from google.protobuf.message import DecodeError

from ecomm_detect_high_event_volume.observations import Observation, UnreadableError, read


@dataclass(frozen=True)
class Received:
    """An observation with the record that brought it.

    sub_sequence: its place in an aggregated record, all parts of which have one sequence number; 0 in others.
    """

    observation: Observation
    sequence: str
    sub_sequence: int
    arrived: datetime


@dataclass(frozen=True)
class Refused:
    """Data that cannot be read, and why."""

    sequence: str
    sub_sequence: int
    arrived: datetime
    data: bytes
    reason: str


def unpack(record: dict[str, Any]) -> Iterator[Received | Refused]:
    """Every payload of one record of a Kinesis event, in order; nothing of it is left out."""
    kinesis = record["kinesis"]
    sequence = kinesis["sequenceNumber"]
    arrived = datetime.fromtimestamp(kinesis["approximateArrivalTimestamp"], UTC)
    whole = base64.b64decode(kinesis["data"])
    if not whole.startswith(MAGIC):
        yield _received(whole, sequence, 0, arrived)
        return
    unpacked = 0
    for part in iter_deaggregate_records([record]):
        # One whose checksum is wrong comes back as it was.
        if "subSequenceNumber" not in part["kinesis"]:
            break
        yield _received(base64.b64decode(part["kinesis"]["data"]), sequence, unpacked, arrived)
        unpacked += 1
    # The library prints what stops it in the middle, and ends as if the record had no more.
    packed = _packed(whole)
    if packed is None or unpacked < packed:
        of = "" if packed is None else f" of {packed}"
        reason = f"It is an aggregated record of which {unpacked}{of} parts can be read."
        yield Refused(sequence, unpacked, arrived, whole, reason)


def _packed(whole: bytes) -> int | None:
    """How many parts an aggregated record says that it has; None where that cannot be told."""
    try:
        return len(messages_pb2.AggregatedRecord.FromString(whole[len(MAGIC) : -DIGEST_SIZE]).records)
    except DecodeError:
        return None


def _received(data: bytes, sequence: str, sub_sequence: int, arrived: datetime) -> Received | Refused:
    try:
        return Received(read(data), sequence, sub_sequence, arrived)
    except UnreadableError as error:
        return Refused(sequence, sub_sequence, arrived, data, str(error))
