"""Says once a minute in CloudWatch that the simulator is on, so that an alarm can tell silence from rest."""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

NAMESPACE, METRIC = "Ecomm/Simulator", "Running"
EVERY_SECONDS = 60.0


class Heartbeat:
    """A context manager: the metric `Running` is 1 for the stream while the block lasts.

    session: of boto3. A beat that CloudWatch does not take is left out; the clicks matter more.
    """

    def __init__(self, stream: str, session: Any) -> None:
        self._client = session.client("cloudwatch")
        self._datum = {
            "MetricName": METRIC,
            "Dimensions": [{"Name": "StreamName", "Value": stream}],
            "Value": 1.0,
            "Unit": "Count",
        }
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while True:
            with contextlib.suppress(BotoCoreError, ClientError):
                self._client.put_metric_data(Namespace=NAMESPACE, MetricData=[self._datum])
            if self._over.wait(EVERY_SECONDS):
                return
