"""Lambda's functions, run by our processes; their records, versions, permissions and policies stay ministack's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, request_scope
from ministack.services import lambda_svc

from local.clients import factory
from local.cloudwatch_meter import Meter
from local.config import Config
from local.function.outcome import NO_FUNCTION, Outcome, error_payload, throttled
from local.function.runner import UNITS, Runner
from local.function.settings import Function, why_unsupported
from local.ministack_hooks import function_resources
from local.ministack_hooks.closing import at_close
from local.ministack_hooks.function_resources import no_object, reason_against

Data = dict[str, Any]
# Of requests. Source: "Lambda quotas", developer guide.
LARGEST_EVENT, LARGEST_ASYNCHRONOUS_EVENT = 6_291_456, 1_048_576
OLDEST_EVENT_SECONDS = 6 * 3600
FIRST_THROTTLE_SECONDS, LONGEST_THROTTLE_SECONDS = 1.0, 30.0

# Whether ministack's thread of an asynchronous invocation asks; it inherits this from its caller.
_asynchronous: ContextVar[bool] = ContextVar("asynchronous", default=False)


def install(config: Config, install_mappings: Callable[[Callable[[str, bytes], Outcome], Meter], None]) -> None:
    """install_mappings: is given what invokes the function of an ARN with an event, and the meter of its metrics."""
    clients = factory(config.endpoint, config.region)
    meter = Meter(lambda: clients("cloudwatch"), "AWS/Lambda", "FunctionName", UNITS)
    runner = Runner(config, clients, meter)
    # Before the functions' own end, so that they may end what they are at.
    install_mappings(partial(_invoke, runner), meter)
    at_close(runner.close)
    at_close(meter.close)
    lambda_svc._execute_function = partial(_execute, runner)
    lambda_svc.invoke_async_with_retry = partial(_invoke_asynchronously, lambda_svc.invoke_async_with_retry)
    # Counted by the runner, whoever invokes.
    lambda_svc._emit_lambda_metrics = lambda *arguments, **named: None
    lambda_svc.invalidate_worker = partial(_retire, runner)
    lambda_svc.handle_request = partial(_answer, lambda_svc.handle_request)
    lambda_svc._create_function = partial(_create, lambda_svc._create_function)
    lambda_svc._update_config = partial(_update_configuration, lambda_svc._update_config)
    lambda_svc._update_code = partial(_update_code, lambda_svc._update_code)
    function_resources.install(partial(_retire, runner))


def _execute(runner: Runner, record: Data, event: Any) -> Data:
    """In place of ministack's own, with its kind of answer."""
    content = json.dumps(event).encode()
    outcome = _run(runner, record, content)
    if _asynchronous.get():
        begun, wait = time.monotonic(), FIRST_THROTTLE_SECONDS
        while outcome.throttled and time.monotonic() - begun < OLDEST_EVENT_SECONDS:
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_THROTTLE_SECONDS)
            outcome = _run(runner, record, content)
    if outcome.throttled:
        answer: Data = lambda_svc._throttle_response(outcome.throttled, "Rate Exceeded.")
        answer["body"]["Type"] = "User"
        return answer
    log = "\n".join(outcome.log)
    if outcome.error:
        return {"body": outcome.answer, "error": True, "function_error": outcome.error, "log": log}
    return {"body": outcome.answer, "log": log}


def _invoke_asynchronously(stock: Any, record: Data, event: Any) -> None:
    """ministack's own, which counts a throttle as one of the three tries; to Lambda it is none."""
    token = _asynchronous.set(True)
    try:
        stock(record, event)
    finally:
        _asynchronous.reset(token)


def _invoke(runner: Runner, arn: str, event: bytes) -> Outcome:
    account, region = lambda_svc._lambda_function_account_region_from_arn(arn)
    with request_scope(account, region):
        record, configuration, _ = lambda_svc._get_func_record_for_ref(arn)
    if record is None or configuration is None:
        return throttled(NO_FUNCTION)
    return _run(runner, {**record, "config": {**configuration, "FunctionArn": arn}}, event)


def _run(runner: Runner, record: Data, event: bytes) -> Outcome:
    configuration, content = record["config"], record.get("code_zip")
    sentence = why_unsupported({**configuration, "Environment": None})
    if sentence is None and not content:
        sentence = f"The function {configuration['FunctionName']} has no code."
    if sentence or not content:
        return Outcome(error_payload("Runtime.Unsupported", sentence or ""), error="Unhandled")
    function = Function.of(configuration)
    # Reserved for all versions together, and noted with the function alone.
    base = lambda_svc._functions.get_scoped(function.account, function.region, function.name) or record
    return runner.invoke(function, configuration["FunctionArn"], content, event, base.get("concurrency"))


def _retire(
    runner: Runner, name: str, qualifier: str | None = None, account: str | None = None, region: str | None = None
) -> None:
    runner.retire(f"arn:aws:lambda:{region or get_region()}:{account or get_account_id()}:function:{name}", qualifier)


async def _answer(stock: Any, method: str, path: str, headers: Data, body: bytes, query: Any) -> Any:
    """Refuses events that Lambda does not take."""
    if method == "POST" and path.endswith("/invocations"):
        asynchronous = headers.get("x-amz-invocation-type") == "Event"
        largest = LARGEST_ASYNCHRONOUS_EVENT if asynchronous else LARGEST_EVENT
        if len(body) > largest:
            sentence = f"Request must be smaller than {largest} bytes for the InvokeFunction operation"
            return error_response_json("RequestTooLargeException", sentence, 413)
        try:
            json.loads(body or b"{}")
        except ValueError as error:
            sentence = f"Could not parse request body into json: {error}"
            return error_response_json("InvalidRequestContentException", sentence, 400)
    return await stock(method, path, headers, body, query)


def _create(stock: Any, data: Data) -> Any:
    if (refusal := _refusal(data)) is not None:
        return refusal
    code = data.get("Code") or {}
    if (
        "S3Bucket" in code
        and lambda_svc._fetch_code_from_s3(code["S3Bucket"], code.get("S3Key", ""), code.get("S3ObjectVersion")) is None
    ):
        return error_response_json("InvalidParameterValueException", no_object(code), 400)
    return stock(data)


def _update_configuration(stock: Any, name: str, data: Data) -> Any:
    return _refusal(data) or stock(name, data)


def _update_code(stock: Any, name: str, data: Data) -> Any:
    return _refusal({"Code": data}) or stock(name, data)


def _refusal(data: Data) -> Any:
    sentence = reason_against(data)
    return error_response_json("InvalidParameterValueException", sentence, 400) if sentence else None
