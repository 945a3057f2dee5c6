"""Counts what a service does and tells CloudWatch of each minute when it is over, as AWS's services do."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)

MINUTE = 60
_BATCH = 500


class Meter:
    """Sums by minute, resource and metric; safe for threads.

    cloudwatch: gives the client, from a thread of the meter's own.
    dimension: the name under which a resource stands in a metric.
    units: of the metrics that are not counts.
    """

    def __init__(self, cloudwatch: Callable[[], Any], namespace: str, dimension: str, units: Mapping[str, str]) -> None:
        self._cloudwatch = cloudwatch
        self._namespace = namespace
        self._dimension = dimension
        self._units = units
        self._lock = threading.Lock()
        self._sums: dict[tuple[int, str, str], list[float]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"metrics of {namespace}", daemon=True)
        self._thread.start()

    def count(self, resource: str, metric: str, value: float) -> None:
        """Adds one sample."""
        key = int(time.time()) // MINUTE, resource, metric
        with self._lock:
            sums = self._sums.get(key)
            if sums is None:
                self._sums[key] = [1, value, value, value]
            else:
                sums[0] += 1
                sums[1] += value
                sums[2] = min(sums[2], value)
                sums[3] = max(sums[3], value)

    def close(self) -> None:
        """Sends what is left, also of the minute that is not over, and ends."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._ended.wait(MINUTE - time.time() % MINUTE)
            try:
                self._send()
            except (BotoCoreError, ClientError):
                logger.warning("A minute of metrics in %s could not be sent.", self._namespace, exc_info=True)

    def _send(self) -> None:
        now = int(time.time()) // MINUTE
        with self._lock:
            over = [key for key in self._sums if key[0] < now or self._ended.is_set()]
            counted = [(key, self._sums.pop(key)) for key in over]
        data = [
            {
                "MetricName": metric,
                "Dimensions": [{"Name": self._dimension, "Value": resource}],
                "Timestamp": datetime.fromtimestamp(minute * MINUTE, UTC),
                "Unit": self._units.get(metric, "Count"),
                "StatisticValues": dict(zip(("SampleCount", "Sum", "Minimum", "Maximum"), sums, strict=True)),
            }
            for (minute, resource, metric), sums in counted
        ]
        for first in range(0, len(data), _BATCH):
            self._cloudwatch().put_metric_data(Namespace=self._namespace, MetricData=data[first : first + _BATCH])
