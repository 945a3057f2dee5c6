"""Event source mappings: those of Kinesis streams are carried out by our engine, those of queues by ministack's poller.

All are kept by ministack, which also carries out those of DynamoDB's streams.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners

from local.api_errors import ApiError
from local.api_model import check, from_template, input_shape
from local.clients import factory
from local.cloudwatch_meter import Meter
from local.config import HOST, Config
from local.event_source_mapping.answers import failed_items
from local.event_source_mapping.engine import Engine
from local.event_source_mapping.lane import FAILED, OK, Tools
from local.event_source_mapping.mapping import INFINITE, Mapping
from local.function.outcome import Outcome
from local.kinesis.store import Scope, StreamStore
from local.ministack_hooks.closing import at_close

Data = dict[str, Any]
# Of a mapping of a stream. Source: CreateEventSourceMapping, Lambda's API.
_DEFAULTS: Data = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "BisectBatchOnFunctionError": False,
    "FunctionResponseTypes": [],
    "MaximumRetryAttempts": INFINITE,
    "MaximumRecordAgeInSeconds": INFINITE,
    "DestinationConfig": {"OnFailure": {}},
    "TumblingWindowInSeconds": 0,
}
_STARTS = ("EventSourceArn", "StartingPosition", "StartingPositionTimestamp")
THROTTLE_SECONDS, FAILURE_SECONDS = 1.0, 0.1


def install(config: Config, streams: StreamStore, invoke: Callable[[str, bytes], Outcome], meter: Meter) -> None:
    """invoke: the function of an ARN with an event. meter: of Lambda's metrics."""
    tools = Tools(invoke, _filtered, factory(config.endpoint, config.region), meter.count, _tell_result)
    engine = Engine(config.var / "aws" / "functions" / "mappings", streams, _mappings, tools, _tell_state)
    at_close(engine.close)
    threading.Thread(target=_start, args=(config, engine), name="mappings start", daemon=True).start()
    lambda_svc._poll_kinesis = lambda: False
    lambda_svc._run_sqs_batch = _run_queue_batch
    lambda_svc._create_esm = partial(_create, streams, engine, lambda_svc._create_esm)
    lambda_svc._update_esm = partial(_update, engine, lambda_svc._update_esm)
    lambda_svc._delete_esm = partial(_delete, engine, lambda_svc._delete_esm)
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"] |= {
        "create": _create_resource,
        "update": _update_resource,
        "delete": _delete_resource,
    }


def _start(config: Config, engine: Engine) -> None:
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, config.port)) == 0:
                break
        time.sleep(0.1)
    engine.start()


def _mappings() -> dict[str, Mapping]:
    """Those of Kinesis streams, by id."""
    found = {}
    for (account, region, key), esm in list(lambda_svc._esms._data.items()):
        if ":kinesis:" not in esm["EventSourceArn"]:
            continue
        set_values = {**_DEFAULTS, **esm}
        function = lambda_svc._functions.get_scoped(account, region, esm["FunctionName"]) or {"config": {}}
        filters = (esm.get("FilterCriteria") or {}).get("Filters") or []
        found[key] = Mapping(
            id=key,
            stream_arn=esm["EventSourceArn"],
            function_arn=esm["FunctionArn"],
            role=function["config"].get("Role", ""),
            enabled=esm.get("Enabled", True),
            batch_size=set_values["BatchSize"],
            window_seconds=set_values["MaximumBatchingWindowInSeconds"],
            parallelization=set_values["ParallelizationFactor"],
            bisects=set_values["BisectBatchOnFunctionError"],
            reports_failures="ReportBatchItemFailures" in set_values["FunctionResponseTypes"],
            max_retries=set_values["MaximumRetryAttempts"],
            max_age_seconds=set_values["MaximumRecordAgeInSeconds"],
            starting_position=esm["StartingPosition"],
            starting_timestamp=esm.get("StartingPositionTimestamp"),
            destination=((set_values["DestinationConfig"] or {}).get("OnFailure") or {}).get("Destination"),
            filters=tuple(one["Pattern"] for one in filters if one.get("Pattern")),
        )
    return found


def _filtered(patterns: tuple[str, ...], records: list[Data]) -> list[Data]:
    criteria = {"Filters": [{"Pattern": pattern} for pattern in patterns]}
    kept: list[Data] = lambda_svc._apply_filter_criteria(records, {"FilterCriteria": criteria})
    return kept


def _note(key: str, member: str, value: str) -> None:
    for (_, _, other), esm in list(lambda_svc._esms._data.items()):
        if other == key and esm.get(member) != value:
            esm[member] = value


def _tell_state(key: str, state: str) -> None:
    _note(key, "State", state)


def _tell_result(key: str, result: str) -> None:
    _note(key, "LastProcessingResult", result)


def _create(streams: StreamStore, engine: Engine, stock: Any, data: Data) -> Any:
    source = str(data.get("EventSourceArn", ""))
    try:
        check("lambda", "CreateEventSourceMapping", data)
        if ":kinesis:" in source:
            _require_stream(streams, source, data)
        elif ":sqs:" in source:
            _require_visibility(source, data)
    except ApiError as error:
        return error_response_json(error.code, str(error), 409 if error.code == "ResourceConflictException" else 400)
    status, headers, body = stock(data)
    if status != 202:
        return status, headers, body
    esm = lambda_svc._esms[json.loads(body)["UUID"]]
    esm["StateTransitionReason"] = "User action"
    if ":kinesis:" in source:
        esm.update({name: data.get(name, default) for name, default in _DEFAULTS.items()})
        if "StartingPositionTimestamp" in data:
            esm["StartingPositionTimestamp"] = data["StartingPositionTimestamp"]
        answer = {**lambda_svc._esm_response(esm), "State": "Creating"}
        engine.changed()
        return json_response(answer, 202)
    return json_response(lambda_svc._esm_response(esm), 202)


