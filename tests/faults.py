"""Faults of a running platform, asked for over HTTP as its users do (docs/local.md)."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Faults:
    def __init__(self, endpoint: str) -> None:
        self._url = f"{endpoint}/_local/faults"

    def __call__(self, method: str, fault: Any = None) -> tuple[int, Any]:
        """The status, and the faults that are left or why there are none."""
        body = None if fault is None else json.dumps(fault).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self._url, body, method=method)) as answer:
                return answer.status, json.load(answer)["faults"]
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["message"]

    def ask(self, service: str, action: str, error: str = "", **how: Any) -> None:
        """Until cleared, but where `how` says for how long or how often."""
        status, answer = self("PUT", {"service": service, "action": action, "error": error, "seconds": 300, **how})
        assert status == 200, answer

    def clear(self) -> None:
        self("DELETE")

    @contextmanager
    def held(self, service: str, action: str) -> Iterator[None]:
        """Calls of this operation get no answer within the block, and go on after it: what makes them is met in its
        middle, however fast it is. A caller with the usual limit of 60 seconds does not call again.
        """
        self.ask(service, action, delay=50)
        try:
            yield
        finally:
            self.clear()
