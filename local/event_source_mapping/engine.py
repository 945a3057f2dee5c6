"""Carries out the mappings that there are: starts their lanes, stops them, says what state each has reached."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping as MappingType
from pathlib import Path
from typing import Any

from local import principals
from local.calls import note_reading
from local.event_source_mapping.checkpoints import Checkpoints
from local.event_source_mapping.lane import Lane, Tools
from local.event_source_mapping.mapping import Mapping
from local.kinesis.store import Scope, StreamStore
from local.kinesis.stream import Stream

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
CLOSE_SECONDS = 5.0
ENABLED, DISABLED, NO_STREAM = "Enabled", "Disabled", "PROBLEM: Stream not found"


class _Run:
    """A mapping at work on a stream."""

    def __init__(
        self, mapping: Mapping, stream: Stream, checkpoints: Checkpoints, tools: Tools, ended: Callable[[], None]
    ) -> None:
        self.mapping = mapping
        self.stream = stream
        self.stopping = False
        self.checkpoints = checkpoints
        self._tools = tools
        self._ended = ended
        self._lanes: dict[int, list[Lane]] = {}
        checkpoints.begin(mapping, stream)

    def start_lanes(self) -> None:
        """Of all shards whose parents are done with."""
        with principals.acting_as(principals.of_role(self.mapping.role)):
            note_reading(self.mapping.stream_arn)
        shards = dict(self.stream.shards)
        self.checkpoints.forget_all_but(set(shards))
        finished = {index for index, shard in shards.items() if self.checkpoints.is_finished(shard)}
        for index, shard in shards.items():
            waits = any(parent in shards and parent not in finished for parent in shard.parents)
            if index in self._lanes or index in finished or waits:
                continue
            numbers = range(self.mapping.parallelization)
            shared: Any = {"checkpoints": self.checkpoints, "tools": self._tools, "ended": self._ended}
            lanes = [Lane(self.mapping, shard, number, **shared) for number in numbers]
            self._lanes[index] = lanes
            for lane in lanes:
                lane.start()

    @property
    def lanes(self) -> list[Lane]:
        return [lane for lanes in list(self._lanes.values()) for lane in lanes]

    def stop(self) -> None:
        self.stopping = True
        for lane in self.lanes:
            lane.stop()

    @property
    def is_over(self) -> bool:
        return not any(lane.is_alive for lane in self.lanes)


class Engine:
    """mappings: those that there are now, by id. tell_state: the mapping's id, and the state that it has reached."""

    def __init__(
        self,
        folder: Path,
        store: StreamStore,
        mappings: Callable[[], MappingType[str, Mapping]],
        tools: Tools,
        tell_state: Callable[[str, str], None],
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._store = store
        self._mappings = mappings
        self._tools = tools
        self._tell_state = tell_state
        self._runs: dict[str, _Run] = {}
        self._known: set[str] = set()
        self._changed = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="event source mappings", daemon=True)
        store.listeners.append(self._look)

    def start(self) -> None:
        """Functions and streams must answer from here on."""
        self._thread.start()

    def changed(self) -> None:
        """Mappings may have come, gone or changed."""
        self._changed.set()

    def deleted(self, key: str) -> None:
        """The mapping is gone: no record that comes from now on is handed to its function."""
        if (run := self._runs.get(key)) is not None:
            run.stop()
        self._changed.set()

    def close(self) -> None:
        """Lets running invocations end for some seconds; what is not done with then comes again."""
        self._closed.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()
        for run in self._runs.values():
            run.stop()
        deadline = time.monotonic() + CLOSE_SECONDS
        for run in self._runs.values():
            for lane in run.lanes:
                lane.join(max(0, deadline - time.monotonic()))

    def _look(self, stream: Stream) -> None:
        """Records have come into the stream; called where they were put, so it may not take time."""
        for run in list(self._runs.values()):
            if run.stream is stream:
                for lane in run.lanes:
                    lane.look()

    def _supervise(self) -> None:
        while not self._closed.is_set():
            self._changed.clear()
            try:
                self._reconcile(self._mappings())
            except Exception:  # Whatever one mapping's trouble is, the others go on.
                logger.exception("The event source mappings could not be looked at.")
            self._changed.wait(LOOK_SECONDS)

    def _reconcile(self, wanted: MappingType[str, Mapping]) -> None:
        for key, run in list(self._runs.items()):
            mapping = wanted.get(key)
            if mapping != run.mapping or self._stream(run.mapping) is not run.stream:
                run.stop()
            if run.stopping and run.is_over:
                del self._runs[key]
        for key, mapping in wanted.items():
            if (current := self._runs.get(key)) is not None:
                if not current.stopping:
                    current.start_lanes()
                    self._tell_state(key, ENABLED)
            elif not mapping.enabled:
                self._tell_state(key, DISABLED)
            else:
                self._begin(mapping)
        for key in self._known - wanted.keys() - self._runs.keys():
            self._checkpoints(key).remove()
        self._known = wanted.keys() | self._runs.keys()

    def _begin(self, mapping: Mapping) -> None:
        stream = self._stream(mapping)
        if stream is None:
            self._tools.tell(mapping.id, NO_STREAM)
        else:
            run = _Run(mapping, stream, self._checkpoints(mapping.id), self._tools, self.changed)
            self._runs[mapping.id] = run
            run.start_lanes()
        self._tell_state(mapping.id, ENABLED)

    def _stream(self, mapping: Mapping) -> Stream | None:
        return self._store.get(Scope(mapping.account, mapping.region), mapping.stream_name)

    def _checkpoints(self, key: str) -> Checkpoints:
        return Checkpoints(self._folder / f"{key}.json")
