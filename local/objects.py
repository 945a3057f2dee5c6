"""What the engines know of S3: which objects a prefix holds and which file on this machine holds each one's bytes.

Engines read the files themselves (DuckDB, a script to submit) and write through boto3, so that every write is S3's.
Only the platform's own process knows the listing; it hands it over with `use` when it starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.calls import note


class BucketNotFoundError(LookupError):
    """No bucket of that name."""


@dataclass(frozen=True, order=True)
class StoredObject:
    """One current object: its size in bytes and the file that holds exactly its bytes."""

    bucket: str
    key: str
    size: int
    file: Path

    @property
    def path(self) -> Path:
        """The file, to be read, never written: who asks for it needs the right to read the object."""
        note("s3:GetObject", f"arn:aws:s3:::{self.bucket}/{self.key}")
        return self.file

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


Listing = Callable[[str, str], list[StoredObject]]


def _unknown(bucket: str, prefix: str) -> list[StoredObject]:
    raise RuntimeError(f"s3://{bucket}/{prefix} cannot be listed: no platform runs in this process.")


_listing: Listing = _unknown


def use(listing: Listing) -> None:
    """Sets who answers `list_objects`: a function of bucket and prefix, callable from any thread."""
    global _listing  # noqa: PLW0603 - one process is one platform
    _listing = listing


def list_objects(bucket: str, prefix: str = "") -> list[StoredObject]:
    """All current objects whose key starts with `prefix`, by key; folder markers (keys ending in `/`) are left out.

    Raises BucketNotFoundError.
    """
    note("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    return sorted(found for found in _listing(bucket, prefix) if not found.key.endswith("/"))


def find_object(uri: str) -> StoredObject | None:
    """The object of exactly this `s3://` URI, or None. Raises BucketNotFoundError."""
    bucket, key = split_uri(uri)
    return next((found for found in _listing(bucket, key) if found.key == key), None)


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/key` (or s3a, s3n) as bucket and key; the key may be empty. Raises ValueError."""
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if not separator or scheme.lower() not in ("s3", "s3a", "s3n") or not bucket:
        raise ValueError(f"{uri!r} is not an S3 location; write s3://bucket/key.")
    return bucket, key
