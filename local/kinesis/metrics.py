"""Counts what streams do and tells CloudWatch every minute, as Kinesis does."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.kinesis.store import Scope

logger = logging.getLogger(__name__)

EVERY_SECONDS = 60
NAMESPACE = "AWS/Kinesis"
_UNITS = {"IncomingBytes": "Bytes", "GetRecords.IteratorAgeMilliseconds": "Milliseconds"}
_BATCH = 500


class Meter:
    """Sums of a minute by stream and metric, of the streams of one account and region; safe for threads."""

    def __init__(self, cloudwatch: Any, scope: Scope) -> None:
        """cloudwatch: a function that gives the client; called at the end of a minute."""
        self._cloudwatch = cloudwatch
        self._scope = scope
        self._lock = threading.Lock()
        self._minute: dict[tuple[str, str], list[float]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="Kinesis metrics", daemon=True)
        self._thread.start()

    def count(self, scope: Scope, stream: str, metric: str, value: float) -> None:
        """Adds one sample."""
        if scope != self._scope:
            return
        with self._lock:
            sums = self._minute.get((stream, metric))
            if sums is None:
                self._minute[stream, metric] = [1, value, value, value]
            else:
                sums[0] += 1
                sums[1] += value
                sums[2] = min(sums[2], value)
                sums[3] = max(sums[3], value)

    def send(self) -> None:
        """Tells CloudWatch what was counted since the last time."""
        with self._lock:
            counted, self._minute = self._minute, {}
        now = datetime.now(UTC).replace(second=0, microsecond=0)
        data = [
            {
                "MetricName": metric,
                "Dimensions": [{"Name": "StreamName", "Value": stream}],
                "Timestamp": now,
                "Unit": _UNITS.get(metric, "Count"),
                "StatisticValues": dict(zip(("SampleCount", "Sum", "Minimum", "Maximum"), sums, strict=True)),
            }
            for (stream, metric), sums in counted.items()
        ]
        for first in range(0, len(data), _BATCH):
            self._cloudwatch().put_metric_data(Namespace=NAMESPACE, MetricData=data[first : first + _BATCH])

    def close(self) -> None:
        """Sends what is left and ends."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._ended.wait(EVERY_SECONDS)
            try:
                self.send()
            except (BotoCoreError, ClientError):
                logger.warning("A minute of Kinesis's metrics could not be sent.", exc_info=True)
