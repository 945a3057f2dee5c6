"""Clients of a running platform, stacks on it, and waiting for a state."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import Platform
from tests.waiting import wait_until


def client(platform: Platform, service: str, **settings: Any) -> Any:
    """With keys of its own, since those of the environment are there within a test only. settings: of botocore."""
    session = shared_session(threading.get_ident())
    return session.client(service, endpoint_url=platform.endpoint, config=Config(**settings) if settings else None)


@cache
def shared_session(thread: int) -> Any:
    """A thread's own, since it is for one alone; a new one reads the services' models again, which takes long."""
    return boto3.session.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1")


def without_retries(platform: Platform, service: str) -> Any:
    return client(platform, service, retries={"total_max_attempts": 1})


def refusal(operation: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    """Code and message of the error with which the call is refused."""
    with pytest.raises(ClientError) as caught:
        operation(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def deploy(platform: Platform, stack: str, resources: dict[str, Any], **parameters: str) -> dict[str, str]:
    """Makes the stack or changes it into this one; the physical names of its resources."""
    cloudformation = client(platform, "cloudformation")
    template = json.dumps({"Parameters": {name: {"Type": "String"} for name in parameters}, "Resources": resources})
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    try:
        cloudformation.describe_stacks(StackName=stack)
        operation = cloudformation.update_stack
    except ClientError:
        operation = cloudformation.create_stack
    operation(StackName=stack, TemplateBody=template, Parameters=given)
    found = settled(platform, stack)
    assert found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), found.get("StackStatusReason")
    described = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in described}


def remove(platform: Platform, stack: str) -> None:
    client(platform, "cloudformation").delete_stack(StackName=stack)
    wait_until(lambda: _status(platform, stack) in (None, "DELETE_COMPLETE"))


def settled(platform: Platform, stack: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        described: dict[str, Any] = client(platform, "cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return None if described["StackStatus"].endswith("_IN_PROGRESS") else described

    return wait_until(found)


def _status(platform: Platform, stack: str) -> str | None:
    try:
        status: str = client(platform, "cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except ClientError:
        return None
    return status
