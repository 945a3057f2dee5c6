"""Takes apart what the Kinesis Producer Library aggregated: a mark, a protobuf message, and its MD5 digest.

Source: "KPL aggregated record format", github.com/awslabs/amazon-kinesis-producer, aggregation-format.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

_MARK = b"\xf3\x89\x9a\xc2"
_DIGEST_BYTES = 16
# Field numbers of AggregatedRecord.records and Record.data.
_RECORDS = 3
_DATA = 3


def records_of(data: bytes) -> list[bytes]:
    """The user records in a record of a stream: itself where it is no aggregate."""
    if not data.startswith(_MARK):
        return [data]
    message, digest = data[len(_MARK) : -_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if hashlib.md5(message, usedforsecurity=False).digest() != digest:
        return [data]
    return [b"".join(_fields(record, _DATA)) for record in _fields(message, _RECORDS)]


def _fields(message: bytes, wanted: int) -> Iterator[bytes]:
    """The contents of the field `wanted`, which is of variable length."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        size, at = _varint(message, at)
        # 0 is a number, which is all of itself; every other field of the format is of variable length.
        if tag & 7 == 0:
            continue
        if tag >> 3 == wanted:
            yield message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
