"""Files where they lie, on this machine or in S3: read at an offset, or once from end to end."""

from __future__ import annotations

import hashlib
import io
import os
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

from botocore.exceptions import HTTPClientError, IncompleteReadError, ParamValidationError

from ecomm.aws import client, error_code, split_uri
from ecomm.errors import DataError

BLOCK = 4 * 1024 * 1024
BLOCKS_AHEAD = 3
READ_TRIES = 5


class Stored(ABC):
    """A file of known size (bytes) under the name its giver used."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size

    @abstractmethod
    def read(self, offset: int, length: int) -> bytes:
        """The bytes from `offset` on, fewer than `length` at the end only."""

    @abstractmethod
    def blocks(self) -> Iterator[bytes]:
        """All bytes once, in order, in blocks of a few megabytes."""

    @abstractmethod
    def fingerprint(self) -> str:
        """The same text for the same contents; may read the whole file."""

    def seekable(self) -> io.BufferedReader:
        """The file as Python's zipfile wants it; it fetches little, so it suits a directory, not a whole member."""
        return io.BufferedReader(_Seekable(self), buffer_size=64 * 1024)


class LocalFile(Stored):
    """A file of this machine. Raises DataError where there is none, or none that may be read."""

    def __init__(self, name: str) -> None:
        self.path = Path(name)
        if not self.path.is_absolute():
            raise DataError(f"{name} is a relative path, and a task runs in a folder of its own; give the full path.")
        if self.path.is_dir():
            raise DataError(f"{name} is a folder; name the CSV or zip files in it.")
        try:
            with self.path.open("rb") as file:
                self._state = _state(file)
            super().__init__(name, self._state[0])
        except FileNotFoundError:
            raise DataError(f"{name} does not exist on the machine where Airflow's tasks run.") from None
        except OSError as error:
            raise DataError(f"{name} cannot be read: {error.strerror}.") from error

    def read(self, offset: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def blocks(self) -> Iterator[bytes]:
        with self.path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                yield block
            # A download that goes on, or an export that began anew: what was read may end within a row.
            if _state(file) != self._state:
                raise DataError(
                    f"{self.name} was changed while it was read; run the upload again once nothing writes to it."
                )

    def fingerprint(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _state(file: IO[bytes]) -> tuple[int, int]:
    """Returns what changes with the file's contents: its size and the time of the last change."""
    stat = os.fstat(file.fileno())
    return stat.st_size, stat.st_mtime_ns


class S3Object(Stored):
    """An object of S3, read in ranges of one and the same version of it. Raises DataError where it cannot be."""

    def __init__(self, name: str) -> None:
        try:
            self.bucket, self.key = split_uri(name)
            head = client("s3").head_object(Bucket=self.bucket, Key=self.key)
        except (ValueError, ParamValidationError):
            raise DataError(f"{name} is no object of S3; write s3://bucket/key, for example s3://shop/a.csv.") from None
        except client("s3").exceptions.ClientError as error:
            if error_code(error) in ("404", "NoSuchKey", "NoSuchBucket"):
                raise DataError(f"{name} does not exist; list the bucket to see what does.") from error
            if error_code(error) in ("403", "AccessDenied"):
                raise DataError(f"{name} may not be read; Airflow's role needs s3:GetObject on it.") from error
            raise
        self.etag = head["ETag"]
        super().__init__(name, head["ContentLength"])

    def read(self, offset: int, length: int) -> bytes:
        last = min(offset + length, self.size) - 1
        if last < offset:
            return b""
        for attempt in range(1, READ_TRIES + 1):
            try:
                answer = client("s3").get_object(
                    Bucket=self.bucket, Key=self.key, Range=f"bytes={offset}-{last}", IfMatch=self.etag
                )
                return bytes(answer["Body"].read())
            except client("s3").exceptions.ClientError as error:
                if error_code(error) in ("PreconditionFailed", "412"):
                    raise DataError(f"{self.name} was replaced while it was read; run the upload again.") from error
                raise
            # The connection broke in the middle of the body, which botocore does not repeat.
            except (HTTPClientError, IncompleteReadError):
                if attempt == READ_TRIES:
                    raise
                time.sleep(2**attempt / 4)
        raise AssertionError("unreachable")

    def blocks(self) -> Iterator[bytes]:
        offsets = iter(range(0, self.size, BLOCK))
        ahead: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(BLOCKS_AHEAD, "read") as pool:
            try:
                for offset in offsets:
                    ahead.append(pool.submit(self.read, offset, BLOCK))
                    if len(ahead) >= BLOCKS_AHEAD:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.name} {self.etag} {self.size}".encode()).hexdigest()


class _Seekable(io.RawIOBase):
    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._stored.size}[whence]
        if start + offset < 0:
            raise OSError("seek before the start")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stored.read(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
