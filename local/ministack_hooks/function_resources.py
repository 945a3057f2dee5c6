"""What templates say of functions and event source mappings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from local.api_model import from_template, input_shape
from local.event_source_mapping.mapping import QUEUE_DEFAULTS, STREAM_DEFAULTS
from local.function.settings import why_unsupported

Data = dict[str, Any]
_STARTS = ("EventSourceArn", "StartingPosition", "StartingPositionTimestamp")


def install(retire: Callable[[str], None]) -> None:
    """retire: ends the environments of the function of that name."""
    function = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    function["create"] = partial(_create_function, function["create"])
    function["update"] = partial(_update_function, function["update"])
    function["delete"] = partial(_delete_function, retire, function["delete"])
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"] |= {
        "create": _create_mapping,
        "update": _update_mapping,
        "delete": _delete_mapping,
    }


def reason_against(data: Data) -> str | None:
    image = "ImageUri" in (data.get("Code") or {})
    return why_unsupported({**data, "PackageType": "Image"} if image else data)


def no_object(code: Mapping[str, Any]) -> str:
    return (
        f"Error occurred while GetObject of s3://{code['S3Bucket']}/{code.get('S3Key')}. "
        "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
    )


def _create_function(stock: Any, logical_id: str, properties: Data, stack_name: str) -> Any:
    if sentence := reason_against({"Runtime": "none", **properties}):
        raise ValueError(f"AWS::Lambda::Function: {sentence}")
    name, attributes = stock(logical_id, properties, stack_name)
    if not lambda_svc._functions[name]["code_zip"]:
        del lambda_svc._functions[name]
        raise ValueError(no_object({"S3Bucket": "", **(properties.get("Code") or {})}))
    _reserve(name, properties)
    return name, attributes


def _update_function(stock: Any, name: str, before: Data, after: Data, *rest: Any) -> Any:
    if sentence := reason_against({"Runtime": "none", **after}):
        raise ValueError(f"AWS::Lambda::Function: {sentence}")
    name, attributes = stock(name, before, after, *rest)
    _reserve(name, after)
    return name, attributes


def _reserve(name: str, properties: Data) -> None:
    reserved = properties.get("ReservedConcurrentExecutions")
    lambda_svc._functions[name]["concurrency"] = None if reserved is None else int(reserved)


def _delete_function(retire: Callable[[str], None], stock: Any, name: str, properties: Data) -> None:
    stock(name, properties)
    retire(name)


def _create_mapping(logical_id: str, properties: Data, stack_name: str) -> Any:
    body = _require_success(lambda_svc._create_esm(_typed(properties)))
    return body["UUID"], provisioners._lambda_esm_attrs(body["UUID"])


def _update_mapping(key: str, before: Data, after: Data, stack_name: str) -> Any:
    if key not in lambda_svc._esms or any(before.get(name) != after.get(name) for name in _STARTS):
        created = _create_mapping(key, after, stack_name)
        provisioners._delete_predecessor(_delete_mapping, key, before)
        return created
    changes = {name: value for name, value in _typed(after).items() if name not in _STARTS}
    changes.pop("Tags", None)
    # What the template no longer sets is as if it had never been set.
    defaults = {**(STREAM_DEFAULTS if ":kinesis:" in after["EventSourceArn"] else QUEUE_DEFAULTS), "Enabled": True}
    gone = {name: default for name, default in defaults.items() if name in before.keys() - after.keys()}
    _require_success(lambda_svc._update_esm(key, {**gone, **changes}))
    return key, provisioners._lambda_esm_attrs(key)


def _delete_mapping(key: str, properties: Data) -> None:
    if key in lambda_svc._esms:
        lambda_svc._delete_esm(key)


def _typed(properties: Data) -> Data:
    """A template's properties as the API takes them. Raises ValueError where it has no such member."""
    shape = input_shape("lambda", "CreateEventSourceMapping")
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