def _require_stream(streams: StreamStore, source: str, data: Data) -> None:
    """Raises ApiError where the mapping cannot be carried out."""
    _refuse_unsupported(data)
    spec, error = lambda_svc._validate_event_source_arn(source)
    if error is None and streams.get(Scope(spec.account_id, spec.region), source.rpartition("/")[2]) is None:
        raise _invalid(f"Stream not found: {source}")
    if not data.get("StartingPosition"):
        raise _invalid("StartingPosition is required for a stream: LATEST, TRIM_HORIZON or AT_TIMESTAMP.")
    if data["StartingPosition"] == "AT_TIMESTAMP" and data.get("StartingPositionTimestamp") is None:
        raise _invalid("StartingPositionTimestamp is required for the StartingPosition AT_TIMESTAMP.")
    name, _ = lambda_svc._resolve_request_scoped_name_and_qualifier(data["FunctionName"])
    for esm in lambda_svc._esms.values():
        if esm["EventSourceArn"] == source and esm["FunctionName"] == name:
            raise ApiError(
                "ResourceConflictException",
                f'The event source arn (" {source} ") and function (" {name} ") provided mapping already exists. '
                f"Please update or delete the existing mapping with UUID {esm['UUID']}",
            )


def _refuse_unsupported(data: Data) -> None:
    if data.get("TumblingWindowInSeconds"):
        raise _invalid("The local platform has no tumbling windows in event source mappings.")


def _require_visibility(source: str, data: Data) -> None:
    """Raises ApiError where a message could come again while the function still works on it."""
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


def _update(engine: Engine, stock: Any, key: str, data: Data) -> Any:
    esm = lambda_svc._esms.get(key)
    try:
        check("lambda", "UpdateEventSourceMapping", {**data, "UUID": key})
        _refuse_unsupported(data)
    except ApiError as error:
        return error_response_json(error.code, str(error), 400)
    before = esm.get("Enabled") if esm else None
    status, headers, body = stock(key, data)
    if status != 200 or esm is None or ":kinesis:" not in esm["EventSourceArn"]:
        return status, headers, body
    esm["State"] = "Updating"
    if esm["Enabled"] != before:
        esm["State"] = "Enabling" if esm["Enabled"] else "Disabling"
    answer = lambda_svc._esm_response(esm)
    engine.changed()
    return json_response(answer, 202)


def _delete(engine: Engine, stock: Any, key: str) -> Any:
    answer = stock(key)
    engine.changed()
    return answer


def _run_queue_batch(esm: Data, record: Data, event: Data, batch: list[Data], queue_url: str, queue_name: str) -> None:
    """Invokes the function with messages; those that it has worked off are deleted, the others become visible again."""
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
        sqs._delete_messages_for_esm(queue_url, done)


def _create_resource(logical_id: str, properties: Data, stack_name: str) -> Any:
    body = _require_success(lambda_svc._create_esm(_typed("CreateEventSourceMapping", properties)))
    return body["UUID"], provisioners._lambda_esm_attrs(body["UUID"])


def _update_resource(key: str, before: Data, after: Data, stack_name: str) -> Any:
    if key not in lambda_svc._esms or any(before.get(name) != after.get(name) for name in _STARTS):
        created = _create_resource(key, after, stack_name)
        provisioners._delete_predecessor(_delete_resource, key, before)
        return created
    changes = {name: value for name, value in _typed("CreateEventSourceMapping", after).items() if name not in _STARTS}
    changes.pop("Tags", None)
    # What the template no longer sets is as if it had never been set.
    gone = {
        name: value for name, value in {**_DEFAULTS, "Enabled": True}.items() if name in before.keys() - after.keys()
    }
    _require_success(lambda_svc._update_esm(key, {**gone, **changes}))
    return key, provisioners._lambda_esm_attrs(key)


def _delete_resource(key: str, properties: Data) -> None:
    if key in lambda_svc._esms:
        lambda_svc._delete_esm(key)


def _typed(action: str, properties: Data) -> Data:
    """A template's properties as the API takes them. Raises ValueError where it has no such member."""
    shape = input_shape("lambda", action)
    if unknown := properties.keys() - shape.members.keys():
        raise ValueError(f"AWS::Lambda::EventSourceMapping has no property {', '.join(sorted(unknown))}.")
    given = {**properties}
    if isinstance(given.get("Tags"), list):
        given["Tags"] = {tag["Key"]: tag["Value"] for tag in given["Tags"]}
    typed: Data = from_template(shape, {name: value for name, value in given.items() if name != "Tags"})
    if "StartingPositionTimestamp" in typed:
        typed["StartingPositionTimestamp"] = float(typed["StartingPositionTimestamp"])
    return {**typed, "Tags": given["Tags"]} if "Tags" in given else typed


def _require_success(answer: Any) -> Data:
    status, _, body = answer
    content: Data = json.loads(body)
    if status >= 300:
        sentence = content.get("message") or content.get("Message")
        raise ValueError(f"AWS::Lambda::EventSourceMapping: {sentence} ({content.get('__type')})")
    return content
