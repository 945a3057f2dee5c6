"""What lies in the queue of failures, by who put it there."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class GivenUpBatch:
    """From Lambda's mapping: records that the function failed on until their retries or their age ended.

    The message names them; the stream has them.
    """

    stream_arn: str
    shard: str
    first: str
    last: str
    records: int
    condition: str

    def __str__(self) -> str:
        return f"{self.records} records of {self.shard}, {self.first} to {self.last} ({self.condition})"


@dataclass(frozen=True)
class Unreadable:
    """From the function: one payload that is no row of stream 2. data: perhaps its first part only."""

    stream: str
    sequence: str
    arrived: datetime
    reason: str
    size: int
    data: bytes

    @property
    def is_cut(self) -> bool:
        return len(self.data) < self.size

    @property
    def identity(self) -> tuple[str, str, bytes]:
        """The same of all messages that the function puts for this payload, however often it gets it."""
        return self.stream, self.sequence, self.data

    def __str__(self) -> str:
        return f"a payload of {self.size} bytes, record {self.sequence} of {self.stream}: {self.reason}"


@dataclass(frozen=True)
class WaitingMail:
    """From the queue of mails, which gave it up: alerts that wait in the table under this name."""

    digest: str

    def __str__(self) -> str:
        return f"the mail {self.digest}"


@dataclass(frozen=True)
class Stray:
    """From the function: a message of the queue of mails or of receipts that is neither."""

    queue: str
    reason: str

    def __str__(self) -> str:
        return f"a message of {self.queue} that the function cannot read: {self.reason}"


@dataclass(frozen=True)
class Unknown:
    """Put there by nobody that this command knows."""

    def __str__(self) -> str:
        return "a message of no kind that is known here"


Content = GivenUpBatch | Unreadable | WaitingMail | Stray | Unknown


def read(body: str) -> Content:
    """What a message's body says."""
    try:
        document = json.loads(body)
        if "KinesisBatchInfo" in document:
            return _batch(document)
        if "unreadable" in document:
            return _unreadable(document["unreadable"])
        if "stray" in document:
            return Stray(str(document["stray"]["queue"]), str(document["stray"]["reason"]))
        return WaitingMail(str(document["digest"]))
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error):
        return Unknown()


def _batch(document: dict[str, Any]) -> GivenUpBatch:
    found = document["KinesisBatchInfo"]
    first, last = str(found["startSequenceNumber"]), str(found["endSequenceNumber"])
    # They are compared as numbers.
    if int(first) > int(last):
        raise ValueError
    return GivenUpBatch(
        stream_arn=found["streamArn"],
        shard=found["shardId"],
        first=first,
        last=last,
        records=int(found["batchSize"]),
        condition=document.get("requestContext", {}).get("condition", "no condition given"),
    )


def _unreadable(found: dict[str, Any]) -> Unreadable:
    return Unreadable(
        stream=found["stream"],
        sequence=found["sequenceNumber"],
        arrived=datetime.fromisoformat(found["arrived"]),
        reason=found["reason"],
        size=int(found["bytes"]),
        data=base64.b64decode(found["data"], validate=True),
    )
