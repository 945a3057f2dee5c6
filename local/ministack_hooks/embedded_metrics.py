"""Log lines in the embedded metric format become metrics when they are stored, whoever stores them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch_logs

from local.embedded_metrics import MalformedDocumentError, metrics_in
from local.metrics.store import MetricStore

logger = logging.getLogger(__name__)


def install(store: MetricStore) -> None:
    # PutLogEvents and what writes a function's lines both end here.
    cloudwatch_logs._append_log_events = partial(_append_log_events, cloudwatch_logs._append_log_events, store)


def _append_log_events(
    stock: Callable[..., None], store: MetricStore, stream: Any, events: Iterable[Mapping[str, Any]]
) -> None:
    stock(stream, events)
    for event in events:
        try:
            store.put(metrics_in(event["message"], get_account_id(), get_region()))
        except MalformedDocumentError as error:
            logger.warning(
                "A log line in the embedded metric format gives no metric: %s. %.300s", error, event["message"]
            )
