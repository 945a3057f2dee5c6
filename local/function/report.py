"""The lines that Lambda adds to a log when an invocation is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from local.function.settings import Function

TIMED_OUT = "Sandbox.Timedout"


@dataclass(frozen=True)
class Trouble:
    """Why a process had to end in an invocation: the error's type and sentence."""

    kind: str
    sentence: str


@dataclass(frozen=True)
class Ending:
    """How an invocation went. init_ms: of a cold start."""

    request_id: str
    duration_ms: float
    init_ms: float | None
    memory_mb: int
    trouble: Trouble | None

    def lines(self, function: Function) -> Iterator[str]:
        timed_out = self.trouble is not None and self.trouble.kind == TIMED_OUT
        duration_ms = min(self.duration_ms, function.timeout_seconds * 1000)
        if timed_out:
            now = datetime.now(UTC)
            moment = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
            yield f"{moment} {self.request_id} Task timed out after {function.timeout_seconds:.2f} seconds"
        yield f"END RequestId: {self.request_id}"
        parts = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {duration_ms:.2f} ms",
            f"Billed Duration: {ceil(duration_ms + (self.init_ms or 0))} ms",
            f"Memory Size: {function.memory_mb} MB",
            f"Max Memory Used: {min(self.memory_mb, function.memory_mb)} MB",
        ]
        if self.init_ms is not None:
            parts.append(f"Init Duration: {self.init_ms:.2f} ms")
        if timed_out:
            parts.append("Status: timeout")
        elif self.trouble is not None:
            parts += ["Status: error", f"Error Type: {self.trouble.kind}"]
        yield "\t".join(parts)
        if self.trouble is not None and not timed_out:
            yield f"{self.trouble.sentence}\n{self.trouble.kind}"
