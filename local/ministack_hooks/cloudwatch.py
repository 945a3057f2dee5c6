"""Metrics are our store's, and all of CloudWatch is spoken in its three protocols: CBOR, JSON and forms.

ministack keeps each value it is sent in memory and in its state for two weeks. Its other operations (dashboards,
composite alarms, tags) stay; they are asked in JSON, whatever the protocol of the request.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import cloudwatch

from local import cbor, query_protocol
from local.api_errors import ApiError
from local.api_model import input_shape, output_shape
from local.config import Config
from local.metrics.queries import MetricQueries
from local.metrics.sending import data_of
from local.metrics.store import Datum, Metric, MetricStore
from local.metrics.summary import Summary
from local.ministack_hooks.closing import at_close

logger = logging.getLogger(__name__)

NAMESPACE = "http://monitoring.amazonaws.com/doc/2010-08-01/"
CBOR_HEADERS = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
TARGET = "GraniteServiceVersion20100801."
type Operation = Callable[[dict[str, Any]], dict[str, Any]]

# By name; alarms add theirs.
operations: dict[str, Operation] = {}


def install(config: Config) -> MetricStore:
    """The store, on which alarms are evaluated."""
    store = MetricStore(config.var / "aws" / "metrics")
    at_close(store.close)
    operations.update(
        PutMetricData=partial(_put_metric_data, store),
        GetMetricData=lambda request: queries(store).get_metric_data(request),
        GetMetricStatistics=lambda request: queries(store).get_metric_statistics(request),
        ListMetrics=lambda request: queries(store).list_metrics(request),
    )
    cloudwatch.handle_request = partial(_answer, cloudwatch.handle_request)
    cloudwatch.record_metric = partial(_record_metric, store)
    cloudwatch.get_state = partial(_state_without_metrics, cloudwatch.get_state)
    cloudwatch._restore_state = partial(_restore_without_metrics, cloudwatch._restore_state)
    cloudwatch.reset = partial(_reset, cloudwatch.reset, store)
    # Nothing is left to be done at each request.
    cloudwatch._evict_old_metrics = lambda: None
    cloudwatch._json_timestamp = _seconds
    return store


def queries(store: MetricStore) -> MetricQueries:
    """For the account and region of the request."""
    return MetricQueries(store, get_account_id(), get_region())


def _put_metric_data(store: MetricStore, request: dict[str, Any]) -> dict[str, Any]:
    store.put(data_of(request, get_account_id(), get_region()))
    return {}


def _record_metric(
    store: MetricStore,
    namespace: str,
    name: str,
    value: float,
    unit: str = "None",
    dimensions: Mapping[str, str] | None = None,
) -> None:
    """What ministack's own services count."""
    metric = Metric(get_account_id(), get_region(), namespace, name, tuple(sorted((dimensions or {}).items())))
    store.put([Datum(metric, unit, time.time(), 60, Summary.of_values({float(value): 1.0}))])


def _state_without_metrics(stock: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in stock().items() if name != "metrics"}


def _restore_without_metrics(stock: Callable[[Any], None], data: dict[str, Any] | None) -> None:
    stock({name: value for name, value in (data or {}).items() if name != "metrics"})


def _reset(stock: Callable[[], None], store: MetricStore) -> None:
    stock()
    store.clear()


def _seconds(value: Any) -> Any:
    """ministack's JSON has whole seconds only."""
    try:
        return query_protocol.seconds(value)
    except ValueError:
        return value


async def _answer(
    stock: Callable[..., Awaitable[Any]],
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, Any],
) -> Any:
    protocol = _protocol(headers)
    action = ""
    try:
        action, request = _read(protocol, path, headers, body, query)
        if action in operations:
            return _success(protocol, action, operations[action](request))
        target = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"{TARGET}{action}"}
        status, _, raw = await stock("POST", "/", target, json.dumps(request).encode(), {})
        answer = json.loads(raw or b"{}")
        if status < 400:
            return _success(protocol, action, answer)
        return _failure(protocol, answer.get("__type", "InternalFailure"), answer.get("message", ""), status)
    except ApiError as error:
        status = 404 if error.code in ("ResourceNotFound", "ResourceNotFoundException") else 400
        return _failure(protocol, error.code, str(error), status)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        logger.warning("CloudWatch could not read a request of %s.", action or path, exc_info=True)
        return _failure(protocol, "MalformedInput", f"The request could not be read: {error}.", 400)


def _protocol(headers: Mapping[str, str]) -> str:
    content_type = headers.get("content-type", "")
    if "cbor" in content_type or "cbor" in headers.get("smithy-protocol", ""):
        return "cbor"
    return "json" if "json" in content_type or headers.get("x-amz-target") else "query"


def _read(
    protocol: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The name of the operation and its parameters, times as seconds since 1970."""
    if protocol == "cbor":
        return path.rpartition("/operation/")[2].strip("/"), cbor.loads(body, cbor.SECONDS) if body else {}
    if protocol == "json":
        return headers.get("x-amz-target", "").rpartition(".")[2], json.loads(body or b"{}")
    form = {name: value[0] if isinstance(value, list) else value for name, value in query.items()}
    form |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    action = form.get("Action", "")
    return action, query_protocol.load(form, input_shape("cloudwatch", action)) if _is_known(action) else {}


def _is_known(action: str) -> bool:
    try:
        input_shape("cloudwatch", action)
    except Exception:  # botocore's own, of an operation that its model lacks; ministack refuses it.
        return False
    return True


def _success(protocol: str, action: str, answer: dict[str, Any]) -> Any:
    shape = output_shape("cloudwatch", action) if _is_known(action) else None
    answer = _typed(answer, shape)
    if protocol == "json":
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()
    if protocol == "cbor":
        return 200, dict(CBOR_HEADERS), cbor.dumps(answer, shape, cbor.SECONDS)
    return 200, {"Content-Type": "text/xml"}, query_protocol.dump(action, answer, shape, NAMESPACE, new_uuid())


def _failure(protocol: str, code: str, message: str, status: int) -> Any:
    # Under these names clients of the older protocols know the error.
    headers = {"x-amzn-query-error": f"{code};{'Sender' if status < 500 else 'Receiver'}", "x-amzn-errortype": code}
    body = {"__type": code, "message": message}
    if protocol == "json":
        return status, headers | {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(body).encode()
    if protocol == "cbor":
        return status, headers | CBOR_HEADERS, cbor.dumps(body, None)
    answer = query_protocol.dump_error(code, message, NAMESPACE, new_uuid(), status < 500)
    return status, headers | {"Content-Type": "text/xml"}, answer


def _typed(value: Any, shape: Any) -> Any:
    """Numbers and times as the shape has them; what is absent is left out."""
    kind = shape.type_name if shape is not None else None
    if kind == "timestamp":
        return query_protocol.seconds(value)
    if kind in ("double", "float") and isinstance(value, int):
        return float(value)
    if isinstance(value, dict):
        members = shape.members if kind == "structure" else {}
        return {name: _typed(one, members.get(name)) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_typed(one, shape.member if kind == "list" else None) for one in value]
    return value
