"""Bodies of S3 objects that stay on disk: large requests are written there as they arrive, answers are read from there.

So the process holds a few megabytes of an object at a time, whatever the object's size, and everything slow (disk,
digests) happens in threads beside the event loop.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import mmap
import os
import shutil
import tempfile
import uuid
import weakref
import zlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

from awscrt import checksums

from local.aws_chunked import Decoder, IncompleteBodyError

MEGABYTE = 1 << 20
# Smaller bodies are passed on in memory: a file for each would cost more than it saves.
SMALL_BODY_BYTES = MEGABYTE

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ClientLeftError(Exception):
    """The client closed the connection before its request was complete."""


class _Hash(Protocol):
    def update(self, data: Any, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc:
    """A checksum function with the interface of hashlib."""

    def __init__(self, function: Callable[[Any, int], int], width: int) -> None:
        self._function, self._width, self._value = function, width, 0

    def update(self, data: Any, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


# By the names S3 gives them. Pure Python takes a second for 8 MB of the two that zlib lacks, awscrt a millisecond.
_HASHES: dict[str, Callable[[], _Hash]] = {
    "MD5": hashlib.md5,
    "SHA1": hashlib.sha1,
    "SHA256": hashlib.sha256,
    "CRC32": lambda: _Crc(zlib.crc32, 4),
    "CRC32C": lambda: _Crc(checksums.crc32c, 4),
    "CRC64NVME": lambda: _Crc(checksums.crc64nvme, 8),
}


class DiskBody:
    """The bytes of a file, or of a range of it, where ministack expects `bytes`.

    The file must keep its content for as long as this lives: object files are replaced, never written in place.
    """

    def __init__(
        self, path: Path, start: int = 0, size: int | None = None, digests: Mapping[str, bytes] | None = None
    ) -> None:
        self.path = path
        self.start = start
        self.size = path.stat().st_size - start if size is None else size
        self._digests = dict(digests or {})
        # Kept alive by its slices.
        self._whole: DiskBody | None = None

    def remove_with_me(self) -> Self:
        """Ties the file's life to this object's (and its slices'): a body nobody refers to leaves no file behind."""
        weakref.finalize(self, self.path.unlink, missing_ok=True)
        return self

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, wanted: slice) -> DiskBody:
        first, last, step = wanted.indices(self.size)
        if step != 1:
            raise ValueError("A body on disk is sliced byte by byte only.")
        part = DiskBody(self.path, self.start + first, max(0, last - first))
        part._whole = self._whole or self
        return part

    def __deepcopy__(self, memo: object) -> DiskBody:
        return self

    def __buffer__(self, flags: int) -> memoryview:
        """For whatever of ministack reads a body as bytes: the file mapped into memory, paged in as it is touched."""
        if not self.size:
            return memoryview(b"")
        gap = self.start % mmap.ALLOCATIONGRANULARITY
        with self.path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), gap + self.size, access=mmap.ACCESS_READ, offset=self.start - gap)
        return memoryview(mapped)[gap : gap + self.size]

    def digest(self, algorithm: str) -> bytes:
        """MD5, SHA1, SHA256, CRC32, CRC32C or CRC64NVME of the bytes; computed once."""
        if algorithm not in self._digests:
            hasher = _HASHES[algorithm]()
            for piece in self.pieces():
                hasher.update(piece)
            self._digests[algorithm] = hasher.digest()
        return self._digests[algorithm]

    def write_to(self, target: Path) -> None:
        """Makes `target` (which must not exist) a file of exactly these bytes; a whole file is linked, not copied."""
        if self.start == 0 and self.size == self.path.stat().st_size:
            try:
                os.link(self.path, target)
                return
            except OSError:
                pass  # A file system without hard links: copied below.
        with target.open("xb") as file:
            _append(file, self)

    def pinned(self, folder: Path) -> DiskBody:
        """The same bytes through a link of their own in `folder`, so that they outlive a replacement of the object."""
        link = folder / uuid.uuid4().hex
        os.link(self.path, link)
        return DiskBody(link, self.start, self.size, self._digests).remove_with_me()

    def read(self) -> bytes:
        with self.path.open("rb") as file:
            return os.pread(file.fileno(), self.size, self.start) if self.size <= MEGABYTE else bytes(memoryview(self))

    def pieces(self) -> Iterator[bytes]:
        """The bytes a megabyte at a time, read and not mapped: mapped pages count as the process's memory."""
        with self.path.open("rb") as file:
            for offset in range(0, self.size, MEGABYTE):
                yield os.pread(file.fileno(), min(MEGABYTE, self.size - offset), self.start + offset)

    def streaming(self) -> Callable[[Send, Receive], Awaitable[None]]:
        """Returns what sends the body as an ASGI response, a megabyte at a time, until it ends or the client leaves.

        The file is opened now, before it may change. Sending on after the client left would not only read the rest of
        the object for no one: the stream raises one and the same exception for every piece, and its traceback keeps
        each of them in memory.
        """
        file = self.path.open("rb")

        async def run(send: Send, receive: Receive) -> None:
            gone = asyncio.create_task(_disconnected(receive))
            try:
                with file:
                    for offset in range(0, self.size, MEGABYTE):
                        length = min(MEGABYTE, self.size - offset)
                        data = await asyncio.to_thread(os.pread, file.fileno(), length, self.start + offset)
                        if gone.done():
                            return
                        more = offset + length < self.size
                        await send({"type": "http.response.body", "body": data, "more_body": more})
            finally:
                gone.cancel()

        return run


