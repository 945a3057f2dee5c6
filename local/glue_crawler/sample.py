"""The first megabyte of an object, decompressed: all that a crawler looks at, whatever the object's size.

Source: AWS re:Post, "How does the AWS Glue crawler detect the schema?" (the first megabyte or the first 1,000 records
of a file) and the Glue guide on built-in classifiers (gzip, bzip2, and zip archives of a single file are looked into).
"""

from __future__ import annotations

import bz2
import gzip
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO

from local.objects import StoredObject

SAMPLE_BYTES = 1 << 20


class UnreadableObjectError(ValueError):
    """An object is not what its first bytes say it is."""


@dataclass(frozen=True)
class Sample:
    """The start of an object's content.

    data: at most SAMPLE_BYTES, decompressed. complete: whether that is all of it.
    size: of the whole content in bytes, decompressed; an estimate from the sample's ratio where the archive keeps none.
    compression: none, gzip, bzip2 or zip, as the catalog calls it.
    """

    data: bytes
    complete: bool
    size: int
    compression: str


def read_sample(stored: StoredObject) -> Sample:
    """Reads the sample of one object; a zip archive of several files gives no data, as Glue does not look into it.

    Raises UnreadableObjectError where a compressed object is damaged.
    """
    with stored.path.open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        try:
            if magic.startswith(b"\x1f\x8b"):
                return _compressed(raw, gzip.GzipFile(fileobj=raw), "gzip", stored.size)
            if magic.startswith(b"BZh"):
                return _compressed(raw, bz2.BZ2File(raw), "bzip2", stored.size)
            if magic == b"PK\x03\x04":
                return _zipped(raw)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise UnreadableObjectError(f"{stored.uri} is a damaged archive ({error}); upload it again.") from error
        data = raw.read(SAMPLE_BYTES)
        return Sample(data, len(data) >= stored.size, stored.size, "none")


def _compressed(raw: IO[bytes], content: gzip.GzipFile | bz2.BZ2File, compression: str, stored_size: int) -> Sample:
    data = content.read(SAMPLE_BYTES)
    if not content.read(1):
        return Sample(data, True, len(data), compression)
    return Sample(data, False, round(len(data) * stored_size / max(raw.tell(), 1)), compression)


def _zipped(raw: IO[bytes]) -> Sample:
    with zipfile.ZipFile(raw) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            return Sample(b"", True, 0, "zip")
        with archive.open(members[0]) as content:
            data = content.read(SAMPLE_BYTES)
        return Sample(data, len(data) == members[0].file_size, members[0].file_size, "zip")
