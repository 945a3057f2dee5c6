"""Waits through a service that does not answer, for as long as its process lives, and says why one has died."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError

from demo import DemoError
from local.config import Config
from local.deaths import explained
from local.services import services

PLATFORM, AIRFLOW = "platform", "airflow"
POLL_SECONDS = 1.0
# Between a `make down` and a `make up` of somebody who restarts a service.
RESTART_SECONDS = 120
# What a server, or a proxy before it, answers that has too much to do.
BUSY_STATUSES = (429, 502, 503, 504)


class Watch:
    """The services of one instance, as the demo sees them.

    note: prints a line. It hears once per outage that a service is waited for, and once that it answers again.
    """

    def __init__(self, config: Config, note: Callable[[str], None]) -> None:
        self._services = {service.name: service for service in services(config)}
        self._note = note
        self._since: dict[str, float] = {}

    def death(self) -> str | None:
        """Why a service died, the end of its log, and how to go on; None where none has died."""
        for service in self._services.values():
            if service.started() and service.process() is None:
                return explained(service)
        return None

    def refuse_dead(self) -> None:
        """Raises DemoError where a service has died: what waits for it would wait for ever."""
        if death := self.death():
            raise DemoError(death)

    def waits(self, name: str, reason: str) -> None:
        """Takes note that the service did not answer; raises DemoError where it never will."""
        self.refuse_dead()
        service = self._services[name]
        process = service.process()
        first = name not in self._since
        since = self._since.setdefault(name, time.monotonic())
        if process is None and time.monotonic() - since > RESTART_SECONDS:
            raise DemoError(f"{name} was stopped, by `make down` perhaps; run the same command again, which starts it.")
        if first:
            lives = f"process {process.pid} lives" if process else "it was stopped, and may come back"
            self._note(f"{name} does not answer ({reason}); waiting, since {lives}. Its log is {service.log}.")

    def answers(self, name: str) -> None:
        """Takes note that the service answered."""
        if since := self._since.pop(name, None):
            self._note(f"{name} answers again after {time.monotonic() - since:.0f} s.")

    def wait_in_boto3(self) -> None:
        """Lets every boto3 client that is made from now on wait for the platform, beyond its own (standard) retries."""
        boto3.setup_default_session()
        assert boto3.DEFAULT_SESSION is not None
        boto3.DEFAULT_SESSION.events.register_first("needs-retry", self._needs_retry)

    def _needs_retry(
        self, response: tuple[Any, Any] | None = None, caught_exception: Exception | None = None, **_: Any
    ) -> float | None:
        """The seconds until botocore asks again; None where its own rules decide."""
        if isinstance(caught_exception, HTTPClientError | BotoConnectionError):
            self.waits(PLATFORM, str(caught_exception))
            return POLL_SECONDS
        if response is not None and response[0].status_code in BUSY_STATUSES:
            self.waits(PLATFORM, f"it says {response[0].status_code}")
            return POLL_SECONDS
        if response is not None:
            self.answers(PLATFORM)
        return None
