"""A template's table goes through CreateTable, and gets its time to live, recovery and encryption."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

from local.api_model import from_template, input_shape

# Of the properties, those that are not in CreateTable; the others are refused.
_APART = ("TimeToLiveSpecification", "PointInTimeRecoverySpecification", "SSESpecification")


def install() -> None:
    # What replaces a table makes the new one by this name.
    provisioners._ddb_create = _create_resource
    provisioners._ddb_delete = partial(_delete_resource, provisioners._ddb_delete)
    provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"] |= {
        "create": _create_resource,
        "update": partial(_update_resource, provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]["update"]),
        "delete": provisioners._ddb_delete,
    }


def _create_resource(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
    name = properties.get("TableName") or provisioners._physical_name(stack_name, logical_id, max_len=255)
    request = {"TableName": name, **_typed(properties)}
    if properties.get("SSESpecification"):
        request["SSESpecification"] = _encryption(properties)
    _require_success(dynamodb._create_table(request))
    _set_apart(name, properties, {})
    return name, provisioners._ddb_attrs(dynamodb._tables[name])


def _update_resource(
    stock: Callable[..., Any], name: str, before: dict[str, Any], after: dict[str, Any], stack_name: str, *rest: Any
) -> Any:
    # The stock update gives encryption to UpdateTable as the template has it, which is not as the API has it.
    name, attributes = stock(name, _typed(before), _typed(after), stack_name, *rest)
    if before.get("SSESpecification") != after.get("SSESpecification"):
        _require_success(dynamodb._update_table({"TableName": name, "SSESpecification": _encryption(after)}))
    _set_apart(name, after, before)
    return name, attributes


def _delete_resource(stock: Callable[..., Any], name: str, properties: dict[str, Any]) -> None:
    if dynamodb._tables.get(name, {}).get("DeletionProtectionEnabled"):
        raise ValueError(f"The table {name} is protected against deletion: turn DeletionProtectionEnabled off first.")
    stock(name, properties)
    dynamodb._ttl_settings.pop(name, None)
    dynamodb._pitr_settings.pop(name, None)


def _typed(properties: dict[str, Any]) -> dict[str, Any]:
    """Those that CreateTable takes too, in the API's types."""
    members = input_shape("dynamodb", "CreateTable").members
    unknown = sorted(set(properties) - set(members) - set(_APART))
    if unknown:
        raise ValueError(f"AWS::DynamoDB::Table: the local platform does not carry out {', '.join(unknown)}.")
    kept = {name: value for name, value in properties.items() if name not in _APART}
    stream = kept.get("StreamSpecification")
    if stream:
        kept["StreamSpecification"] = {"StreamEnabled": True, **stream}
    return {name: from_template(members[name], value) for name, value in kept.items()}


def _encryption(properties: dict[str, Any]) -> dict[str, Any]:
    wanted = dict(properties.get("SSESpecification") or {"SSEEnabled": False})
    return {"Enabled": _true(wanted.pop("SSEEnabled", False)), **wanted}


def _set_apart(name: str, after: dict[str, Any], before: dict[str, Any]) -> None:
    living = after.get("TimeToLiveSpecification")
    if living is None and (old := before.get("TimeToLiveSpecification")):
        living = {**old, "Enabled": False}
    if living:
        request = {"AttributeName": living.get("AttributeName", ""), "Enabled": _true(living.get("Enabled", False))}
        _require_success(dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": request}))
    recovery = after.get("PointInTimeRecoverySpecification")
    if recovery or before.get("PointInTimeRecoverySpecification"):
        enabled = _true((recovery or {}).get("PointInTimeRecoveryEnabled", False))
        request = {"PointInTimeRecoveryEnabled": enabled}
        _require_success(
            dynamodb._update_continuous_backups({"TableName": name, "PointInTimeRecoverySpecification": request})
        )


def _true(value: Any) -> bool:
    return value is True or value == "true"


def _require_success(answer: Any) -> None:
    status, _, body = answer
    if status >= 400:
        error = json.loads(body)
        raise ValueError(f"{error.get('message')} ({error.get('__type')})")
