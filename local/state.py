"""The state of the services on disk, written about a second after it changes: a kill loses no more than that."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from local.whole_file import write_whole

logger = logging.getLogger("local.state")

TICK_SECONDS = 0.8
# A service whose state takes long is looked at less often: copying, for which all else waits, and writing take at most
# these shares of the time.
LARGEST_SHARE = 0.02
LARGEST_SHARE_OF_WRITING = 0.04
# No tick follows the last one.
LAST_TRIES = 20
LAST_TRIES_SECONDS = 0.05


class StateKeeper:
    """Looks at each service's state again and again and writes what has changed.

    sources: by name, a function that returns a copy of the service's state (None: nothing to keep); asked each time,
    since services appear when they are first used. Called in the event loop, where nothing changes meanwhile.
    encode: makes the text of a state's file, given its name and the copy; called in a thread.
    """

    def __init__(
        self, folder: Path, sources: Callable[[], Mapping[str, Callable[[], Any]]], encode: Callable[[str, Any], str]
    ) -> None:
        self._folder = folder
        self._sources = sources
        self._encode = encode
        self._written: dict[str, bytes] = {}
        self._next_look: dict[str, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then once more for all."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), TICK_SECONDS)
            await self._save(everything=stop.is_set())

    async def _save(self, everything: bool) -> None:
        # All are copied before any is written, so that what one service knows of another is of the same moment.
        copies = {}
        for name, source in dict(self._sources()).items():
            begun = time.monotonic()
            if not everything and begun < self._next_look.get(name, 0):
                continue
            try:
                copies[name] = await self._copy(source, LAST_TRIES if everything else 1)
            except RuntimeError:
                continue  # At the next tick.
            self._next_look[name] = time.monotonic() + (time.monotonic() - begun) / LARGEST_SHARE
        await asyncio.to_thread(self._write_all, copies)

    @staticmethod
    async def _copy(source: Callable[[], Any], tries: int) -> Any:
        """Raises RuntimeError where, at every try, a thread of the service's changes it while it is copied."""
        for _ in range(tries - 1):
            with contextlib.suppress(RuntimeError):
                return source()
            await asyncio.sleep(LAST_TRIES_SECONDS)
        return source()

    def _write_all(self, copies: dict[str, Any]) -> None:
        for name, state in copies.items():
            begun = time.monotonic()
            try:
                if state is not None:
                    self._write(name, state)
            except Exception:  # Whatever it is, the other services are still to be saved.
                logger.exception("The state of %s could not be saved.", name)
            ended = time.monotonic()
            next_look = ended + (ended - begun) / LARGEST_SHARE_OF_WRITING
            self._next_look[name] = max(self._next_look.get(name, 0), next_look)

    def _write(self, name: str, state: Any) -> None:
        text = self._encode(name, state)
        digest = hashlib.sha256(text.encode()).digest()
        if self._written.get(name) == digest:
            return
        write_whole(self._folder / f"{name}.json", text)
        self._written[name] = digest
