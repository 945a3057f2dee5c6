"""Logs: lines in the embedded metric format become metrics when they are stored, whoever stores them.

ministack keeps each line twice, for ever, and copies all of them deeply into its state: with 100,000 lines, everything
else waits for six seconds.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import cloudwatch_logs

from local.embedded_metrics import MalformedDocumentError, metrics_in
from local.metrics.store import MetricStore

logger = logging.getLogger(__name__)

# Of one stream; the oldest go first.
MOST_EVENTS = 100_000
_DROPPED_AT_ONCE = 10_000
# What else ministack keeps of logs.
_OTHERS = (
    "destinations", "resource_policies", "log_group_policies", "metric_filters", "queries", "delivery_sources",
    "delivery_destinations", "deliveries",
)  # fmt: skip


def install(store: MetricStore) -> None:
    # PutLogEvents and what writes a function's lines both end here.
    cloudwatch_logs._append_log_events = partial(_append_log_events, cloudwatch_logs._append_log_events, store)
    cloudwatch_logs.get_state = _state


def _append_log_events(
    stock: Callable[..., None], store: MetricStore, stream: Any, events: Iterable[Mapping[str, Any]]
) -> None:
    stock(stream, events)
    if len(stream["events"]) > MOST_EVENTS + _DROPPED_AT_ONCE:
        for event in stream["events"][:_DROPPED_AT_ONCE]:
            cloudwatch_logs._log_records.pop(event.get("eventId"), None)
        stream["events"] = stream["events"][_DROPPED_AT_ONCE:]
    for event in events:
        try:
            store.put(metrics_in(event["message"], get_account_id(), get_region()))
        except MalformedDocumentError as error:
            logger.warning(
                "A log line in the embedded metric format gives no metric: %s. %.300s", error, event["message"]
            )


def _state() -> dict[str, Any]:
    """Events are never changed, and what finds one by its pointer is made anew when it is asked for."""
    groups = AccountRegionScopedDict()
    for (account, region, name), group in cloudwatch_logs._log_groups.all_items():
        streams = {key: {**stream, "events": list(stream["events"])} for key, stream in group["streams"].items()}
        others = {key: copy.deepcopy(value) for key, value in group.items() if key != "streams"}
        groups.set_scoped(account, region, name, {**others, "streams": streams})
    return {"log_groups": groups, **{name: copy.deepcopy(getattr(cloudwatch_logs, f"_{name}")) for name in _OTHERS}}
