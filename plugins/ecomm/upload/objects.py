"""Writes an object of any size to S3 from a stream: parts go up while the next are made; it appears when complete."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from types import TracebackType
from typing import Any, NamedTuple

from ecomm.aws import client

PART = 8 * 1024 * 1024
# S3 allows 10,000 parts; growing parts let an object reach 440 GB while small ones begin to move early.
PARTS_BEFORE_GROWTH = 1000
UPLOADS_AT_ONCE = 4
PARTS_IN_MEMORY = 6
# The key of an object's metadata that says which upload of made-up rows wrote it.
MARK = "made-up"


class Written(NamedTuple):
    """A complete object."""

    key: str
    etag: str
    bytes: int


class PartPool:
    """The uploads in flight, of all objects together: a bound on memory and on connections."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(UPLOADS_AT_ONCE, "upload")
        self._room = BoundedSemaphore(PARTS_IN_MEMORY)

    def submit(self, **call: Any) -> Future[dict[str, Any]]:
        """Starts an UploadPart; waits first while too many wait already."""
        self._room.acquire()
        future = self._threads.submit(client("s3").upload_part, **call)
        future.add_done_callback(lambda _: self._room.release())
        return future

    def __enter__(self) -> PartPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, traceback: TracebackType | None) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)


class ObjectWriter:
    """A writable file that becomes the object `key` when `close` returns, and nothing at all when it is aborted.

    mark: of the upload of made-up rows that writes it; None for rows of a shop.
    """

    def __init__(self, bucket: str, key: str, pool: PartPool, content_type: str, mark: str | None = None) -> None:
        self.bucket = bucket
        self.key = key
        self._pool = pool
        self._described = {"ContentType": content_type, **({"Metadata": {MARK: mark}} if mark else {})}
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._parts: list[Future[dict[str, Any]]] = []
        self._upload_id: str | None = None
        self._bytes = 0

    def write(self, data: bytes) -> int:
        self._pending.append(data)
        self._pending_bytes += len(data)
        self._bytes += len(data)
        if self._pending_bytes >= PART * (1 + len(self._parts) // PARTS_BEFORE_GROWTH):
            self._send()
        return len(data)

    def tell(self) -> int:
        return self._bytes

    def flush(self) -> None:
        """Nothing to do: parts leave when they are large enough. zipfile asks for it."""

    def close(self) -> Written:
        """Completes the object; it replaces an earlier one in one step. Raises what the upload of a part raised."""
        if self._upload_id is None:
            answer = client("s3").put_object(
                Bucket=self.bucket, Key=self.key, Body=b"".join(self._pending), **self._described
            )
        else:
            if self._pending:
                self._send()
            parts = [
                {"PartNumber": number, "ETag": part.result()["ETag"]} for number, part in enumerate(self._parts, 1)
            ]
            answer = client("s3").complete_multipart_upload(
                Bucket=self.bucket, Key=self.key, UploadId=self._upload_id, MultipartUpload={"Parts": parts}
            )
        return Written(self.key, answer["ETag"], self._bytes)

    def abort(self) -> None:
        """Gives the parts back; without this AWS keeps them until the bucket's lifecycle rule removes them."""
        if self._upload_id is None:
            return
        for part in self._parts:
            part.cancel()
        for part in self._parts:
            if not part.cancelled():
                part.exception()
        client("s3").abort_multipart_upload(Bucket=self.bucket, Key=self.key, UploadId=self._upload_id)
        self._upload_id = None

    def _send(self) -> None:
        if self._upload_id is None:
            started = client("s3").create_multipart_upload(Bucket=self.bucket, Key=self.key, **self._described)
            self._upload_id = started["UploadId"]
        for part in self._parts[-UPLOADS_AT_ONCE - PARTS_IN_MEMORY :]:
            if part.done():
                part.result()
        self._parts.append(
            self._pool.submit(
                Bucket=self.bucket,
                Key=self.key,
                UploadId=self._upload_id,
                PartNumber=len(self._parts) + 1,
                Body=b"".join(self._pending),
            )
        )
        self._pending = []
        self._pending_bytes = 0
