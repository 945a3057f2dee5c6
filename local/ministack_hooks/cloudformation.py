"""Stacks: what an operation needs to be taken back is kept with the stack.

So one cut off by a kill is rolled back at the next start.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import ministack.app
from ministack.core.responses import request_scope
from ministack.services import athena, cloudformation, s3
from ministack.services.cloudformation import changesets, handlers, provisioners, stacks

from local import cfn_bucket


def install() -> None:
    for module in (changesets, handlers):
        module._deploy_stack_async = partial(_deploy_stack, module._deploy_stack_async)
    bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    bucket["create"] = partial(_create_bucket_resource, bucket["create"])
    bucket["update"] = partial(_update_bucket_resource, bucket["update"])
    bucket["delete"] = _delete_bucket_resource
    provisioners._athena_workgroup_apply = partial(_apply_workgroup, provisioners._athena_workgroup_apply)
    ministack.app._load_persisted_state = partial(_load_all, ministack.app._load_persisted_state)


def _apply_workgroup(stock: Any, name: str, properties: dict[str, Any]) -> None:
    """A template's parameter is text, the API's limit a number."""
    stock(name, properties)
    configuration = athena._workgroups[name]["Configuration"]
    if "BytesScannedCutoffPerQuery" in configuration:
        configuration["BytesScannedCutoffPerQuery"] = int(configuration["BytesScannedCutoffPerQuery"])


def _create_bucket_resource(stock: Any, logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
    cfn_bucket.refuse_unknown(properties)
    name, attributes = stock(logical_id, properties, stack_name)
    _set_bucket_properties(name, properties, {})
    return name, attributes


def _update_bucket_resource(
    stock: Any, name: str, before: dict[str, Any], after: dict[str, Any], stack_name: str
) -> Any:
    cfn_bucket.refuse_unknown(after)
    name, attributes = stock(name, before, after, stack_name)
    _set_bucket_properties(name, after, before)
    return name, attributes


def _set_bucket_properties(name: str, properties: dict[str, Any], before: dict[str, Any]) -> None:
    versioning = properties.get("VersioningConfiguration", {}).get("Status")
    if versioning == "Suspended":
        s3._bucket_versioning[name] = versioning
    operations = {
        "BucketEncryption": (s3._put_bucket_encryption, s3._delete_bucket_encryption),
        "LifecycleConfiguration": (s3._put_bucket_lifecycle, s3._delete_bucket_lifecycle),
        "OwnershipControls": (s3._put_bucket_ownership_controls, s3._delete_bucket_ownership_controls),
        "Tags": (s3._put_bucket_tagging, s3._delete_bucket_tagging),
    }
    for property_name in cfn_bucket.ADDED:
        put, delete = operations[property_name]
        if properties.get(property_name):
            _require_success(put(name, cfn_bucket.request_body(property_name, properties[property_name])))
        elif before.get(property_name):
            _require_success(delete(name))


def _delete_bucket_resource(name: str, properties: dict[str, Any]) -> None:
    """ministack's own drops the objects with the bucket, and finds them again at its next start."""
    if name in s3._buckets:
        _require_success(s3._delete_bucket(name))


def _require_success(answer: Any) -> None:
    status, _, body = answer
    if status >= 300:
        error = s3.fromstring(body)
        raise ValueError(f"{error.findtext('{*}Message')} ({error.findtext('{*}Code')})")


async def _deploy_stack(
    stock: Any,
    stack_name: str,
    stack_id: str,
    template: Any,
    parameters: Any,
    disable_rollback: bool,
    tags: Any,
    is_update: bool = False,
    previous_stack: Any = None,
    **options: Any,
) -> None:
    stack = cloudformation._stacks[stack_name]
    previous = previous_stack or {}
    arguments = stack_name, stack_id, template, parameters, disable_rollback, tags, is_update, previous_stack
    stack["_under_way"] = {
        "is_update": is_update,
        "previous_stack": previous_stack,
        "template": template,
        "param_values": parameters,
        "stack_tags": stack.get("Tags") or [],
        "previous_tags": previous.get("Tags") or [],
        "retain_except_on_create": options.get("retain_except_on_create", False),
    }
    try:
        await stock(*arguments, **options)
    finally:
        stack.pop("_under_way", None)


def _load_all(stock: Any) -> None:
    stock()
    for (account, region, name), stack in list(cloudformation._stacks._data.items()):
        status = stack["StackStatus"]
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            continue
        with request_scope(account, region):
            if status == "DELETE_IN_PROGRESS":
                handlers._delete_stack({"StackName": [name]})
                continue
            under_way = stack.pop("_under_way", {})
            before = (under_way.get("previous_stack") or {}).get("_resources", {})
            touched = [key for key, resource in stack["_resources"].items() if resource != before.get(key)]
            stack["_failed_operation"] = {**under_way, "created": touched}
            stack["StackStatus"] = "UPDATE_FAILED" if under_way.get("is_update") else "CREATE_FAILED"
            reason = "The platform stopped in the middle of this operation; it is rolled back."
            stack["StackStatusReason"] = reason
            kind = "AWS::CloudFormation::Stack"
            stacks._add_event(stack["StackId"], name, name, kind, stack["StackStatus"], reason, stack["StackId"])
            handlers._rollback_stack({"StackName": [name]})
