"""Fixtures of every suite, whatever its environment: the local platform as a process of its own."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180

# What a fixture starts. A module that starts platforms itself is marked by that, any other one by `pytestmark`.
ENGINES = {
    "platform": "platform",
    "alarm": "platform",
    "counting": "flink",
    "spark": "spark",
    "airflow_database": "airflow",
    "image": "airflow",
}

# In a shell's background Ctrl-C is ignored, by children too; the tests send it to theirs.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test for the engines that it starts; `make test-fast` leaves these out."""
    for item in items:
        for fixture in ENGINES.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(ENGINES[fixture])
        if hasattr(getattr(item, "module", None), start_platform.__name__):
            item.add_marker("platform")


@dataclass(frozen=True)
class Platform:
    """A running local platform: where it answers and where it keeps its things."""

    endpoint: str
    var: Path
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """One that no connection takes by chance before it is listened on: the kernel gives those from 32768 on."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def start_platform(var: Path, port: int | None = None, through: Sequence[str] = ()) -> Platform:
    """Starts `python -m local.server` with its state under `var` and waits until it answers.

    through: a command that becomes the one given to it as further arguments. Raises RuntimeError with the end of the
    platform's log where it does not answer.
    """
    port = port or free_port()
    environment = {
        **os.environ,
        "LOCAL_AWS_PORT": str(port),
        "FLINK_PORT": str(free_port()),
        "LOCAL_VAR": str(var),
        "LOCAL_ENVIRONMENTS": str(ROOT / ".venv"),
        # As `up` does: a platform that compiles all of ministack at each start takes ten times as long.
        "PYTHONPYCACHEPREFIX": str(ROOT / ".venv/pycache"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    var.mkdir(parents=True, exist_ok=True)
    log = var / "platform.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*through, str(ROOT / ".venv/local/bin/python"), "-m", "local.server"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    endpoint = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2):
                return Platform(endpoint, var, process)
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"The platform did not start on {endpoint}:\n{log.read_text()[-3000:]}")


def stop_platform(platform: Platform, how: int = signal.SIGTERM) -> None:
    platform.process.send_signal(how)
    platform.process.wait(timeout=120)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for the whole session; a test that needs an empty one names its things after itself."""
    running = start_platform(tmp_path_factory.mktemp("platform"))
    yield running
    stop_platform(running)


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches a real account: made-up keys, one region, and no profile of the user's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
