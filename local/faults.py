"""Faults on demand: tests and drills tell the platform which operation fails, how, and how often or how long.

    curl -X PUT http://127.0.0.1:4566/_local/faults -d '{"service": "sns", "action": "Publish",
        "error": "InternalError", "status": 500, "seconds": 60}'

A fault may also be that a call takes long; it goes on at once when the faults are cleared, so a test can hold what it
wants to meet in its middle.

Never kept: a platform that starts has none.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from local.api_requests import error_status, model

PATH = "/_local/faults"
# As boto3 names them.
SERVICES = ("cloudwatch", "dynamodb", "firehose", "kinesis", "lambda", "logs", "sns", "sqs")
# Refused as a part of an answer that is else a success.
PARTIAL = {
    ("dynamodb", "BatchExecuteStatement"): ("ThrottlingError", "ProvisionedThroughputExceeded", "InternalServerError"),
    ("dynamodb", "BatchWriteItem"): ("UnprocessedItems",),
    ("dynamodb", "BatchGetItem"): ("UnprocessedKeys",),
}
_MEMBERS = {"service", "action", "delay", "error", "message", "status", "times", "seconds", "share"}
LONGEST_DELAY = 300


class InvalidFaultError(ValueError):
    """A sentence that says what cannot be asked for."""


@dataclass
class Fault:
    """times: how often it still happens. until: when it ends, by the monotonic clock. None of them: no limit.

    share: the part of the calls that it happens to, or of the parts of a call. delay: seconds that a call waits, before
    it fails or, with no error, is carried out.
    """

    service: str
    action: str
    error: str
    message: str
    status: int
    times: int | None
    until: float | None
    share: float
    delay: float
    happened: int = 0

    @property
    def partial(self) -> bool:
        return self.error in PARTIAL.get((self.service, self.action), ())

    def shown(self) -> dict[str, Any]:
        left = {"seconds": round(self.until - time.monotonic(), 1)} if self.until is not None else {}
        if self.times is not None:
            left["times"] = self.times
        fails = {"error": self.error, "message": self.message, "status": self.status} if self.error else {}
        how = {**fails, **({"delay": self.delay} if self.delay else {}), "share": self.share}
        return {"service": self.service, "action": self.action, **how, **left, "happened": self.happened}


class Faults:
    """Those that are asked for; one an operation. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[tuple[str, str], Fault] = {}
        self._cleared = asyncio.Event()

    def ask(self, request: Any) -> None:
        """From now on; in the place of the fault that this operation had. Raises InvalidFaultError."""
        fault = _fault(request)
        with self._lock:
            self._faults[fault.service, fault.action] = fault

    def clear(self) -> None:
        """In the thread of the platform's loop, where the delayed calls wait."""
        with self._lock:
            self._faults.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    async def delay(self, fault: Fault) -> None:
        """Waits as long as the fault says, or until the faults are cleared."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._cleared.wait(), fault.delay)

    def shown(self) -> list[dict[str, Any]]:
        with self._lock:
            self._forget_what_is_over()
            return [fault.shown() for fault in self._faults.values()]

    def services(self) -> set[str]:
        """Those that have one; a request to another needs no look."""
        with self._lock:
            return {service for service, _ in self._faults}

    def due(self, service: str, action: str) -> Fault | None:
        """The fault that this call meets. One that refuses parts of a call is counted by `meets`, part by part."""
        with self._lock:
            self._forget_what_is_over()
            fault = self._faults.get((service, action))
        if fault is None or fault.partial or self.meets(fault):
            return fault
        return None

    def meets(self, fault: Fault) -> bool:
        """Whether a call, or a part of one, fails; each that does is counted."""
        with self._lock:
            if fault.times == 0 or random.random() >= fault.share:
                return False
            fault.happened += 1
            if fault.times is not None:
                fault.times -= 1
            return True

    def _forget_what_is_over(self) -> None:
        now = time.monotonic()
        for key, fault in list(self._faults.items()):
            if fault.times == 0 or (fault.until is not None and now >= fault.until):
                del self._faults[key]


def _fault(request: Any) -> Fault:
    if not isinstance(request, dict):
        raise InvalidFaultError("A fault is a JSON object.")
    unknown = set(request) - _MEMBERS
    if unknown:
        raise InvalidFaultError(f"A fault has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(_MEMBERS))}.")
    service, action, error = (request.get(name, "") for name in ("service", "action", "error"))
    if service not in SERVICES:
        raise InvalidFaultError(f"There are no faults of the service {service!r}; there are of {', '.join(SERVICES)}.")
    if action not in model(service).operation_names:
        raise InvalidFaultError(f"{service} has no operation {action!r}; botocore's names are meant, such as GetItem.")
    delay = _limit(request, "delay", int | float) or 0
    if delay > LONGEST_DELAY:
        raise InvalidFaultError(f"A call is delayed by {LONGEST_DELAY} seconds at most, not {delay!r}.")
    if not isinstance(error, str) or (not error and not delay):
        raise InvalidFaultError("A fault needs an error, the code that the caller gets, or a delay, or both.")
    times, seconds = _limit(request, "times", int), _limit(request, "seconds", int | float)
    if times is None and seconds is None:
        raise InvalidFaultError("A fault needs times or seconds, so that it ends.")
    share = request.get("share", 1)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise InvalidFaultError(f"The share of calls that fail is over 0 and at most 1, not {share!r}.")
    status = request.get("status", error_status(service, error))
    if status not in range(400, 600):
        raise InvalidFaultError(f"The status of an error is 400 to 599, not {status!r}.")
    message = request.get("message") or f"{error}, as the platform was asked to answer {action}."
    until = None if seconds is None else time.monotonic() + seconds
    return Fault(service, action, error, str(message), status, times, until, float(share), float(delay))


def _limit(request: Mapping[str, Any], name: str, kind: Any) -> Any:
    value = request.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, kind) or value <= 0:
        raise InvalidFaultError(f"The {name} of a fault are a number over 0, not {value!r}.")
    return value
