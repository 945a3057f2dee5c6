"""The thread that delivers: waits until a buffer's worth has come or is old enough, and puts it into S3, exactly once.

Nothing is buffered here: what is not delivered is read again from its log when its object is made.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local import principals
from local.cloudwatch_meter import Meter
from local.firehose.batch import Batch, gather
from local.firehose.delivery_stream import DeliveryStream, Intent
from local.firehose.destination import Destination
from local.firehose.sources import Positions, Source
from local.kinesis.store import now_ms

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.5, 30.0

Clients = Callable[[str], Any]


class Delivery:
    """Delivers one stream until it is closed; starts with what a kill has left half done."""

    def __init__(self, stream: DeliveryStream, source: Source, clients: Clients, meter: Meter) -> None:
        self.stream = stream
        self.source = source
        self._clients = clients
        self._meter = meter
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"Firehose {stream.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Ends after the object being written; what is not delivered stays in its log until the next start.

        Records are still taken: until its last moment the platform answers.
        """
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        retry = FIRST_RETRY_SECONDS
        wait = 0.0
        while not self._ended.wait(wait):
            # An update may change it.
            as_its_role = principals.acting_as(principals.of_role(self.stream.state.settings.get("RoleARN")))
            try:
                wait = as_its_role(self._deliver)()
                retry = FIRST_RETRY_SECONDS
            except (BotoCoreError, ClientError, OSError) as error:
                as_its_role(self._report)(error)
                wait, retry = retry, min(2 * retry, LONGEST_RETRY_SECONDS)
            except Exception:  # A delivery stream that has died without a word would be the worst.
                logger.exception("%s cannot deliver.", self.stream.name)
                wait = LONGEST_RETRY_SECONDS

    def _deliver(self) -> float:
        """Writes one object where one is due; how many seconds to wait."""
        state = self.stream.state
        if state.intent:
            self._finish_begun(state.intent)
        with self.stream.lock:  # An update replaces both.
            settings, version = state.settings, state.version
        destination = Destination.of(settings)
        pending, oldest_ms, size = self._pending()
        if not pending:
            return LOOK_SECONDS
        age = (now_ms() - oldest_ms) / 1000
        self._meter.count(self.stream.name, "DeliveryToS3.DataFreshness", age)
        if age < destination.buffer_seconds and size < destination.buffer_bytes:
            return LOOK_SECONDS
        with gather(self.source, destination, self.stream.folder, state.positions, pending) as batch:
            key = destination.key(self.stream.name, version, oldest_ms)
            intent = Intent(key, batch.after, settings, batch.records, batch.bytes)
            self.stream.begin(intent)
            self._put(intent, batch)
        return 0

    def _finish_begun(self, intent: Intent) -> None:
        """Whether the object was written is not known: the platform was killed, or S3's answer did not come."""
        destination = Destination.of(intent.settings)
        if self._is_there(destination.bucket, intent.key):
            self._written(intent)
            return
        before = self.stream.state.positions
        with gather(self.source, destination, self.stream.folder, before, intent.after) as batch:
            self._put(intent, batch)

    def _is_there(self, bucket: str, key: str) -> bool:
        try:
            self._clients("s3").head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if _status(error) == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def _put(self, intent: Intent, batch: Batch) -> None:
        destination = Destination.of(intent.settings)
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": destination.kms_key}
        try:
            self._clients("s3").put_object(
                Bucket=destination.bucket,
                Key=intent.key,
                Body=batch.body,
                ContentType="application/octet-stream",
                **(encryption if destination.kms_key else {}),
            )
        except ClientError as error:
            if _status(error) < HTTPStatus.INTERNAL_SERVER_ERROR:
                # Not written, for sure; the next try may have another bucket.
                self.stream.give_up()
            raise
        self._written(intent)

    def _written(self, intent: Intent) -> None:
        self.stream.finish(intent, set(self.source.logs()))
        self.source.delivered(self.stream.state.positions)
        for metric, value in (("Success", 1), ("Records", intent.records), ("Bytes", intent.bytes)):
            self._meter.count(self.stream.name, f"DeliveryToS3.{metric}", value)
        if self.stream.state.source:
            for metric in ("Incoming", "DataReadFromKinesisStream."):
                self._meter.count(self.stream.name, f"{metric}Records", intent.records)
                self._meter.count(self.stream.name, f"{metric}Bytes", intent.bytes)

    def _pending(self) -> tuple[Positions, int, int]:
        """The ends of logs with undelivered records, that of the oldest record first; its arrival; all their bytes."""
        found = []
        for name, log in self.source.logs().items():
            end, position = log.next, max(self.stream.state.positions.get(name, 0), log.first)
            if position < end:
                found.append((log.arrival(position), name, end, log.data_bytes(position)))
        found.sort()
        ends = {name: end for _, name, end, _ in found}
        return ends, found[0][0] if found else 0, sum(size for *_, size in found)

    def _report(self, error: Exception) -> None:
        """Says that S3 refused: in the metrics, the platform's log, and the log that the destination names."""
        self._meter.count(self.stream.name, "DeliveryToS3.Success", 0)
        logger.warning("%s could not deliver and tries again: %s", self.stream.name, error)
        destination = Destination.of(self.stream.state.settings)
        if not destination.log:
            return
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        message = {
            "deliveryStreamARN": self.stream.state.arn,
            "destination": f"arn:aws:s3:::{destination.bucket}",
            "deliveryStreamVersionId": self.stream.state.version,
            "message": str(error),
            "errorCode": f"S3.{code}",
        }
        group, stream = destination.log
        event = {"timestamp": now_ms(), "message": json.dumps(message)}
        try:
            self._clients("logs").put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])
        except (BotoCoreError, ClientError):
            logger.warning("%s could not write into the log group %s.", self.stream.name, group, exc_info=True)


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
