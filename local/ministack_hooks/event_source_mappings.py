"""Event source mappings: those of Kinesis streams are carried out by our engine, those of queues by ministack's poller.

All are kept by ministack, which also carries out those of DynamoDB's streams.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import lambda_svc

from local.api_errors import ApiError
from local.api_model import check
from local.clients import factory
from local.cloudwatch_meter import Meter
from local.config import Config
from local.event_source_mapping.engine import Engine
from local.event_source_mapping.lane import Tools
from local.event_source_mapping.mapping import INFINITE, STREAM_DEFAULTS, Mapping
from local.function.outcome import Outcome
from local.kinesis.store import Scope, StreamStore
from local.ministack_hooks import queue_mappings
from local.ministack_hooks.answering import once_answering
from local.ministack_hooks.closing import at_close

Data = dict[str, Any]
SHORTEST_AGE = 60


def install(config: Config, streams: StreamStore, invoke: Callable[[str, bytes], Outcome], meter: Meter) -> None:
    """invoke: the function of an ARN with an event. meter: of Lambda's metrics."""
    tools = Tools(invoke, _filtered, factory(config.endpoint, config.region), meter.count, _tell_result)
    engine = Engine(config.var / "aws" / "functions" / "mappings", streams, _mappings, tools, _tell_state)
    at_close(engine.close)
    once_answering(config, engine.start, "mappings start")
    lambda_svc._poll_kinesis = lambda: False
    lambda_svc._run_sqs_batch = queue_mappings.run_batch
    lambda_svc._create_esm = partial(_create, streams, engine, lambda_svc._create_esm)
    lambda_svc._update_esm = partial(_update, engine, lambda_svc._update_esm)
    lambda_svc._delete_esm = partial(_delete, engine, lambda_svc._delete_esm)


def _mappings() -> dict[str, Mapping]:
    """Those of Kinesis streams, by id."""
    found = {}
    for (account, region, key), esm in list(lambda_svc._esms._data.items()):
        if ":kinesis:" not in esm["EventSourceArn"]:
            continue
        set_values = {**STREAM_DEFAULTS, **esm}
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
            queue_mappings.refuse_unsuitable(source, data)
    except ApiError as error:
        return error_response_json(error.code, str(error), 409 if error.code == "ResourceConflictException" else 400)
    status, headers, body = stock(data)
    if status != 202:
        return status, headers, body
    esm = lambda_svc._esms[json.loads(body)["UUID"]]
    esm["StateTransitionReason"] = "User action"
    if ":kinesis:" in source:
        esm.update({name: data.get(name, default) for name, default in STREAM_DEFAULTS.items()})
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
    name, qualifier = lambda_svc._resolve_request_scoped_name_and_qualifier(data["FunctionName"])
    for esm in lambda_svc._esms.values():
        # A version or an alias is another function to a mapping.
        if (esm["EventSourceArn"], esm["FunctionName"], esm.get("Qualifier")) == (source, name, qualifier):
            raise ApiError(
                "ResourceConflictException",
                f'The event source arn (" {source} ") and function (" {name} ") provided mapping already exists. '
                f"Please update or delete the existing mapping with UUID {esm['UUID']}",
            )


def _refuse_unsupported(data: Data) -> None:
    if data.get("TumblingWindowInSeconds"):
        raise _invalid("The local platform has no tumbling windows in event source mappings.")
    age = data.get("MaximumRecordAgeInSeconds")
    if age not in (None, INFINITE) and age < SHORTEST_AGE:
        raise _invalid(f"MaximumRecordAgeInSeconds is {INFINITE} or at least {SHORTEST_AGE}, not {age}.")


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
    engine.deleted(key)
    return answer
