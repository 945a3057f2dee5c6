"""Event source mappings of SQS queues: ministack's poller, with Lambda's rules for what comes back."""

from __future__ import annotations

import time
from typing import Any

from ministack.services import lambda_svc, sqs

from local import principals
from local.api_errors import ApiError
from local.calls import note
from local.event_source_mapping.answers import failed_items
from local.event_source_mapping.lane import FAILED, OK

Data = dict[str, Any]
THROTTLE_SECONDS, FAILURE_SECONDS = 1.0, 0.1


def refuse_unsuitable(source: str, data: Data) -> None:
    """Raises ApiError where a message could come again while the function still works on it, as Lambda does."""
    if data.get("BatchSize", 10) > 10 and not data.get("MaximumBatchingWindowInSeconds"):
        raise _invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    queue = sqs._queue_by_arn(source)
    name, _ = lambda_svc._resolve_request_scoped_name_and_qualifier(data["FunctionName"])
    function = lambda_svc._functions.get(name)
    if queue is None or function is None:
        return
    visible, timeout = int(queue["attributes"].get("VisibilityTimeout", "30")), int(function["config"]["Timeout"])
    if visible < timeout:
        raise _invalid(f"Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds")


def _invalid(sentence: str) -> ApiError:
    return ApiError("InvalidParameterValueException", sentence)


def run_batch(esm: Data, record: Data, event: Data, batch: list[Data], queue_url: str, queue_name: str) -> None:
    """Invokes the function with messages; those that it has worked off are deleted, the others become visible again."""
    role = principals.acting_as(principals.of_role(record["config"].get("Role")))
    role(note)("sqs:ReceiveMessage", esm["EventSourceArn"])
    result = lambda_svc._execute_function(record, event)
    identifiers = [message["id"] for message in batch]
    failed: list[int] | None = []
    if result.get("error"):
        failed = None
        pause = THROTTLE_SECONDS if result.get("throttle") else FAILURE_SECONDS
        lambda_svc._esm_backoff_until[esm["UUID"]] = time.time() + pause
    elif "ReportBatchItemFailures" in (esm.get("FunctionResponseTypes") or []):
        failed = failed_items(result.get("body"), identifiers)
    esm["LastProcessingResult"] = FAILED if failed is None else OK
    if failed is not None:
        done = {message["receipt_handle"] for place, message in enumerate(batch) if place not in failed}
        role(note)("sqs:DeleteMessage", esm["EventSourceArn"])
        sqs._delete_messages_for_esm(queue_url, done)
