"""The lines of the CSV, from S3 or from this machine, in constant memory however large the file is.

S3 is read by ranges, not as one long answer: a slow simulation would hold that answer open for hours, until S3 ends it.
Ranges can also be sought in, so that a zip is read where it lies.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

from botocore.exceptions import ClientError

from .errors import SimulatorError

RANGE_BYTES = 8 << 20
CHUNK_BYTES = 1 << 20
# Without a limit a file without line ends would be read into memory whole.
LONGEST_LINE = 8 << 20


class Lines(NamedTuple):
    """Some whole lines of the file, without their line ends."""

    first_number: int  # of the first of them, counted from 1 at the file's beginning
    lines: list[bytes]
    bytes_read: int  # of the file, to the end of these lines


class Source:
    """A CSV, plain or as the only member of a zip, at `s3://bucket/key` or at a local path."""

    def __init__(self, location: str, session: Any) -> None:
        """`session` is a boto3 session. Raises SimulatorError where there is no such file, or it is empty."""
        self.location = location
        self._open: Callable[[], IO[bytes]]
        if location.startswith("s3://"):
            self._open = _S3File.opener(location, session)
        else:
            path = Path(location)
            if not path.is_file():
                raise SimulatorError(f"{location} is no file; name a CSV or a zip, here or as s3://bucket/key.")
            self._open = lambda: path.open("rb")
        with ExitStack() as opened:
            _, self.size = self._csv(opened)
        if not self.size:
            raise SimulatorError(f"{location} is empty; name a CSV with a header line and rows.")

    def read(self) -> Iterator[Lines]:
        """All lines from the first one on; each call reads the file again."""
        with ExitStack() as opened:
            file, _ = self._csv(opened)
            number, done, rest = 1, 0, b""
            while chunk := file.read(CHUNK_BYTES):
                done += len(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    raise SimulatorError(
                        f"Line {number + len(lines)} of {self.location} is longer than {LONGEST_LINE:,} bytes; "
                        "the file is no CSV of events, whose lines end with a line feed."
                    )
                if lines:
                    yield Lines(number, lines, done)
                    number += len(lines)
            if rest:
                yield Lines(number, [rest], done)

    def _csv(self, opened: ExitStack) -> tuple[IO[bytes], int]:
        """The file to read and its bytes, those of the member where it is a zip."""
        file = opened.enter_context(self._open())
        if not self.location.endswith(".zip"):
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            return file, size
        try:
            archive = opened.enter_context(zipfile.ZipFile(file))
        except zipfile.BadZipFile as error:
            raise SimulatorError(
                f"{self.location} is no zip ({error}); make it anew, or name the CSV itself."
            ) from None
        members = [member for member in archive.infolist() if member.filename.endswith(".csv")]
        if len(members) != 1:
            raise SimulatorError(
                f"{self.location} holds {len(members)} CSV files; it must hold one. Unpack it and name one of them."
            )
        return opened.enter_context(archive.open(members[0])), members[0].file_size


class _S3File(io.RawIOBase):
    """An object of S3 as a file that can be sought in; it is fetched by ranges as it is read."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        head = client.head_object(Bucket=bucket, Key=key)
        self._client = client
        # Every range is of the same version: another one put in its place meanwhile is an error, not a mixture.
        self._object = {"Bucket": bucket, "Key": key, "IfMatch": head["ETag"]}
        self._size: int = head["ContentLength"]
        self._position = 0

    @classmethod
    def opener(cls, location: str, session: Any) -> Callable[[], IO[bytes]]:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        if not bucket or not key:
            raise SimulatorError(f"{location} names no object; write it as s3://bucket/key.")
        client = session.client("s3")

        def open_object() -> IO[bytes]:
            try:
                return io.BufferedReader(cls(client, bucket, key), RANGE_BYTES)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in {"404", "NoSuchKey", "NoSuchBucket"}:
                    raise SimulatorError(
                        f"{location} does not exist; upload the data set first (DAG ecomm_dataset_upload), "
                        "or name another file with --source."
                    ) from None
                if code == "403":
                    raise SimulatorError(
                        f"{location} may not be read; these credentials lack s3:GetObject on it."
                    ) from None
                raise

        return open_object

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        try:
            answer = self._client.get_object(Range=f"bytes={self._position}-{end - 1}", **self._object)
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            raise SimulatorError(
                f"s3://{self._object['Bucket']}/{self._object['Key']} was replaced while it was read; start again."
            ) from None
        data: bytes = answer["Body"].read()
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
