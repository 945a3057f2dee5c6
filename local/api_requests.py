"""What an HTTP request asks for, of which service and with what, and an error in the protocol in which it asks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

import botocore.session

from local import cbor

_SCOPE = re.compile(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/aws4_request")


@cache
def model(service: str) -> Any:
    """botocore's model of a service, by the name that boto3 has for it."""
    return botocore.session.get_session().get_service_model(service)


def signed_for(headers: Mapping[str, str]) -> str | None:
    """The name under which the request is signed; None without a signature in its headers."""
    found = _SCOPE.search(headers.get("authorization", ""))
    return found.group(1) if found else None


def action_of(service: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """The operation's name; None where it cannot be told."""
    if target := headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if "/operation/" in path:
        return path.rpartition("/operation/")[2].strip("/")
    if model(service).metadata["protocol"].startswith("rest"):
        return next((name for verb, uri, name in _routes(service) if verb == method and uri.fullmatch(path)), None)
    return parse_qs(body.decode(errors="replace")).get("Action", [None])[0]


@cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    return list(_all_routes(service))


def _all_routes(service: str) -> Iterator[tuple[str, re.Pattern[str], str]]:
    for name in model(service).operation_names:
        http = model(service).operation_model(name).http
        uri = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(http["requestUri"].partition("?")[0]))
        yield http["method"], re.compile(f"{uri}/?"), name


def rest_parameters(
    service: str, action: str, path: str, query: Mapping[str, list[str]], body: bytes
) -> dict[str, Any]:
    """The operation's parameters from path, query and JSON body. Raises ValueError where the body is no JSON object."""
    operation = model(service).operation_model(action)
    given = json.loads(body or b"{}")
    if not isinstance(given, dict):
        raise ValueError("the request is not a JSON object")
    in_path = re.sub(r"\\\{(\w+)\\\}", "(?P<\\1>[^/]+)", re.escape(operation.http["requestUri"].partition("?")[0]))
    found = re.fullmatch(f"{in_path}/?", path)
    for name, member in operation.input_shape.members.items():
        place, key = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "uri" and found:
            given[name] = unquote(found[key])
        elif place == "querystring" and query.get(key):
            (text, *_) = query[key]
            given[name] = int(text) if member.type_name == "integer" and text.isdigit() else text
    return given


def error_status(service: str, code: str) -> int:
    """The HTTP status that the service's model gives an error; 400 where it has none."""
    for shape in model(service).error_shapes:
        error = shape.metadata.get("error") or {}
        if code in (shape.name, error.get("code")):
            return int(error.get("httpStatusCode") or (500 if shape.metadata.get("fault") else 400))
    return 400


def error_answer(
    service: str, headers: Mapping[str, str], code: str, message: str, status: int
) -> tuple[int, dict[str, str], bytes]:
    """As botocore reads it: in CBOR or JSON where the request is, in XML where it is a form."""
    content_type = headers.get("content-type", "")
    side = "Sender" if status < 500 else "Receiver"
    named = {"x-amzn-errortype": code, "x-amzn-query-error": f"{code};{side}"}
    if "cbor" in content_type:
        body = cbor.dumps({"__type": code, "message": message}, None)
        protocol = {"smithy-protocol": "rpc-v2-cbor"} if headers.get("smithy-protocol") else {}
        return status, {**named, **protocol, "Content-Type": content_type}, body
    if content_type.startswith("application/x-www-form-urlencoded"):
        xml = (
            f"<ErrorResponse><Error><Type>{side}</Type><Code>{escape(code)}</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId>local-fault</RequestId></ErrorResponse>"
        )
        return status, {"Content-Type": "text/xml"}, xml.encode()
    if model(service).metadata["protocol"].startswith("rest"):
        body = json.dumps({"Type": "User" if status < 500 else "Service", "message": message}).encode()
        return status, {"x-amzn-errortype": code, "Content-Type": "application/json"}, body
    body = json.dumps({"__type": code, "message": message}).encode()
    return status, {**named, "Content-Type": content_type or "application/x-amz-json-1.0"}, body
