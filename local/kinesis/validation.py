"""Checks of a request's shape against botocore's model of Kinesis, in AWS's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, Shape

from local.kinesis.errors import KinesisError


@cache
def _operations() -> dict[str, OperationModel]:
    model = botocore.session.get_session().get_service_model("kinesis")
    return {name: model.operation_model(name) for name in model.operation_names}


def check(action: str, data: dict[str, Any]) -> None:
    """Raises KinesisError where a member is missing, of another type, too long, too large or not of its pattern."""
    shape = _operations()[action].input_shape
    problems = list(_problems(shape, data, "")) if shape else []
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise KinesisError("ValidationException", count + "; ".join(problems))


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, _TYPES[shape.type_name]) or (isinstance(value, bool) and shape.type_name != "boolean"):
        raise KinesisError("SerializationException", f"{path or 'The request'} is not of the type {shape.type_name}.")
    if shape.type_name == "structure":
        yield from _structure(shape, value, path)
    elif shape.type_name == "list":
        yield from _failed(shape, value, path, len(value), "length")
        for place, member in enumerate(value, 1):
            yield from _problems(shape.member, member, f"{path}.{place}.member")
    elif shape.type_name in ("map", "string"):
        yield from _failed(shape, value, path, len(value), "length")
    elif shape.type_name in ("integer", "long"):
        yield from _failed(shape, value, path, value, "value")


def _structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        # As AWS names members in its messages.
        inner = f"{path}.{name[0].lower()}{name[1:]}".lstrip(".")
        if value.get(name) is not None:
            yield from _problems(member, value[name], inner)
        elif name in shape.required_members:
            yield f"Value null at '{inner}' failed to satisfy constraint: Member must not be null"


def _failed(shape: Shape, value: Any, path: str, measure: int, what: str) -> Iterator[str]:
    rules = shape.metadata
    shown = f"Value at '{path}'" if isinstance(value, list | dict) else f"Value '{value}' at '{path}'"
    failed = f"{shown} failed to satisfy constraint: Member must"
    if "max" in rules and measure > rules["max"]:
        yield f"{failed} have {what} less than or equal to {rules['max']}"
    if "min" in rules and measure < rules["min"]:
        yield f"{failed} have {what} greater than or equal to {rules['min']}"
    if rules.get("pattern") and not re.fullmatch(rules["pattern"], value):
        yield f"{failed} satisfy regular expression pattern: {rules['pattern']}"
    if rules.get("enum") and value not in rules["enum"]:
        yield f"{failed} satisfy enum value set: [{', '.join(rules['enum'])}]"


_TYPES: dict[str, Any] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "blob": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "timestamp": int | float,
}
