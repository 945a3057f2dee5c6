"""Flink's REST API of the local cluster."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any

from local.config import HOST

POLL_SECONDS = 0.2


class RestError(Exception):
    """Flink answered with an error, or does not answer: what it said."""


class Rest:
    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, path: str) -> Any:
        return self._request("GET", path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._request("POST", path, json.dumps(body))

    def cancel(self, job: str) -> None:
        self._request("PATCH", f"/jobs/{job}?mode=cancel")

    def result(self, path: str, seconds: float) -> Any:
        """Waits until an asynchronous operation is over and returns its result. Raises RestError."""
        deadline = time.monotonic() + seconds
        while (answer := self.get(path))["status"]["id"] != "COMPLETED":
            if time.monotonic() > deadline:
                raise RestError(f"Flink did not end it within {seconds:.0f} s.")
            time.sleep(POLL_SECONDS)
        failure = answer["operation"].get("failure-cause")
        if failure:
            raise RestError(root_cause(failure.get("stack-trace") or failure.get("class", "")))
        return answer["operation"]

    def _request(self, method: str, path: str, body: str | None = None) -> Any:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=15)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise RestError(f"Flink's job manager does not answer: {error}.") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise RestError(_errors(text))
        return json.loads(text) if text else {}


def root_cause(trace: str) -> str:
    """The innermost cause of a Java stack trace, which says what was wrong."""
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return causes[-1] if causes else lines[0] if lines else ""


def _errors(text: str) -> str:
    try:
        return root_cause("\n".join(json.loads(text).get("errors") or [])) or text
    except ValueError:
        return text
