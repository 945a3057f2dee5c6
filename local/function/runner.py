"""Invocations with what AWS counts of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.cloudwatch_meter import Meter
from local.config import Config
from local.function.code import CodeFolder
from local.function.host import Host
from local.function.outcome import Outcome
from local.function.pool import Pool
from local.function.settings import Function

# Of the metrics that are not counts.
UNITS = {"Duration": "Milliseconds", "IteratorAge": "Milliseconds"}


class Runner:
    """Runs the functions of one platform; counts Invocations, Errors, Throttles and Duration a function."""

    def __init__(self, config: Config, clients: Callable[[str], Any], meter: Meter) -> None:
        self._config = config
        self._clients = clients
        self._meter = meter
        self._bytecode = config.environments / "pycache"
        self._pool = Pool(self._host, CodeFolder(config.var / "aws" / "functions" / "code", self._bytecode))
        self.retire = self._pool.retire
        self.close = self._pool.close

    def invoke(self, function: Function, arn: str, zip_file: bytes, event: bytes, reserved: int | None) -> Outcome:
        """Returns when the function has answered, failed or was not let run."""
        outcome = self._pool.invoke(function, arn, zip_file, event, reserved)
        self._meter.count(function.name, "Throttles", 1 if outcome.throttled else 0)
        if outcome.throttled is None:
            self._meter.count(function.name, "Invocations", 1)
            self._meter.count(function.name, "Errors", 1 if outcome.error else 0)
            self._meter.count(function.name, "Duration", outcome.duration_ms)
        return outcome

    def _host(self) -> Host:
        """Raises OSError where the runtime's environment is missing."""
        folder = self._config.environments / "lambda"
        python = folder / "bin" / "python"
        packages = next(folder.glob("lib/python3*/site-packages"), None)
        if packages is None or not python.exists():
            raise FileNotFoundError(f"Functions need {python}, which is missing; `make setup` installs it.")
        return Host(python, packages, self._bytecode, self._config.endpoint, self._clients)
