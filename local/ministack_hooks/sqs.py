"""Queues: messages are kept before they are acknowledged, measured each minute, and under one lock.

A mapping reads and deletes messages in a thread of its own while requests are answered in the event loop. Both put a
new list in the place of the old one, and only the thread holds ministack's lock: a message sent in between was lost.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from ministack.services import sns, sqs

from local.config import Config
from local.metrics.store import MINUTE, Datum, Metric, MetricStore
from local.metrics.summary import Summary
from local.state_journal import StateJournal

logger = logging.getLogger(__name__)

NAMESPACE = "AWS/SQS"
_GAUGES = {
    "ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}
type Counts = Counter[tuple[str, str]]
_tasks: list[asyncio.Task[None]] = []


def install(config: Config, store: MetricStore) -> None:
    """To be called in the event loop, in which queues are measured."""
    journal = StateJournal(config.var / "aws" / "sqs", config.state / "sqs.json")
    sqs.get_state = partial(journal.marked, sqs.get_state)
    sqs._restore_state = partial(_restore_state, sqs._restore_state, journal)
    sqs._act_send_message = partial(_send_message, sqs._act_send_message, journal)
    sqs._HANDLERS["SendMessage"] = sqs._act_send_message
    sns._deliver_to_sqs = partial(_deliver, sns._deliver_to_sqs, journal)
    counts: Counts = Counter()
    sqs._queues_lock = threading.RLock()
    for name in ("_expire_retained", "_dlq_sweep", "_collect_msgs", "_refresh_counts", "get_state"):
        setattr(sqs, name, partial(_alone, getattr(sqs, name)))
    sns._deliver_to_sqs = partial(_alone, sns._deliver_to_sqs)
    sqs._dispatch = partial(_dispatch, sqs._dispatch, counts)
    sqs._HANDLERS["DeleteMessage"] = partial(_delete_message, sqs._act_delete_message)
    sqs._HANDLERS["DeleteMessageBatch"] = partial(_delete_message_batch, sqs._act_delete_message_batch)
    for action, handler in sqs._HANDLERS.items():
        # To receive is to wait too; what it does to the queue is done by the functions above.
        if action != "ReceiveMessage":
            sqs._HANDLERS[action] = partial(_alone, handler)
    _tasks.append(asyncio.get_running_loop().create_task(_measure_for_ever(store, counts)))


def _alone[**Given, Answer](function: Callable[Given, Answer], *given: Given.args, **options: Given.kwargs) -> Answer:
    with sqs._queues_lock:
        return function(*given, **options)


def _send_message(stock: Callable[..., Any], journal: StateJournal, data: dict[str, Any], url: str) -> Any:
    queue = sqs._get_q(data.get("QueueUrl", url))
    return _kept(journal, queue, partial(stock, data, url))


def _deliver(stock: Callable[..., Any], journal: StateJournal, endpoint: str, *given: Any, **options: Any) -> None:
    queue = sqs._queue_by_arn(endpoint)
    if queue is None:
        stock(endpoint, *given, **options)
    else:
        _kept(journal, queue, partial(stock, endpoint, *given, **options))


def _kept[Answer](journal: StateJournal, queue: dict[str, Any], send: Callable[[], Answer]) -> Answer:
    before = len(queue["messages"])
    answer = send()
    for message in queue["messages"][before:]:
        journal.append((queue["attributes"]["QueueArn"], queue["attributes"]["CreatedTimestamp"], message))
    return answer


def _restore_state(stock: Callable[[Any], None], journal: StateJournal, data: dict[str, Any] | None) -> None:
    """What was sent and is not in the saved state comes back, even where it was received and deleted since."""
    stock(data)
    for arn, created, message in journal.since(data):
        queue = sqs._queue_by_arn(arn)
        if queue is None or queue["attributes"]["CreatedTimestamp"] != created:
            continue
        if all(one["id"] != message["id"] for one in queue["messages"]):
            queue["messages"].append(message)


def _delete_message(stock: Callable[..., Any], data: dict[str, Any], url: str) -> dict[str, Any]:
    """A handle of a message that was received again since, or that is deleted, is no error on AWS; nothing happens."""
    try:
        return dict(stock(data, url))
    except sqs._Err as error:
        if error.code == "ReceiptHandleIsInvalid" and _is_handle(data["ReceiptHandle"]):
            return {}
        raise


def _delete_message_batch(stock: Callable[..., Any], data: dict[str, Any], url: str) -> dict[str, Any]:
    answer = stock(data, url)
    handles = {entry["Id"]: entry.get("ReceiptHandle", "") for entry in data["Entries"]}
    harmless = [one for one in answer["Failed"] if _is_handle(handles[one["Id"]])]
    return {
        "Successful": [*answer["Successful"], *({"Id": one["Id"]} for one in harmless)],
        "Failed": [one for one in answer["Failed"] if one not in harmless],
    }


def _is_handle(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


async def _dispatch(
    stock: Callable[..., Awaitable[dict[str, Any]]], counts: Counts, action: str, data: dict[str, Any], url: str
) -> dict[str, Any]:
    answer = await stock(action, data, url)
    counted = _counted(action, answer)
    if counted:
        queue = sqs._get_q(data.get("QueueUrl", url))
        metric, number = counted
        counts[queue["attributes"]["QueueArn"], metric] += number
    return answer


def _counted(action: str, answer: dict[str, Any]) -> tuple[str, int] | None:
    if action == "ReceiveMessage":
        received = len(answer.get("Messages", []))
        return ("NumberOfMessagesReceived", received) if received else ("NumberOfEmptyReceives", 1)
    for verb, metric in (("SendMessage", "NumberOfMessagesSent"), ("DeleteMessage", "NumberOfMessagesDeleted")):
        if action == verb:
            return metric, 1
        if action == f"{verb}Batch":
            return metric, len(answer["Successful"])
    return None


async def _measure_for_ever(store: MetricStore, counts: Counts) -> None:
    while True:
        await asyncio.sleep(MINUTE - time.time() % MINUTE)
        try:
            # Of the minute that is just over.
            _measure(store, counts, time.time() - MINUTE / 2)
        except Exception:  # The next minute is another one.
            logger.exception("The queues could not be measured.")


def _measure(store: MetricStore, counts: Counts, at: float) -> None:
    data = []
    counted = dict(counts)
    counts.clear()
    for (account, region, _), queue in list(sqs._queues._data.items()):
        sqs._refresh_counts(queue)
        attributes = queue["attributes"]
        found = {metric: (float(attributes[name]), "Count") for metric, name in _GAUGES.items()}
        sent = [message["sent_at"] for message in queue["messages"]]
        found["ApproximateAgeOfOldestMessage"] = (max(time.time() - min(sent), 0.0) if sent else 0.0, "Seconds")
        for (arn, metric), number in counted.items():
            if arn == attributes["QueueArn"]:
                found[metric] = (float(number), "Count")
        for metric, (value, unit) in found.items():
            series = Metric(account, region, NAMESPACE, metric, (("QueueName", queue["name"]),))
            data.append(Datum(series, unit, at, MINUTE, Summary.of_values({value: 1.0})))
    store.put(data)
