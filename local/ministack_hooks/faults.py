"""Requests meet the faults that were asked for before ministack sees them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import ministack.app

from local.api_requests import action_of, error_answer, signed_for
from local.faults import PATH, Fault, Faults, InvalidFaultError

# Where a service is signed under another name than boto3's.
_NAMES = {"monitoring": "cloudwatch"}
type Handler = Callable[..., Awaitable[Any]]


def install() -> None:
    ministack.app._dispatch_service_request = partial(_dispatch, ministack.app._dispatch_service_request, Faults())


async def _dispatch(
    stock: Handler, faults: Faults, method: str, path: str, headers: dict[str, str], body: Any, *rest: Any
) -> Any:
    if path == PATH:
        return _answer(faults, method, body)
    service = signed_for(headers) or ""
    service = _NAMES.get(service, service)
    action = action_of(service, method, path, headers, body) if service in faults.services() else None
    fault = faults.due(service, action) if action else None
    if fault and fault.delay:
        await faults.delay(fault)
    if fault is None or not fault.error:
        return await stock(method, path, headers, body, *rest)
    if fault.partial:
        return await _partly(stock, faults, fault, method, path, headers, body, *rest)
    return error_answer(service, headers, fault.error, fault.message, fault.status)


def _answer(faults: Faults, method: str, body: bytes) -> Any:
    try:
        if method == "PUT":
            faults.ask(json.loads(body or b"null"))
        elif method == "DELETE":
            faults.clear()
        elif method != "GET":
            raise InvalidFaultError(f"{PATH} knows GET, PUT and DELETE, not {method}.")
    except ValueError as error:
        return 400, {"Content-Type": "application/json"}, json.dumps({"message": str(error)}).encode()
    return 200, {"Content-Type": "application/json"}, json.dumps({"faults": faults.shown()}).encode()


async def _partly(
    stock: Handler,
    faults: Faults,
    fault: Fault,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    *rest: Any,
) -> Any:
    """Some parts are carried out, and the others told as not."""
    request = json.loads(body)
    split = _statements if fault.action == "BatchExecuteStatement" else _items
    left, merge = split(faults, fault, request)
    if left is None:
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(merge({})).encode()
    status, answer_headers, answer = await stock(method, path, headers, json.dumps(left).encode(), *rest)
    if status != 200:
        return status, answer_headers, answer
    # The checksum is of the answer before it was merged.
    kept = {name: value for name, value in answer_headers.items() if name.lower() != "x-amz-crc32"}
    return status, kept, json.dumps(merge(json.loads(answer))).encode()


type Merge = Callable[[dict[str, Any]], dict[str, Any]]


def _statements(faults: Faults, fault: Fault, request: dict[str, Any]) -> tuple[dict[str, Any] | None, Merge]:
    statements = request["Statements"]
    refused = [faults.meets(fault) for _ in statements]
    kept = [one for one, fails in zip(statements, refused, strict=True) if not fails]
    error = {"Error": {"Code": fault.error, "Message": fault.message}}

    def merge(answer: dict[str, Any]) -> dict[str, Any]:
        carried_out = iter(answer.get("Responses", []))
        return {**answer, "Responses": [error if fails else next(carried_out) for fails in refused]}

    return ({**request, "Statements": kept} if kept else None), merge


def _items(faults: Faults, fault: Fault, request: dict[str, Any]) -> tuple[dict[str, Any] | None, Merge]:
    left: dict[str, Any] = {}
    refused: dict[str, Any] = {}
    for table, asked in request["RequestItems"].items():
        # Of reads the keys stand beside how they are to be read; of writes there is the list alone.
        for one in asked["Keys"] if isinstance(asked, dict) else asked:
            into = refused if faults.meets(fault) else left
            if isinstance(asked, dict):
                into.setdefault(table, {**asked, "Keys": []})["Keys"].append(one)
            else:
                into.setdefault(table, []).append(one)

    def merge(answer: dict[str, Any]) -> dict[str, Any]:
        empty: dict[str, Any] = {"Responses": {}} if fault.error == "UnprocessedKeys" else {}
        told = answer.get(fault.error) or {}
        return {**empty, **answer, fault.error: {**told, **refused}}

    return ({**request, "RequestItems": left} if left else None), merge
