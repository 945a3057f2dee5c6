"""Gives records to the function as Lambda's mapping does, and says which it failed on."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

RECORDS_A_CALL = 1000
# Of a synchronous invocation's event, with room for what is around the records.
BYTES_A_CALL = (6 << 20) - 1024


class FunctionError(Exception):
    """The function ended with an error, or was not let run: a sentence that says why."""


@dataclass(frozen=True)
class Given:
    """A record as the function gets it."""

    stream_arn: str
    shard: str
    sequence: str
    key: str
    data: bytes
    arrived: datetime


class Function:
    def __init__(self, functions: Any, name: str) -> None:
        """Raises ClientError where there is no such function."""
        self._functions = functions
        self._name = name
        self.configuration = functions.get_function_configuration(FunctionName=name)

    def process(self, records: Sequence[Given]) -> set[str]:
        """The sequence numbers of the records that failed. Raises FunctionError where all of a call did."""
        failed: set[str] = set()
        for event in self._events(records):
            answer = self._invoke(event)
            failed |= {str(failure["itemIdentifier"]) for failure in (answer or {}).get("batchItemFailures") or []}
        return failed

    def _invoke(self, event: bytes) -> Any:
        try:
            answer = self._functions.invoke(FunctionName=self._name, Payload=event)
        except self._functions.exceptions.TooManyRequestsException as error:
            raise FunctionError(f"Lambda does not let {self._name} run: {error}") from error
        except self._functions.exceptions.RequestTooLargeException as error:
            raise FunctionError(f"A record is too large for an invocation of {self._name}: {error}") from error
        payload = json.load(answer["Payload"])
        if "FunctionError" in answer:
            kind, message = payload.get("errorType", answer["FunctionError"]), payload.get("errorMessage", "")
            raise FunctionError(f"{self._name} ended with {kind}: {message}")
        return payload

    def _events(self, records: Iterable[Given]) -> Iterator[bytes]:
        """As many as the records need, each of them full."""
        texts: list[bytes] = []
        size = 0
        for text in (json.dumps(self._record(record)).encode() for record in records):
            if texts and (len(texts) == RECORDS_A_CALL or size + len(text) + 1 > BYTES_A_CALL):
                yield _event(texts)
                texts, size = [], 0
            texts.append(text)
            size += len(text) + 1
        if texts:
            yield _event(texts)

    def _record(self, record: Given) -> dict[str, Any]:
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.key,
                "sequenceNumber": record.sequence,
                "data": base64.b64encode(record.data).decode(),
                "approximateArrivalTimestamp": record.arrived.timestamp(),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{record.shard}:{record.sequence}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self.configuration["Role"],
            "awsRegion": record.stream_arn.split(":")[3],
            "eventSourceARN": record.stream_arn,
        }


def _event(texts: Sequence[bytes]) -> bytes:
    return b'{"Records":[' + b",".join(texts) + b"]}"
