"""Records and messages that no retry would mend go to the queue of failures at once, whole, and hold up nobody."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Sequence
from typing import Any

from ecomm_detect_high_event_volume.observations import timestamp
from ecomm_detect_high_event_volume.records import Refused

# SQS takes ten messages and 1 MiB a call, and a record may hold 1 MiB by itself: a longer one is cut, and can be read
# from the stream by its number for as long as that keeps it.
MESSAGES_A_CALL = 10
DATA_BYTES = 64 * 1024
# Of another queue's message, each of which may become six bytes of JSON.
BODY_CHARS = 16 * 1024


class FailedQueue:
    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def put(self, refused: Sequence[Refused], stream: str) -> list[Refused]:
        """Sends each to the queue; gives those that the queue did not take. Raises ClientError or BotoCoreError."""
        left = []
        for chunk in itertools.batched(refused, MESSAGES_A_CALL):
            entries = [{"Id": str(place), "MessageBody": _message(each, stream)} for place, each in enumerate(chunk)]
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
            left += [chunk[int(failure["Id"])] for failure in answer.get("Failed", [])]
        return left

    def put_message(self, body: str, queue: str, reason: str) -> None:
        """Sends a message of another queue. Raises ClientError or BotoCoreError."""
        document = {"stray": {"queue": queue, "reason": reason, "bytes": len(body.encode()), "body": body[:BODY_CHARS]}}
        self._sqs.send_message(QueueUrl=self._url, MessageBody=json.dumps(document))


def _message(refused: Refused, stream: str) -> str:
    return json.dumps(
        {
            "unreadable": {
                "stream": stream,
                "sequenceNumber": refused.sequence,
                "subSequenceNumber": refused.sub_sequence,
                "arrived": timestamp(refused.arrived),
                "reason": refused.reason,
                "bytes": len(refused.data),
                "data": base64.b64encode(refused.data[:DATA_BYTES]).decode(),
            }
        }
    )
