"""One execution environment: a process that has loaded the function and takes one invocation at a time."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

from local.function import bootstrap
from local.function.journal import Journal
from local.function.outcome import Outcome, error_payload
from local.function.settings import Function

INIT_SECONDS = 10
# How often a running function's memory is looked at.
WATCH_SECONDS = 0.02
_UNHANDLED = "Unhandled"


@dataclass(frozen=True)
class Host:
    """What all environments of this machine share.

    python: of the runtime. packages: what the runtime brings. bytecode: where Python keeps it.
    endpoint: of the platform, where the function's clients go. logs: a client of CloudWatch Logs.
    """

    python: Path
    packages: Path
    bytecode: Path
    endpoint: str
    logs: Any


class _EndedError(Exception):
    """The process is over, or had to be: the type of the error, and AWS's sentence."""


class Environment:
    """Started by its constructor; `invoke` from one thread at a time."""

    def __init__(self, function: Function, code: Path, host: Host) -> None:
        self.function = function
        self.retired = False
        self.idle_since = time.monotonic()
        now = datetime.now(UTC)
        stream = f"{now:%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"
        self._begun = time.monotonic()
        self._init_ms: float | None = None
        self._seen_mb = 0
        self._killed = False
        self._connection, theirs = socket.socketpair()
        output, their_output = os.pipe()
        with theirs:
            self._process = subprocess.Popen(
                # -P: the folder of the bootstrap is none of the function's.
                [
                    *(str(host.python), "-P", "-X", f"pycache_prefix={host.bytecode}"),
                    *(bootstrap.__file__, str(theirs.fileno())),
                ],
                cwd=code,
                env=_variables(function, code, stream, host),
                stdin=subprocess.DEVNULL,
                stdout=their_output,
                stderr=their_output,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        os.close(their_output)
        self._journal = Journal(host.logs, function.log_group, stream, output)
        # While the function is loading.
        self._journal.start()
        self._journal.write(f"INIT_START Runtime Version: {host.python.resolve().name}")

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def invoke(self, arn: str, event: bytes, request_id: str) -> Outcome:
        """arn: under which the function was invoked. After a failure that ended the process, `is_alive` is false."""
        cold = self._init_ms is None
        failed_in_init = self._await_init(request_id) if cold else None
        self._journal.begin(request_id)
        self._journal.write(f"START RequestId: {request_id} Version: {self.function.version}")
        begun = time.monotonic()
        trouble: _EndedError | None = failed_in_init if isinstance(failed_in_init, _EndedError) else None
        outcome = failed_in_init if isinstance(failed_in_init, Outcome) else None
        if outcome is None and trouble is None:
            try:
                outcome = self._call(arn, event, request_id, begun)
            except _EndedError as ended:
                trouble = ended
        duration_ms = (time.monotonic() - begun) * 1000
        if trouble is not None:
            kind, message = trouble.args
            duration_ms = min(duration_ms, self.function.timeout_seconds * 1000)
            outcome = Outcome(error_payload(kind, message), request_id, _UNHANDLED)
        assert outcome is not None
        self._report(request_id, duration_ms, cold, trouble)
        return Outcome(outcome.payload, request_id, outcome.error, None, self._journal.lines, duration_ms)

    def kill(self) -> None:
        """Ends the process and whatever it has started."""
        if not self._killed:
            self._killed = True
            # It may be gone already, and what it has started still there.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Returns when it has ended and its log is written."""
        self.kill()
        self._connection.close()
        self._journal.close()

    def _await_init(self, request_id: str) -> Outcome | _EndedError | None:
        """None when the handler is loaded."""
        try:
            header, body = self._answer(INIT_SECONDS + self.function.timeout_seconds, request_id)
        except _EndedError as ended:
            return ended
        finally:
            self._init_ms = (time.monotonic() - self._begun) * 1000
        self._journal.await_end(bootstrap.INIT)
        if header["kind"] == "ready":
            return None
        self.kill()
        return Outcome(body, request_id, _UNHANDLED)

    def _call(self, arn: str, event: bytes, request_id: str, begun: float) -> Outcome:
        deadline_ms = time.time_ns() // 1_000_000 + self.function.timeout_seconds * 1000
        header = {"request_id": request_id, "arn": arn, "deadline_ms": deadline_ms}
        try:
            self._connection.settimeout(self.function.timeout_seconds)
            bootstrap.send(self._connection, header, event)
        except TimeoutError:
            raise self._timed_out(request_id) from None
        except OSError:
            raise self._exited(request_id) from None
        answer, body = self._answer(begun + self.function.timeout_seconds - time.monotonic(), request_id)
        self._journal.await_end(request_id)
        return Outcome(body, request_id, None if answer["succeeded"] else _UNHANDLED)

    def _answer(self, seconds: float, request_id: str) -> tuple[dict[str, Any], bytes]:
        """The next frame; raises _EndedError where the process ends, takes too long or too much memory."""
        deadline = time.monotonic() + seconds
        while True:
            self._connection.settimeout(WATCH_SECONDS)
            try:
                if self._connection.recv(1, socket.MSG_PEEK):
                    self._connection.settimeout(None)
                    frame = bootstrap.receive(self._connection)
                    self._refuse_excess(request_id)
                    return frame
                raise self._exited(request_id)
            except TimeoutError:
                # What it has started may hold the other end of the connection open.
                if not self.is_alive:
                    raise self._exited(request_id) from None
                self._refuse_excess(request_id)
                if time.monotonic() > deadline:
                    raise self._timed_out(request_id) from None
            except (EOFError, ConnectionError):
                raise self._exited(request_id) from None

    def _refuse_excess(self, request_id: str) -> None:
        if self._memory_mb() > self.function.memory_mb:
            self.kill()
            raise self._exited(request_id)

    def _timed_out(self, request_id: str) -> _EndedError:
        self.kill()
        seconds = f"{self.function.timeout_seconds:.2f}"
        return _EndedError("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {seconds} seconds")

    def _exited(self, request_id: str) -> _EndedError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        self.kill()
        code = self._process.returncode
        if code < 0:
            reason = f"Runtime exited with error: signal: {(signal.strsignal(-code) or str(-code)).lower()}"
        elif code > 0:
            reason = f"Runtime exited with error: exit status {code}"
        else:
            reason = "Runtime exited without providing a reason"
        return _EndedError("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")

    def _report(self, request_id: str, duration_ms: float, cold: bool, trouble: _EndedError | None) -> None:
        """Lambda's own lines at the end of an invocation."""
        if not self.is_alive:
            self._journal.finish()
        init_ms = self._init_ms or 0.0
        parts = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {duration_ms:.2f} ms",
            f"Billed Duration: {ceil(duration_ms + (init_ms if cold else 0.0))} ms",
            f"Memory Size: {self.function.memory_mb} MB",
            f"Max Memory Used: {min(self._memory_mb(), self.function.memory_mb)} MB",
        ]
        if cold:
            parts.append(f"Init Duration: {init_ms:.2f} ms")
        timed_out = trouble is not None and trouble.args[0] == "Sandbox.Timedout"
        if timed_out:
            now = datetime.now(UTC)
            sentence = f"Task timed out after {self.function.timeout_seconds:.2f} seconds"
            self._journal.write(f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z {request_id} {sentence}")
            parts.append("Status: timeout")
        elif trouble is not None:
            parts += ["Status: error", f"Error Type: {trouble.args[0]}"]
        self._journal.write(f"END RequestId: {request_id}")
        self._journal.write("\t".join(parts))
        if trouble is not None and not timed_out:
            self._journal.write(f"{trouble.args[1]}\n{trouble.args[0]}")

    def _memory_mb(self) -> int:
        """The most that the process has used so far; of one that has ended, what was seen last."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
            self._seen_mb = next(
                ceil(int(line.split()[1]) / 1024) for line in status.splitlines() if line.startswith("VmHWM")
            )
        except (OSError, StopIteration):
            pass
        return self._seen_mb


def _variables(function: Function, code: Path, stream: str, host: Host) -> dict[str, str]:
    """The environment of the process, as AWS gives it, and the way to the platform.

    Source: "Defined runtime environment variables", Lambda's developer guide.
    """
    return {
        "PATH": "/usr/local/bin:/usr/bin/:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        # No configuration or key of the user's is found there.
        "HOME": str(code),
        "PYTHONPATH": str(host.packages),
        "LAMBDA_TASK_ROOT": str(code),
        "LAMBDA_RUNTIME_DIR": str(host.packages),
        "_HANDLER": function.handler,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ACCESS_KEY_ID": function.account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_ENDPOINT_URL": host.endpoint,
        **dict(function.variables),
    }
