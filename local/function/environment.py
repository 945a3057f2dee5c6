"""One execution environment: a process that has loaded the function and takes one invocation at a time."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

from local import principals
from local.function import bootstrap
from local.function.host import Host, variables
from local.function.journal import Journal
from local.function.outcome import Outcome, error_payload
from local.function.report import TIMED_OUT, Ending, Trouble
from local.function.settings import Function

INIT_SECONDS = 10
# How often a running function's memory is looked at.
WATCH_SECONDS = 0.02
UNHANDLED = "Unhandled"


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
        self._trouble: Trouble | None = None
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
                env=variables(function, code, stream, host),
                stdin=subprocess.DEVNULL,
                stdout=their_output,
                stderr=their_output,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        os.close(their_output)
        with principals.acting_as(function.role):
            self._journal = Journal(host.clients("logs"), function.log_group, stream, output)
        # While the function is loading.
        self._journal.start()
        self._journal.write(f"INIT_START Runtime Version: {host.python.resolve().name}")

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def invoke(self, arn: str, event: bytes, request_id: str) -> Outcome:
        """arn: under which the function was invoked. After a failure that ended the process, `is_alive` is false."""
        cold = self._init_ms is None
        failed_init = self._await_init(request_id) if cold else None
        self._journal.begin(request_id)
        self._journal.write(f"START RequestId: {request_id} Version: {self.function.version}")
        begun = time.monotonic()
        outcome = failed_init or self._call(arn, event, request_id, begun)
        duration_ms = (time.monotonic() - begun) * 1000
        if not self.is_alive:
            self._journal.finish()
        ending = Ending(request_id, duration_ms, self._init_ms if cold else None, self._memory_mb(), self._trouble)
        for line in ending.lines(self.function):
            self._journal.write(line)
        return replace(outcome, log=self._journal.lines, duration_ms=duration_ms)

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

    def _await_init(self, request_id: str) -> Outcome | None:
        """None when the handler is loaded."""
        try:
            header, body = self._answer(INIT_SECONDS + self.function.timeout_seconds, request_id)
        except _EndedError as ended:
            return self._ended(ended, request_id)
        finally:
            self._init_ms = (time.monotonic() - self._begun) * 1000
        self._journal.await_end(bootstrap.INIT)
        if header["kind"] == "ready":
            return None
        self.kill()
        return Outcome(body, request_id, UNHANDLED)

    def _call(self, arn: str, event: bytes, request_id: str, begun: float) -> Outcome:
        seconds = self.function.timeout_seconds
        deadline_ms = time.time_ns() // 1_000_000 + seconds * 1000
        try:
            self._send({"request_id": request_id, "arn": arn, "deadline_ms": deadline_ms}, event, request_id)
            answer, body = self._answer(begun + seconds - time.monotonic(), request_id)
        except _EndedError as ended:
            return self._ended(ended, request_id)
        self._journal.await_end(request_id)
        return Outcome(body, request_id, None if answer["succeeded"] else UNHANDLED)

    def _ended(self, ended: _EndedError, request_id: str) -> Outcome:
        self._trouble = Trouble(*ended.args)
        return Outcome(error_payload(*ended.args), request_id, UNHANDLED)

    def _send(self, header: dict[str, Any], event: bytes, request_id: str) -> None:
        self._connection.settimeout(self.function.timeout_seconds)
        try:
            bootstrap.send(self._connection, header, event)
        except TimeoutError:
            raise self._timed_out(request_id) from None
        except OSError:
            raise self._exited(request_id) from None

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
        return _EndedError(TIMED_OUT, f"RequestId: {request_id} Error: Task timed out after {seconds} seconds")

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
