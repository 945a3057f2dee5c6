"""All execution environments: kept warm, one invocation each, as many as are invoked at once."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable

from local.function.code import CodeFolder
from local.function.environment import UNHANDLED, Environment
from local.function.host import Host
from local.function.outcome import Outcome, error_payload, throttled
from local.function.settings import Function

logger = logging.getLogger(__name__)

IDLE_SECONDS = 300
LOOK_SECONDS = 15
CLOSE_SECONDS = 5
# Each is a Python process; AWS's own default for an account is 1,000.
ACCOUNT_CONCURRENCY = 100
FUNCTION_LIMIT = "ReservedFunctionConcurrentInvocationLimitExceeded"
ACCOUNT_LIMIT = "ConcurrentInvocationLimitExceeded"


class Pool:
    """Safe for threads. host: what environments are started with; asked at each start, raises OSError where it lacks.

    code: where zips are unpacked.
    """

    def __init__(self, host: Callable[[], Host], code: CodeFolder) -> None:
        self._host = host
        self._code = code
        self._lock = threading.Lock()
        self._less_busy = threading.Condition(self._lock)
        self._idle: list[Environment] = []
        self._busy: list[Environment] = []
        # Invocations by the function's ARN, whatever its version.
        self._running: Counter[str] = Counter()
        self._ended = threading.Event()
        self._tidying = threading.Thread(target=self._tidy, name="Lambda idle environments", daemon=True)
        self._tidying.start()

    def invoke(self, function: Function, arn: str, zip_file: bytes, event: bytes, reserved: int | None) -> Outcome:
        """Runs the function in an environment that is idle, or a new one.

        arn: under which it was invoked. reserved: how many invocations it may have at once, if that is set.
        """
        request_id = str(uuid.uuid4())
        with self._lock:
            if reserved is not None and self._running[function.arn] >= reserved:
                return throttled(FUNCTION_LIMIT)
            if self._running.total() >= ACCOUNT_CONCURRENCY:
                return throttled(ACCOUNT_LIMIT)
            self._running[function.arn] += 1
        try:
            environment = self._acquire(function, zip_file)
            try:
                return environment.invoke(arn, event, request_id)
            except BaseException:
                # What it sends later would be taken for the answer of another call.
                environment.retired = True
                raise
            finally:
                self._release(environment)
        except OSError as error:
            logger.error("%s could not be started: %s", function.name, error)
            return Outcome(error_payload("Runtime.InvalidEntrypoint", str(error)), request_id, UNHANDLED)
        finally:
            with self._lock:
                self._running[function.arn] -= 1

    def retire(self, arn: str, version: str | None = None) -> None:
        """Ends the function's environments (of one version, or all): at once, or after their invocation."""
        with self._lock:
            for environment in self._busy + self._idle:
                function = environment.function
                if function.arn == arn and version in (None, function.version):
                    environment.retired = True
        # Beside the caller: the end of a log is written by way of the platform, which may be who calls.
        threading.Thread(target=self._end_idle, args=(lambda environment: environment.retired,), daemon=True).start()

    def close(self) -> None:
        """Kills what runs, so that its callers get an error; all logs are written when this returns."""
        self._ended.set()
        with self._lock:
            busy = list(self._busy)
        for environment in busy:
            environment.retired = True
            environment.kill()
        with self._less_busy:
            self._less_busy.wait_for(lambda: not self._busy, CLOSE_SECONDS)
        self._end_idle(lambda environment: True)

    def _acquire(self, function: Function, zip_file: bytes) -> Environment:
        with self._lock:
            # The one that was used last, so that those which are too many grow old.
            for environment in reversed(self._idle):
                if environment.function == function and environment.is_alive and not environment.retired:
                    self._idle.remove(environment)
                    self._busy.append(environment)
                    return environment
        if self._ended.is_set():
            raise OSError("The platform is stopping.")
        environment = Environment(function, self._code.unpacked(function.code, zip_file), self._host())
        with self._lock:
            self._busy.append(environment)
        return environment

    def _release(self, environment: Environment) -> None:
        with self._lock:
            keep = environment.is_alive and not environment.retired and not self._ended.is_set()
            environment.idle_since = time.monotonic()
            if keep:
                self._idle.append(environment)
                self._busy.remove(environment)
        if not keep:
            # Beside the caller, who waits for his answer only.
            threading.Thread(target=self._end, args=(environment,), daemon=True).start()

    def _end(self, environment: Environment) -> None:
        environment.close()
        with self._less_busy:
            self._busy.remove(environment)
            self._less_busy.notify_all()

    def _tidy(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._end_idle(_is_done_with)

    def _end_idle(self, chosen: Callable[[Environment], bool]) -> None:
        with self._lock:
            gone = [environment for environment in self._idle if chosen(environment)]
            self._idle = [environment for environment in self._idle if environment not in gone]
        for environment in gone:
            environment.close()


def _is_done_with(environment: Environment) -> bool:
    if environment.retired or not environment.is_alive:
        return True
    return environment.idle_since < time.monotonic() - IDLE_SECONDS
