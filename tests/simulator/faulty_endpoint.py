"""An HTTP endpoint before the platform's that refuses records and whole requests of PutRecords, as AWS may."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Entry = dict[str, str]
Reply = tuple[int, dict[str, Any]]


class FaultyEndpoint:
    """Forwards every request; what PutRecords meets is decided by two functions that a test sets.

    refuses: for each record, whether it is throttled. whole_request: a status and an answer in place of the real one,
    None to let the request through, or an exception to close the connection without an answer.
    """

    def __init__(self, real: str) -> None:
        self.refuses: Callable[[Entry], bool] = lambda _entry: False
        self.whole_request: Callable[[list[Entry]], Reply | Exception | None] = lambda _entries: None
        self.batches: list[list[Entry]] = []
        self.in_flight = self.most_in_flight = 0
        self.lock = threading.Lock()
        self._address = urlsplit(real).netloc
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, target: str, headers: dict[str, str], method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if target != "Kinesis_20131202.PutRecords":
            return self._forward(method, path, headers, body)
        request = json.loads(body)
        entries = request["Records"]
        with self.lock:
            self.batches.append(entries)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            whole = self.whole_request(entries)
            if isinstance(whole, Exception):
                raise whole
            if whole is not None:
                return whole[0], json.dumps(whole[1]).encode()
            return self._put_records(request, path, headers)
        finally:
            with self.lock:
                self.in_flight -= 1

    def _put_records(self, request: dict[str, Any], path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        entries = request["Records"]
        with self.lock:
            refused = [self.refuses(entry) for entry in entries]
        kept = [entry for entry, no in zip(entries, refused, strict=True) if not no]
        answers: list[dict[str, Any]] = []
        if kept:
            status, real = self._forward("POST", path, headers, json.dumps(request | {"Records": kept}).encode())
            if status != 200:
                return status, real
            answers = json.loads(real)["Records"]
        throttled = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded for shard"}
        rest = iter(answers)
        records = [throttled if no else next(rest) for no in refused]
        return 200, json.dumps({"FailedRecordCount": sum(refused), "Records": records}).encode()

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        try:
            connection.request(method, path, body, {**headers, "Content-Length": str(len(body))})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # One packet an answer: with two, the client's delayed acknowledgement costs 40 ms.
            wbufsize = -1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                target = self.headers.get("X-Amz-Target", "")
                try:
                    status, answer = endpoint.answer(target, headers, self.command, self.path, body)
                except ConnectionAbortedError:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """The tests' output is theirs."""

        return Handler
