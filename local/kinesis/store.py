"""All streams, by account, region and name, in folders of those names."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from local.api_errors import in_use, invalid_argument, not_found
from local.kinesis.stream import DESCRIPTION, Settings, Stream

logger = logging.getLogger(__name__)

EXPIRY_SECONDS = 60
# Stream names hold neither sign, nor do they end up as the name of another folder.
_SUFFIX = "=stream"
_DELETED = "=deleted"


class Scope(NamedTuple):
    """Whose streams a request sees."""

    account: str
    region: str

    def arn(self, name: str) -> str:
        return f"arn:aws:kinesis:{self.region}:{self.account}:stream/{name}"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class StreamStore:
    """Opens every stream of a folder; streams created later are there after a restart, whatever ended the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._streams: dict[tuple[Scope, str], Stream] = {}
        # Called when records have come into a stream, before they are acknowledged.
        self.listeners: list[Callable[[Stream], None]] = []
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"*/*/*{_DELETED}"):
            shutil.rmtree(left)
        for description in sorted(folder.glob(f"*/*/*{_SUFFIX}/{DESCRIPTION}")):
            stream = Stream.restore(description.parent)
            account, region = description.parts[-4:-2]
            self._streams[Scope(account, region), stream.name] = stream
        self._ended = threading.Event()
        self._expiring = threading.Thread(target=self._expire, name="Kinesis retention", daemon=True)
        self._expiring.start()

    def all(self) -> list[tuple[Scope, Stream]]:
        return [(scope, stream) for (scope, _), stream in list(self._streams.items())]

    def names(self, scope: Scope) -> list[str]:
        return sorted(name for owner, name in list(self._streams) if owner == scope)

    def get(self, scope: Scope, name: str) -> Stream | None:
        return self._streams.get((scope, name))

    def find(self, scope: Scope, data: dict[str, Any]) -> Stream:
        """The stream that a request names, by name or ARN. Raises ApiError."""
        if not (data.get("StreamName") or data.get("StreamARN")):
            raise invalid_argument("Either StreamName or StreamARN must be given.")
        name = data.get("StreamName") or data["StreamARN"].rpartition("/")[2]
        stream = self._streams.get((scope, name))
        if stream is None or data.get("StreamARN") not in (None, stream.arn):
            raise not_found(f"Stream {name} under account {scope.account} not found.")
        return stream

    def create(self, scope: Scope, name: str, settings: Settings, shards: int) -> Stream:
        if (scope, name) in self._streams:
            raise in_use(f"Stream {name} under account {scope.account} already exists.")
        folder = self._stream_folder(scope, name)
        # Begun and never finished; its creator was told nothing.
        shutil.rmtree(folder, ignore_errors=True)
        stream = Stream.create(folder, scope.arn(name), now_ms(), settings, shards)
        self._streams[scope, name] = stream
        return stream

    def delete(self, scope: Scope, stream: Stream) -> None:
        folder = self._stream_folder(scope, stream.name)
        gone = folder.with_name(f"{stream.name}={now_ms()}{_DELETED}")
        with stream.lock:
            del self._streams[scope, stream.name]
            stream.close()
            folder.rename(gone)
        shutil.rmtree(gone)

    def _stream_folder(self, scope: Scope, name: str) -> Path:
        return self._folder / scope.account / scope.region / f"{name}{_SUFFIX}"

    def close(self) -> None:
        self._ended.set()
        self._expiring.join()

    def _expire(self) -> None:
        while not self._ended.wait(EXPIRY_SECONDS):
            for _, stream in self.all():
                try:
                    with stream.lock:
                        stream.drop_expired(now_ms())
                except OSError:
                    logger.exception("Old records of %s could not be removed.", stream.name)