Body = bytes | DiskBody


def digest(algorithm: str, body: Body) -> bytes:
    """MD5, SHA1, SHA256, CRC32, CRC32C or CRC64NVME of the bytes."""
    if isinstance(body, DiskBody):
        return body.digest(algorithm)
    hasher = _HASHES[algorithm]()
    hasher.update(body)
    return hasher.digest()


def checksum(algorithm: str, body: Body) -> str | None:
    """The checksum as S3 writes it (base64), or None for an algorithm that S3 does not have."""
    name = algorithm.upper().replace("_", "")
    known = name in _HASHES and name != "MD5"
    return base64.b64encode(digest(name, body)).decode() if known else None


async def receive_to_disk(receive: Receive, headers: dict[str, str], folder: Path) -> DiskBody:
    """Writes a request's body into `folder` as it arrives, decoding `aws-chunked` and computing its digests meanwhile.

    `headers` (lower case) gain the trailer's fields and lose the transfer's encoding, as if it had been sent plainly.
    Raises ClientLeftError, IncompleteBodyError; nothing is left on disk then.
    """
    decoder = Decoder(headers) if Decoder.needed(headers) else None
    hashers = {name: _HASHES[name]() for name in _wanted_digests(headers)}
    descriptor, name = tempfile.mkstemp(dir=folder)
    path = Path(name)
    received = 0
    try:
        with os.fdopen(descriptor, "wb") as file:

            def write(data: bytes) -> None:
                for piece in decoder.feed(data) if decoder else (data,):
                    file.write(piece)
                    for hasher in hashers.values():
                        hasher.update(piece)

            async for data in _in_megabytes(receive):
                received += len(data)
                await asyncio.to_thread(write, data)
        if received != int(headers["content-length"]):
            raise IncompleteBodyError(f"{received} bytes arrived of {headers['content-length']} announced.")
        if decoder:
            decoder.finish(headers)
    except BaseException:
        path.unlink()
        raise
    return DiskBody(path, digests={name: hasher.digest() for name, hasher in hashers.items()}).remove_with_me()


def join(parts: Iterable[Body], folder: Path) -> DiskBody:
    """One file in `folder` of all parts in their order; slow, so to be called in a thread."""
    descriptor, name = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for part in parts:
                _append(file, part)
    except BaseException:
        Path(name).unlink()
        raise
    return DiskBody(Path(name)).remove_with_me()


def empty_folder(folder: Path) -> None:
    """Removes what a process that was killed left of unfinished uploads."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _append(target: BinaryIO, body: Body) -> None:
    if isinstance(body, bytes):
        target.write(body)
        return
    target.writelines(body.pieces())


async def _disconnected(receive: Receive) -> None:
    """Returns when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _in_megabytes(receive: Receive) -> Any:
    """The body in pieces of about a megabyte: a thread per network packet would cost more than the writing."""
    pieces: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientLeftError
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
        if not more or sum(map(len, pieces)) >= MEGABYTE:
            yield b"".join(pieces)
            pieces.clear()


def _wanted_digests(headers: Mapping[str, str]) -> set[str]:
    """MD5 for the ETag, and the checksums that the request gives or asks for."""
    named = {headers.get("x-amz-sdk-checksum-algorithm", "").upper().replace("_", "")}
    given = {name for name in _HASHES if f"x-amz-checksum-{name.lower()}" in headers}
    trailing = {
        name for name in _HASHES if f"x-amz-checksum-{name.lower()}" in headers.get("x-amz-trailer", "").lower()
    }
    return {"MD5"} | ((named | given | trailing) & _HASHES.keys())
