"""The queue of failures: its messages are held while they are worked on, then deleted or given back."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ecomm.detection.redrive.messages import Content, read

# How long a message stays hidden when this process is killed, and the longest that one may be worked on.
HOLD_SECONDS = 900
# A message that has been held for longer is held anew before it is worked on.
_HOLD_AGAIN_SECONDS = 300
# A receive that waits asks all of SQS's servers; one that does not may miss messages.
WAIT_SECONDS = 1
MESSAGES_A_CALL = 10
# What SQS says of a message that is not held any more.
_NOT_HELD = ("InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid")
# Messages in hand at a time.
ROUND = 1000


@dataclass
class Message:
    """One that is held."""

    id: str
    body: str
    content: Content
    handle: str
    held_at: float


class FailedQueue:
    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._held: dict[str, Message] = {}

    def waiting(self) -> int:
        """About how many messages can be received now."""
        return self._number("ApproximateNumberOfMessages")

    def held_by_others(self) -> int:
        """About how many messages another process has in hand; to be asked before the first receive."""
        return self._number("ApproximateNumberOfMessagesNotVisible")

    def receive(self) -> list[Message]:
        """The next messages, up to a round of them; none where all that there are were seen."""
        found: dict[str, Message] = {}
        while len(found) < ROUND:
            asked_at = time.monotonic()
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MESSAGES_A_CALL,
                VisibilityTimeout=HOLD_SECONDS,
                WaitTimeSeconds=WAIT_SECONDS,
            )
            received = answer.get("Messages", [])
            if not received:
                break
            for message in received:
                body, handle = message["Body"], message["ReceiptHandle"]
                current = Message(message["MessageId"], body, read(body), handle, asked_at)
                # One that was kept too long comes a second time, and is known.
                if current.id not in self._held:
                    found[current.id] = current
                self._held[current.id] = current
        return list(found.values())

    def hold(self, message: Message) -> bool:
        """Whether the message is still held, and stays so for as long as it is worked on."""
        if time.monotonic() - message.held_at < _HOLD_AGAIN_SECONDS:
            return True
        try:
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message.handle, VisibilityTimeout=HOLD_SECONDS
            )
        except ClientError as error:
            if error.response["Error"]["Code"].rpartition(".")[2] not in _NOT_HELD:
                raise
            del self._held[message.id]
            return False
        message.held_at = time.monotonic()
        return True

    def delete(self, messages: Iterable[Message]) -> None:
        """Raises RuntimeError where the queue keeps one; sent again is sent twice, which does no harm."""
        for chunk in itertools.batched(messages, MESSAGES_A_CALL):
            entries = [{"Id": str(place), "ReceiptHandle": each.handle} for place, each in enumerate(chunk)]
            answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            for failure in answer.get("Failed", []):
                raise RuntimeError(f"The queue {self._url} did not delete a message: {failure.get('Message')}")
            for message in chunk:
                self._held.pop(message.id, None)

    def give_back(self) -> None:
        """Lets others see at once what is still held."""
        now = time.monotonic()
        # After its time a message may be another process's, whose hold would be ended here.
        held = [message for message in self._held.values() if now - message.held_at < HOLD_SECONDS]
        for chunk in itertools.batched(held, MESSAGES_A_CALL):
            entries = [
                {"Id": str(place), "ReceiptHandle": each.handle, "VisibilityTimeout": 0}
                for place, each in enumerate(chunk)
            ]
            # One that is not held any more can be seen already.
            self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        self._held.clear()

    def _number(self, name: str) -> int:
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer["Attributes"][name])
