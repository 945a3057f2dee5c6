"""What Lambda's runtime is to a function: runs in the function's own process, on the function's Python, by itself.

The platform sends invocations through a socket and gets answers back; everything printed goes to the platform as log
lines. Both ends speak in frames: two lengths, a header in JSON, a body. Imports nothing of the project.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import queue
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Any

# Stands for a newline within one log event.
NEWLINE_IN_EVENT = "\x1e"
# Begins the line after the last one of an invocation, whose id follows, or of the INIT phase.
END_MARK = "\x1e\x1eend "
INIT = "init"
LARGEST_RESPONSE = 6_291_556
_LENGTHS = struct.Struct(">II")
_LOG_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"


def send(connection: socket.socket, header: dict[str, Any], body: bytes = b"") -> None:
    text = json.dumps(header).encode()
    connection.sendall(_LENGTHS.pack(len(text), len(body)) + text)
    if body:
        connection.sendall(body)


def receive(connection: socket.socket) -> tuple[dict[str, Any], bytes]:
    """The next frame. Raises EOFError where the other end is gone."""
    header_length, body_length = _LENGTHS.unpack(_exactly(connection, _LENGTHS.size))
    return json.loads(_exactly(connection, header_length)), _exactly(connection, body_length)


def _exactly(connection: socket.socket, count: int) -> bytes:
    content = bytearray(count)
    view = memoryview(content)
    while view:
        try:
            got = connection.recv_into(view)
        except ConnectionError as error:
            raise EOFError from error
        if got == 0:
            raise EOFError
        view = view[got:]
    return bytes(content)


class _Identity:
    """Of a mobile application's user; there is none here."""

    cognito_identity_id = None
    cognito_identity_pool_id = None


class Context:
    """What AWS hands to a handler beside the event."""

    client_context = None
    tenant_id = None
    identity = _Identity()

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.aws_request_id = invocation["request_id"]
        self.invoked_function_arn = invocation["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline_ms = invocation["deadline_ms"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._deadline_ms - time.time_ns() // 1_000_000)

    def log(self, message: str) -> None:
        sys.stdout.write(str(message))


class _FaultError(Exception):
    """A handler that cannot be called: the type of the error and its sentence, as AWS words them."""


class _LogHandler(logging.Handler):
    """Of the root logger, as AWS's runtime sets it up: an event a record, with the request's id."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stdout.write(self.format(record).replace("\n", NEWLINE_IN_EVENT) + "\n")
        except Exception:  # As every handler: a log line must not end what it tells of.
            self.handleError(record)


class _RequestId(logging.Filter):
    current = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.current
        return True


def _set_up_logging() -> _RequestId:
    formatter = logging.Formatter(_LOG_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler, request_id = _LogHandler(), _RequestId()
    handler.setFormatter(formatter)
    handler.addFilter(request_id)
    logging.getLogger().addHandler(handler)
    return request_id


def _load(handler: str) -> Any:
    """The handler. Raises _FaultError where there is none; other errors are those of the function's module."""
    module_name, dot, name = handler.rpartition(".")
    if not dot:
        raise _FaultError("Runtime.MalformedHandlerName", f"Bad handler '{handler}': not enough values to unpack")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise _FaultError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        raise _FaultError("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}") from error
    found = getattr(module, name, None)
    if found is None:
        raise _FaultError("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'")
    return found


def _failure(kind: str, message: str, trace: TracebackType | None, request_id: str) -> dict[str, Any]:
    """The error as AWS answers it, without the frames of this file."""
    frames = [frame for frame in traceback.extract_tb(trace) if frame.filename != __file__]
    frames = [frame for frame in frames if not frame.filename.startswith("<frozen importlib")]
    lines = traceback.format_list(frames)
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": lines}


def _of_exception(error: BaseException, request_id: str) -> dict[str, Any]:
    if isinstance(error, _FaultError):
        return _failure(error.args[0], error.args[1], None, request_id)
    return _failure(type(error).__name__, str(error), error.__traceback__, request_id)


def _log_failure(failure: dict[str, Any]) -> None:
    lines = [f"[ERROR] {failure['errorType']}: {failure['errorMessage']}"]
    if failure["stackTrace"]:
        lines += ["Traceback (most recent call last):", *(line.rstrip("\n") for line in failure["stackTrace"])]
    sys.stdout.write("\n".join(lines).replace("\n", NEWLINE_IN_EVENT) + "\n")


def _invoke(handler: Any, invocation: dict[str, Any], event: bytes) -> tuple[bool, bytes]:
    """Whether the handler succeeded, and its answer or error as JSON."""
    request_id = invocation["request_id"]
    try:
        if isinstance(handler, _FaultError):
            raise handler
        result = handler(json.loads(event), Context(invocation))
        try:
            answer = json.dumps(result, ensure_ascii=False).encode()
        except (TypeError, ValueError) as error:
            raise _FaultError("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
        if len(answer) > LARGEST_RESPONSE:
            sentence = f"Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes)."
            raise _FaultError("Function.ResponseSizeTooLarge", sentence)
    except Exception as error:
        failure = _of_exception(error, request_id)
        _log_failure(failure)
        return False, json.dumps(failure, ensure_ascii=False).encode()
    return True, answer


def _mark_end(name: str) -> None:
    """Says in the output itself that a phase has printed all that it will."""
    with contextlib.suppress(OSError, ValueError):  # The function has closed its output.
        sys.stderr.flush()
        sys.stdout.flush()
        os.write(1, f"{END_MARK}{name}\n".encode())


def _end_with(connection: socket.socket, frames: queue.SimpleQueue[tuple[dict[str, Any], bytes]]) -> None:
    """Passes frames on; ends this process, with all that it has started, when the platform is gone."""
    try:
        while True:
            frames.put(receive(connection))
    except EOFError:
        os.killpg(0, signal.SIGKILL)


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.set_inheritable(False)
    frames: queue.SimpleQueue[tuple[dict[str, Any], bytes]] = queue.SimpleQueue()
    threading.Thread(target=_end_with, args=(connection, frames), daemon=True).start()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    request_id = _set_up_logging()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    handler: Any
    try:
        handler = _load(os.environ["_HANDLER"])
    except _FaultError as fault:
        handler = fault
    except Exception as error:
        failure = _of_exception(error, "")
        _log_failure(failure)
        _mark_end(INIT)
        send(connection, {"kind": "failed"}, json.dumps(failure, ensure_ascii=False).encode())
        sys.exit(1)
    _mark_end(INIT)
    send(connection, {"kind": "ready"})
    while True:
        invocation, event = frames.get()
        request_id.current = invocation["request_id"]
        if invocation.get("trace"):
            os.environ["_X_AMZN_TRACE_ID"] = invocation["trace"]
        succeeded, answer = _invoke(handler, invocation, event)
        _mark_end(invocation["request_id"])
        send(connection, {"kind": "answer", "succeeded": succeeded}, answer)


if __name__ == "__main__":
    main()
