"""The `aws-chunked` encoding of uploads, decoded while they arrive.

A chunk is `<size in hex>[;chunk-signature=…]CRLF <data> CRLF`; one of size 0 ends them, followed by trailing headers.
Source: "Signature calculations for the Authorization header: transferring payload in multiple chunks", Amazon S3 API.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_LONGEST_LINE = 4096


class IncompleteBodyError(Exception):
    """The body ends before what its framing or its headers announce, or its framing is broken."""


class Decoder:
    """Decodes one body: `feed` it as it arrives, then `finish`."""

    @staticmethod
    def needed(headers: Mapping[str, str]) -> bool:
        return (
            headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
            or "aws-chunked" in headers.get("content-encoding", "")
            or "x-amz-decoded-content-length" in headers
        )

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._announced = int(headers.get("x-amz-decoded-content-length", -1))
        self._pending = b""
        self._data_left = 0
        self._chunk_open = False
        self._ended = False
        self._decoded = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The decoded pieces of what has arrived so far. Raises IncompleteBodyError."""
        buffer = self._pending + data
        position = 0
        while not self._ended:
            if self._data_left:
                piece = buffer[position : position + self._data_left]
                if not piece:
                    break
                position += len(piece)
                self._data_left -= len(piece)
                self._decoded += len(piece)
                yield piece
            elif self._chunk_open:
                if len(buffer) < position + 2:
                    break
                if buffer[position : position + 2] != b"\r\n":
                    raise IncompleteBodyError("A chunk is longer than it says.")
                position += 2
                self._chunk_open = False
            else:
                end = buffer.find(b"\r\n", position)
                if end < 0:
                    if len(buffer) - position > _LONGEST_LINE:
                        raise IncompleteBodyError("A chunk has no header line.")
                    break
                self._data_left = _chunk_size(buffer[position:end])
                self._chunk_open = self._data_left > 0
                self._ended = self._data_left == 0
                position = end + 2
        self._pending = buffer[position:]

    def finish(self, headers: dict[str, str]) -> None:
        """Checks that all has arrived and leaves `headers` as if the body had been sent plainly.

        The trailing headers are added where they are not given already. Raises IncompleteBodyError.
        """
        if not self._ended or not self._pending.endswith(b"\r\n"):
            raise IncompleteBodyError("The last chunk is missing.")
        if self._announced not in (-1, self._decoded):
            raise IncompleteBodyError(f"{self._decoded} bytes arrived of {self._announced} announced.")
        trailer = dict(_header(line) for line in self._pending.decode("latin-1").split("\r\n") if line)
        missing = {name.strip() for name in headers.get("x-amz-trailer", "").lower().split(",")} - trailer.keys() - {""}
        if missing:
            raise IncompleteBodyError(f"The trailing headers lack {', '.join(sorted(missing))}.")
        for name, value in trailer.items():
            headers.setdefault(name, value)
        encodings = [e.strip() for e in headers.pop("content-encoding", "").split(",") if e.strip() != "aws-chunked"]
        if any(encodings):
            headers["content-encoding"] = ", ".join(encodings)


def _chunk_size(line: bytes) -> int:
    size = line.split(b";")[0]
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,16}", size):
        raise IncompleteBodyError(f"{line[:40]!r} is not the header of a chunk.")
    return int(size, 16)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise IncompleteBodyError(f"{line[:40]!r} is not a trailing header.")
    return name.strip().lower(), value.strip()
