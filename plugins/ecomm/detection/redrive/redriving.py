"""Takes the queue of failures from its first message to its last, each kind in its own way.

Everything may be done twice: the function stores and mails once however often it gets a record. So a message is
deleted last, when what it says is done, and a redrive that is cut off is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ecomm.detection.redrive.failed_queue import FailedQueue, Message
from ecomm.detection.redrive.function import Function, FunctionError, Given
from ecomm.detection.redrive.messages import GivenUpBatch, Stray, Unknown, Unreadable, WaitingMail
from ecomm.detection.redrive.stream import Stream
from ecomm.detection.redrive.tally import Tally

# So many calls of the function that fail in a row are the function's trouble, and not the records'.
PATIENCE = 3


class BrokenFunctionError(Exception):
    """The function fails whatever it is given: a sentence."""


class Redrive:
    """mails: sends a body to the queue of mails. say: takes a line for the operator."""

    def __init__(
        self,
        queue: FailedQueue,
        stream: Stream,
        function: Function,
        mails: Callable[[str], Any],
        say: Callable[[str], None],
        *,
        dry_run: bool = False,
        discard: bool = False,
    ) -> None:
        self.tally = Tally()
        self._queue = queue
        self._stream = stream
        self._function = function
        self._mails = mails
        self._say = say
        self._dry_run = dry_run
        self._discard = discard
        self._about = 0
        self._seen = 0
        self._broken = 0
        # Payloads that the function got in this run, and those of them that it has put into the queue again.
        self._tried: set[tuple[str, str, bytes]] = set()
        self._returned: set[tuple[str, str, bytes]] = set()

    def run(self) -> Tally:
        """Returns when every message was seen; those that stay are given back.

        Raises BrokenFunctionError when it makes no sense to go on.
        """
        self._about = self._queue.waiting()
        try:
            while messages := self._queue.receive():
                self.tally.messages += len(messages)
                for message in messages:
                    if not isinstance(message.content, Unreadable) and self._queue.hold(message):
                        self._one(message)
                self._unreadable([message for message in messages if isinstance(message.content, Unreadable)])
        finally:
            self._queue.give_back()
        return self.tally

    def _one(self, message: Message) -> None:
        content = message.content
        if isinstance(content, GivenUpBatch):
            self._batch(message, content)
        elif isinstance(content, WaitingMail):
            if not self._dry_run:
                self._mails(message.body)
                self._queue.delete([message])
            self.tally.mails += 1
            self._line(f"{content}: {'would go' if self._dry_run else 'is'} back in the queue of mails")
        else:
            assert isinstance(content, Stray | Unknown)
            self._line(f"{content}: {message.body}")
            self._cannot_be_mended([message])

    def _batch(self, message: Message, batch: GivenUpBatch) -> None:
        records = self._stream.batch(batch)
        # With several lanes a shard, the range also holds records of other lanes: more than the batch had.
        lost = max(0, batch.records - len(records))
        self.tally.lost += lost
        missing = f"; the stream has {lost:,} of them no more" if lost else ""
        if self._dry_run:
            self._line(f"{batch}: {len(records):,} records would go through the function{missing}")
        else:
            given = [
                Given(
                    batch.stream_arn,
                    batch.shard,
                    record["SequenceNumber"],
                    record["PartitionKey"],
                    record["Data"],
                    record["ApproximateArrivalTimestamp"],
                )
                for record in records
            ]
            failed = self._given(given)
            if failed:
                self._line(f"{batch}: {failed}{missing}")
                self.tally.kept += 1
                return
            self._line(f"{batch}: {len(records):,} records went through the function{missing}")
        self.tally.records += len(records)
        if lost:
            self._cannot_be_mended([message])
            return
        self.tally.batches += 1
        if not self._dry_run:
            self._queue.delete([message])

    def _given(self, records: Sequence[Given]) -> str:
        """Why the records have to come again; empty where all of them are done with."""
        if not records:
            return ""
        try:
            failed = self._function.process(records)
        except FunctionError as error:
            self._broken += 1
            if self._broken == PATIENCE:
                self.tally.kept += 1
                raise BrokenFunctionError(
                    f"{error}. It failed {PATIENCE} times in a row, so the rest was left in the queue; "
                    "mend the function, then run this again."
                ) from error
            return f"stays, {error}"
        self._broken = 0
        if not failed:
            return ""
        return f"stays, {len(failed):,} of {len(records):,} records failed; the function's log says why"

    def _unreadable(self, messages: Sequence[Message]) -> None:
        """Gives payloads to the function; one that it still cannot read comes back as a message of its own."""
        fresh: dict[tuple[str, str, bytes], list[Message]] = {}
        for message in messages:
            content = message.content
            assert isinstance(content, Unreadable)
            if content.identity not in self._tried:
                fresh.setdefault(content.identity, []).append(message)
            elif content.identity in self._returned:
                self._queue.delete([message])
                self.tally.repeated += 1
            else:
                self._returned.add(content.identity)
                self.tally.payloads -= 1
                self._line(f"{content} It was given to the function again, which still cannot read it.")
                self._cannot_be_mended([message])
        by_stream: dict[str, list[list[Message]]] = {}
        for (stream, _, _), same in fresh.items():
            by_stream.setdefault(stream, []).append(same)
        for stream, groups in by_stream.items():
            self._payloads(stream, groups)

    def _payloads(self, stream: str, groups: Sequence[list[Message]]) -> None:
        """groups: messages that say the same, of one stream."""
        if self._dry_run:
            for same in groups:
                self._line(f"{same[0].content} It would be given to the function again.")
            self.tally.payloads += len(groups)
            return
        _, partition, _, region, account, *_ = self._function.configuration["FunctionArn"].split(":")
        arn = f"arn:{partition}:kinesis:{region}:{account}:stream/{stream}"
        held = [
            (same, self._payload(arn, same[0]))
            for group in groups
            if (same := [message for message in group if self._queue.hold(message)])
        ]
        payloads = [given for _, given in held if given]
        failed = self._given(payloads)
        if not failed:
            self._say(f"{len(payloads):,} unreadable payloads were given to the function again")
        for same, given in held:
            content = same[0].content
            assert isinstance(content, Unreadable)
            if given is None:
                cut = f"The message holds its first {len(content.data)} bytes, and the stream has it no more."
                self._line(f"{content} {cut}")
                self.tally.lost += 1
                self._cannot_be_mended(same)
            elif failed:
                self._line(f"{content} It {failed}")
                self.tally.kept += len(same)
            else:
                self._tried.add(content.identity)
                self._queue.delete(same)
                self.tally.payloads += 1
                self.tally.repeated += len(same) - 1

    def _payload(self, arn: str, message: Message) -> Given | None:
        """None where there is not all of it any more."""
        content = message.content
        assert isinstance(content, Unreadable)
        data = self._stream.whole(content) if content.is_cut else content.data
        if data is None:
            return None
        return Given(arn, "redrive", content.sequence, "redrive", data, content.arrived)

    def _cannot_be_mended(self, messages: list[Message]) -> None:
        """Removes the messages where that was asked for; they are shown before."""
        if not self._discard:
            self.tally.kept += len(messages)
            return
        self.tally.removed += len(messages)
        if not self._dry_run:
            for message in messages:
                self._say(f"removed: {message.body}")
            self._queue.delete(messages)

    def _line(self, text: str) -> None:
        self._seen += 1
        self._say(f"[{self._seen}/{max(self._seen, self._about)}] {text}")
