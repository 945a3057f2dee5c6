"""What became of an invocation, in AWS's words."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

NO_FUNCTION = "ResourceNotFoundException"


@dataclass(frozen=True)
class Outcome:
    """payload: JSON of the handler's answer or of its error.

    error: how the function failed (Unhandled); None where it did not.
    throttled: why it was not invoked; None where it was.
    log: the lines of this invocation.
    """

    payload: bytes
    request_id: str = ""
    error: str | None = None
    throttled: str | None = None
    log: list[str] = field(default_factory=list)
    duration_ms: float = 0.0

    @property
    def answer(self) -> Any:
        return json.loads(self.payload)


def throttled(reason: str) -> Outcome:
    return Outcome(b"null", throttled=reason)


def error_payload(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
