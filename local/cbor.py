"""CBOR as AWS's SDK for Java sends it: requests become what the same request is in JSON, answers are made from JSON.

It writes data as bytes and times as milliseconds with the tag 1 before them; the protocol rpc-v2-cbor of newer services
has seconds there, as the tag means them. Source: RFC 8949; SdkCborGenerator and AwsCborProtocolFactory of
aws-sdk-java-v2; Smithy RPC v2 CBOR.
"""

from __future__ import annotations

import base64
import struct
from typing import Any

CONTENT_TYPE = "application/x-amz-cbor-1.1"
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _OTHER = range(8)
_INDEFINITE = 31
_BREAK = 0xFF
_SIMPLE: dict[int, Any] = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_TIME_TAG = 1
MILLISECONDS = 1000
SECONDS = 1


def loads(data: bytes, ticks: int = MILLISECONDS) -> Any:
    """The value, with bytes as base64 text and times as seconds. ticks: a second, of its times. Raises ValueError."""
    try:
        value, end = _load(data, 0, ticks)
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise ValueError("it ends early or holds what this decoder does not know") from error
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes follow its end")
    return value


def _load(data: bytes, at: int, ticks: int) -> tuple[Any, int]:
    major, short = data[at] >> 5, data[at] & 31
    at += 1
    if major == _OTHER:
        return _load_other(data, at, short)
    if short == _INDEFINITE:
        return _load_indefinite(data, at, major, ticks)
    number, at = _load_number(data, at, short)
    if major in (_UNSIGNED, _NEGATIVE):
        return (number if major == _UNSIGNED else -1 - number), at
    if major in (_BYTES, _TEXT):
        content = data[at : at + number]
        if len(content) < number:
            raise IndexError
        return (content.decode() if major == _TEXT else base64.b64encode(content).decode()), at + number
    values = []
    for _ in range({_TAG: 1, _MAP: 2 * number}.get(major, number)):
        value, at = _load(data, at, ticks)
        values.append(value)
    if major == _TAG:
        return (values[0] / ticks if number == _TIME_TAG else values[0]), at
    return _collection(major, values), at


def _load_number(data: bytes, at: int, short: int) -> tuple[int, int]:
    if short < 24:
        return short, at
    size = 1 << (short - 24)
    if size > 8 or at + size > len(data):
        raise IndexError
    return int.from_bytes(data[at : at + size]), at + size


def _load_other(data: bytes, at: int, short: int) -> tuple[Any, int]:
    if short in _FLOATS:
        (number,) = struct.unpack_from(_FLOATS[short], data, at)
        return number, at + struct.calcsize(_FLOATS[short])
    if short not in _SIMPLE:
        raise IndexError
    return _SIMPLE[short], at


def _load_indefinite(data: bytes, at: int, major: int, ticks: int) -> tuple[Any, int]:
    values = []
    while data[at] != _BREAK:
        value, at = _load(data, at, ticks)
        values.append(value)
    at += 1
    if major == _TEXT:
        return "".join(values), at
    if major == _BYTES:
        return base64.b64encode(b"".join(map(base64.b64decode, values))).decode(), at
    return _collection(major, values), at


def _collection(major: int, values: list[Any]) -> Any:
    return values if major == _ARRAY else dict(zip(values[::2], values[1::2], strict=True))


def dumps(value: Any, shape: Any, ticks: int = MILLISECONDS) -> bytes:
    """The JSON value in CBOR. shape: botocore's, of the answer, which says what is data and what a time."""
    parts: list[bytes] = []
    _dump(value, shape, parts, ticks)
    return b"".join(parts)


def _dump(value: Any, shape: Any, parts: list[bytes], ticks: int) -> None:
    kind = shape.type_name if shape else None
    if value is None or isinstance(value, bool):
        parts.append({None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value])
    elif kind == "timestamp":
        parts.append(_head(_TAG, _TIME_TAG))
        parts.append(_head(_UNSIGNED, round(value * ticks)) if ticks == MILLISECONDS else _double(value))
    elif kind == "blob":
        content = base64.b64decode(value)
        parts += (_head(_BYTES, len(content)), content)
    elif isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        parts += (_head(_TEXT, len(text)), text)
    elif isinstance(value, int):
        parts.append(_head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value))
    elif isinstance(value, float):
        parts.append(_double(value))
    elif isinstance(value, list):
        parts.append(_head(_ARRAY, len(value)))
        for member in value:
            _dump(member, shape.member if kind == "list" else None, parts, ticks)
    else:
        parts.append(_head(_MAP, len(value)))
        members = shape.members if kind == "structure" else {}
        for name, member in value.items():
            _dump(name, None, parts, ticks)
            _dump(member, members.get(name), parts, ticks)


def _double(value: float) -> bytes:
    return b"\xfb" + struct.pack(">d", value)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    power = 0 if number < 1 << 8 else 1 if number < 1 << 16 else 2 if number < 1 << 32 else 3
    return bytes([major << 5 | 24 + power]) + number.to_bytes(1 << power)
