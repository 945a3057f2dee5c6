"""Writes lines into a stream of CloudWatch Logs while they appear, in batches."""

from __future__ import annotations

import logging
import queue
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)

# Limits of PutLogEvents are 256 KB an event and 1 MB a batch; characters may take four bytes.
LONGEST_EVENT = 60_000
MOST_EVENTS = 1000
LARGEST_BATCH = 200_000
FLUSH_SECONDS = 0.5


class LogStream:
    """One stream, created with its group where they do not exist; lines written are readable about half a second later.

    A context manager: what was written is in CloudWatch Logs when the block is left. A log that cannot be written is
    told in the platform's own log and stops nothing.
    """

    def __init__(self, logs: Any, group: str, stream: str) -> None:
        self._logs = logs
        self._names = {"logGroupName": group, "logStreamName": stream}
        self._waiting: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._ship, name=f"log {group} {stream}", daemon=True)

    def write(self, line: str) -> None:
        """Adds one event; callable from any thread."""
        self._waiting.put((round(time.time() * 1000), line[:LONGEST_EVENT]))

    def __enter__(self) -> LogStream:
        self._create()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _create(self) -> None:
        errors = self._logs.exceptions
        try:
            try:
                self._logs.create_log_stream(**self._names)
            except errors.ResourceNotFoundException:
                # Two streams of one group may begin at a time.
                with suppress(errors.ResourceAlreadyExistsException):
                    self._logs.create_log_group(logGroupName=self._names["logGroupName"])
                self._logs.create_log_stream(**self._names)
        except errors.ResourceAlreadyExistsException:
            return
        except (BotoCoreError, ClientError):
            logger.warning("Could not create %s in CloudWatch Logs.", self._names, exc_info=True)

    def _ship(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._next_batch()
            if batch:
                try:
                    self._put(batch)
                except (BotoCoreError, ClientError):
                    logger.warning("Lost %d lines of %s.", len(batch), self._names, exc_info=True)

    def _put(self, batch: list[dict[str, Any]]) -> None:
        try:
            self._logs.put_log_events(**self._names, logEvents=batch)
        except self._logs.exceptions.ResourceNotFoundException:
            # Somebody has deleted the group.
            self._create()
            self._logs.put_log_events(**self._names, logEvents=batch)

    def _next_batch(self) -> tuple[list[dict[str, Any]], bool]:
        """What was written within the next half second, up to a batch, and whether it is the last."""
        batch: list[dict[str, Any]] = []
        size, deadline = 0, time.monotonic() + FLUSH_SECONDS
        while len(batch) < MOST_EVENTS and size < LARGEST_BATCH:
            try:
                item = self._waiting.get(timeout=max(deadline - time.monotonic(), 0) if batch else None)
            except queue.Empty:
                break
            if item is None:
                return batch, True
            if not batch:
                deadline = time.monotonic() + FLUSH_SECONDS
            batch.append({"timestamp": item[0], "message": item[1]})
            size += len(item[1])
        return batch, False
