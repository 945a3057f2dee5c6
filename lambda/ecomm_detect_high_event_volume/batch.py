"""Powertools' batch processor for a stream whose records are read one by one and stored together."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from botocore.exceptions import BotoCoreError, ClientError

from ecomm_detect_high_event_volume.deadline import Deadline
from ecomm_detect_high_event_volume.detection import Detector, Outcome
from ecomm_detect_high_event_volume.failed_queue import FailedQueue
from ecomm_detect_high_event_volume.observations import UserCount, timestamp
from ecomm_detect_high_event_volume.records import Received, Refused, unpack
from ecomm_detect_high_event_volume.windows import key_of


class QueueError(Exception):
    """The queue of failures did not take an unreadable record, which therefore has to come again."""


class CountsProcessor(BatchProcessor):
    """Fails a record when anything that it brought could not be finished; a record that fails comes again, with all
    that follow it in its shard, which is why every step may be repeated.
    """

    deadline: Deadline

    def __init__(self, detector: Detector, failed_queue: FailedQueue, log: Logger, metrics: Metrics) -> None:
        super().__init__(EventType.KinesisDataStreams, raise_on_entire_batch_failure=False)
        self._detector = detector
        self._failed_queue = failed_queue
        self._log = log
        self._metrics = metrics
        self._received: list[Received] = []
        self._refused: list[Refused] = []

    def receive(self, record: KinesisStreamRecord) -> None:
        """Handler of a single record: reads it."""
        for part in unpack(record.raw_event):
            (self._received if isinstance(part, Received) else self._refused).append(part)

    def process(self) -> list[tuple[Any, ...]]:
        self._received, self._refused = [], []
        results = super().process()
        outcome = self._detector.process(self._received, self.deadline)
        failures = self._put_aside()
        for part in self._received:
            error = outcome.failed.get(key_of(part.observation))
            if error is not None:
                failures.setdefault(part.sequence, error)
        for record in map(KinesisStreamRecord, self.records):
            error = failures.get(record.kinesis.sequence_number)
            if error is not None:
                self.failure_handler(record, (type(error), error, None))
        self._report(outcome, failures)
        return results

    def _put_aside(self) -> dict[str, Exception]:
        """Sends what cannot be read to the queue of failures; by sequence number, why that failed."""
        if not self._refused:
            return {}
        for refused in self._refused:
            self._log.error(
                "A record of the stream cannot be read; it is in the queue of failures.",
                sequence_number=refused.sequence,
                sub_sequence_number=refused.sub_sequence,
                reason=refused.reason,
            )
        try:
            left = self._failed_queue.put(self._refused, self.records[0]["eventSourceARN"].rpartition("/")[2])
        except (ClientError, BotoCoreError) as error:
            return {refused.sequence: error for refused in self._refused}
        return {refused.sequence: QueueError("The queue of failures did not take the record.") for refused in left}

    def _report(self, outcome: Outcome, failures: dict[str, Exception]) -> None:
        for alert in outcome.raised:
            self._log.warning(
                "Alert raised.",
                user_id=alert.user_id,
                signal=alert.signal,
                measured=alert.measured,
                usual=alert.usual,
                severity=alert.severity,
                window_start=timestamp(alert.window_start),
            )
        if failures:
            first = min(failures, key=int)
            self._log.error(
                "Records failed; they come again.",
                records=len(failures),
                first_sequence_number=first,
                reason=f"{type(failures[first]).__name__}: {failures[first]}",
            )
        kinesis = [record["kinesis"]["sequenceNumber"] for record in self.records]
        self._log.info(
            "Batch processed.",
            shard=self.records[0]["eventID"].partition(":")[0],
            first_sequence_number=kinesis[0],
            last_sequence_number=kinesis[-1],
            records=len(kinesis),
            stored=len(outcome.stored.new) + len(outcome.stored.replaced),
            repeated=len(outcome.stored.repeated),
            unreadable=len(self._refused),
            failed=len(failures),
            alerts=len(outcome.raised),
            suppressed=outcome.suppressed,
            allowed=outcome.allowed,
        )
        self._measure(outcome, failures)

    def _measure(self, outcome: Outcome, failures: dict[str, Exception]) -> None:
        """Metrics of one dimension, the service: one for each user would cost without bound."""
        numbers = {
            "CountsStored": len(outcome.stored.new) + len(outcome.stored.replaced),
            "CountsRepeated": len(outcome.stored.repeated),
            "UnreadableRecords": len(self._refused),
            "FailedRecords": len(failures),
            "UserAlerts": sum(alert.user_id is not None for alert in outcome.raised),
            "TrafficAlerts": sum(alert.user_id is None for alert in outcome.raised),
            "AlertsSuppressed": outcome.suppressed,
            "MailsSent": outcome.mails,
            "AlertsDeferred": outcome.deferred,
            "MailsFailed": outcome.refused,
        }
        actions = [part.observation.actions for part in self._received if isinstance(part.observation, UserCount)]
        if actions:
            numbers["HighestCount"] = max(actions)
        for name, number in numbers.items():
            self._metrics.add_metric(name, MetricUnit.Count, number)
        for delay in outcome.delays[:100]:
            self._metrics.add_metric("AlertDelay", MetricUnit.Milliseconds, delay)
