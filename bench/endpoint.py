"""A local platform for the time of a benchmark, on free ports and with nothing in it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.report import ROOT

START_SECONDS = 90


@dataclass(frozen=True)
class Endpoint:
    """Where AWS's API and Flink's REST API are, the process that serves them, and the folder of its state."""

    aws: str
    flink: str
    process: int
    var: Path


@contextmanager
def local_platform() -> Iterator[Endpoint]:
    """Made-up credentials and AWS_ENDPOINT_URL are set for this process and those that it starts."""
    with tempfile.TemporaryDirectory(prefix="bench-") as var, (Path(var) / "platform.log").open("w") as log:
        port, flink_port = _free_port(), _free_port()
        endpoint = f"http://127.0.0.1:{port}"
        os.environ.update(
            AWS_ENDPOINT_URL=endpoint,
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",
            AWS_DEFAULT_REGION="us-east-1",
        )
        process = subprocess.Popen(
            [str(ROOT / ".venv/local/bin/python"), "-m", "local.server"],
            cwd=ROOT,
            env={**os.environ, "LOCAL_AWS_PORT": str(port), "FLINK_PORT": str(flink_port), "LOCAL_VAR": var},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(endpoint, process, Path(log.name))
            yield Endpoint(endpoint, f"http://127.0.0.1:{flink_port}", process.pid, Path(var))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=120)


def _wait(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"The platform did not start on {endpoint}:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
