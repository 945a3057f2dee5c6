"""The record of calls, of every request before anything answers it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import ministack.app
from ministack.core import iam_actions
from ministack.core.router import extract_access_key_id

from local import cbor, principals
from local.api_requests import action_of, model, rest_parameters, signed_for
from local.calls import Call, Calls, record_in, rights
from local.config import ACCOUNT_ID, Config
from local.kinesis.iterators import stream_of

# Where a service is signed under another name than boto3's.
_NAMES = {"monitoring": "cloudwatch", "kinesisanalytics": "kinesisanalyticsv2"}
# Those whose rights are called otherwise than their operations; ministack knows them.
_OTHERWISE = ("s3", "lambda")
type Handler = Callable[..., Awaitable[Any]]


def install(config: Config) -> None:
    """Only where it is asked for: each request is read once more."""
    if config.record_calls:
        recorder = _Recorder(config)
        ministack.app._dispatch_service_request = partial(recorder.dispatch, ministack.app._dispatch_service_request)


class _Recorder:
    def __init__(self, config: Config) -> None:
        config.calls.parent.mkdir(parents=True, exist_ok=True)
        self._calls = Calls(config.calls)
        record_in(self._calls)
        self._region = config.region
        # Athena's later calls name the query only.
        self._workgroups: dict[str, str] = {}

    async def dispatch(
        self, stock: Handler, method: str, path: str, headers: dict[str, str], body: Any, query: Any, *rest: Any
    ) -> Any:
        with principals.acting_as(extract_access_key_id(headers, query) or principals.ANYBODY):
            return await self._dispatch(stock, method, path, headers, body, query, *rest)

    async def _dispatch(
        self, stock: Handler, method: str, path: str, headers: dict[str, str], body: Any, query: Any, *rest: Any
    ) -> Any:
        signed = signed_for(headers) or ("s3" if "X-Amz-Credential" in query else None)
        service = _NAMES.get(signed or "", signed)
        if service is None:
            return await stock(method, path, headers, body, query, *rest)
        if service in _OTHERWISE:
            self._note(_other_rights(service, method, path, headers, body, query, self._region), {})
            return await stock(method, path, headers, body, query, *rest)
        request = _request(headers, body, query)
        action = action_of(service, method, path, headers, body)
        if action:
            if model(service).metadata["protocol"].startswith("rest"):
                with contextlib.suppress(ValueError):  # What cannot be read is answered later.
                    request = rest_parameters(service, action, path, query, body)
            if service == "athena":
                request = {"WorkGroup": self._workgroups.get(request.get("QueryExecutionId", "")), **request}
            elif service == "kinesis" and "ShardIterator" in request:
                request = {"StreamName": stream_of(request["ShardIterator"]), **request}
            needed = rights(service, action, request, ACCOUNT_ID, self._region)
            self._note(needed, request)
        answer = await stock(method, path, headers, body, query, *rest)
        if service == "athena" and action == "StartQueryExecution" and answer[0] == 200:
            self._workgroups[json.loads(answer[2])["QueryExecutionId"]] = request.get("WorkGroup") or "primary"
        return answer

    def _note(self, needed: Iterator[tuple[str, str]], request: dict[str, Any]) -> None:
        for action, resource in needed:
            namespace = str(request.get("Namespace", "")) if action == "cloudwatch:PutMetricData" else ""
            self._calls.note(Call(principals.acting(), action, resource, namespace))


def _other_rights(
    service: str, method: str, path: str, headers: dict[str, str], body: Any, query: Any, region: str
) -> Iterator[tuple[str, str]]:
    action = iam_actions.extract_iam_action(service, method, path, headers, body, query)
    if action is None:
        return
    yield (
        action,
        iam_actions.extract_resource_arn(service, method, path, headers, body, query, region, ACCOUNT_ID),
    )
    if service == "s3":
        yield from iam_actions.s3_additional_checks(method, path, headers, body, query)


def _request(headers: dict[str, str], body: Any, query: Any) -> dict[str, Any]:
    """The members of a request, in whichever form it comes; none where it cannot be read, which is answered later."""
    content_type = headers.get("content-type", "")
    try:
        if content_type.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(bytes(body).decode()))
        read = cbor.loads(body) if "cbor" in content_type and body else json.loads(body or b"{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
