"""Shard iterators and next tokens: texts that say themselves where to go on, so that nothing is kept for them."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from local.api_errors import ApiError, invalid_argument

LIFETIME_MS = 300_000


def encode(now_ms: int, *content: Any) -> str:
    text = json.dumps([now_ms, *content], separators=(",", ":")).encode()
    return base64.b64encode(zlib.crc32(text).to_bytes(4) + text).decode()


def _decode(token: str, length: int) -> list[Any] | None:
    try:
        raw = base64.b64decode(token, validate=True)
        content = json.loads(raw[4:]) if zlib.crc32(raw[4:]).to_bytes(4) == raw[:4] else None
    except (binascii.Error, ValueError):
        return None
    return content if isinstance(content, list) and len(content) == length + 1 else None


def decode_iterator(token: str, now_ms: int, length: int) -> list[Any]:
    """The content of a shard iterator. Raises ApiError where it is none or older than five minutes."""
    decoded = _decode(token, length)
    if decoded is None:
        raise invalid_argument("Invalid ShardIterator.")
    created, *content = decoded
    if now_ms - created > LIFETIME_MS:
        raise ApiError(
            "ExpiredIteratorException",
            f"Iterator expired. The iterator was created at time {created} while right now it is {now_ms} "
            f"which is further in the future than the tolerated delay of {LIFETIME_MS} milliseconds.",
        )
    return content


def stream_of(token: str) -> str | None:
    """The name of the stream that a shard iterator is of, however old; None where it is none."""
    decoded = _decode(token, 4)
    return str(decoded[1]) if decoded else None


def decode_next_token(token: str, now_ms: int, length: int) -> list[Any]:
    """The content of a NextToken. Raises ApiError where it is none or older than five minutes."""
    decoded = _decode(token, length)
    if decoded is None:
        raise invalid_argument("NextToken is invalid.")
    created, *content = decoded
    if now_ms - created > LIFETIME_MS:
        raise ApiError(
            "ExpiredNextTokenException",
            f"NextToken expired. It was created at time {created} and is valid for {LIFETIME_MS} milliseconds.",
        )
    return content
