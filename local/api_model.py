"""A request's shape against botocore's model of its service: checked in AWS's own words, or brought into that shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import Shape

from local.api_errors import ApiError


@cache
def input_shape(service: str, action: str) -> Any:
    """The shape of an action's parameters; None where it takes none."""
    return botocore.session.get_session().get_service_model(service).operation_model(action).input_shape


@cache
def output_shape(service: str, action: str) -> Any:
    """The shape of an action's answer; None where it has none."""
    return botocore.session.get_session().get_service_model(service).operation_model(action).output_shape


def check(service: str, action: str, data: dict[str, Any]) -> None:
    """Raises ApiError where a member is missing, of another type, too long, too large or not of its pattern."""
    shape = input_shape(service, action)
    problems = list(_problems(shape, data, "")) if shape else []
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise ApiError("ValidationException", count + "; ".join(problems))


def from_template(shape: Any, value: Any) -> Any:
    """A template's value in the types of the API: parameters of a template are text, whatever they mean."""
    if shape.type_name == "structure" and isinstance(value, dict):
        return {name: from_template(shape.members[name], member) for name, member in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [from_template(shape.member, member) for member in value]
    if shape.type_name in ("integer", "long") and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if shape.type_name in ("double", "float") and isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value)
    if shape.type_name == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        raise ApiError("SerializationException", f"{path or 'The request'} is not of the type {kind}.")
    if kind == "structure":
        yield from _structure(shape, value, path)
    elif kind == "list":
        yield from _failed(shape, value, path, len(value), "length")
        for place, member in enumerate(value, 1):
            yield from _problems(shape.member, member, f"{path}.{place}.member")
    elif kind in ("map", "string"):
        yield from _failed(shape, value, path, len(value), "length")
    elif kind in ("integer", "long"):
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
    if rules.get("pattern") and not _matches(rules["pattern"], value):
        yield f"{failed} satisfy regular expression pattern: {rules['pattern']}"
    if rules.get("enum") and value not in rules["enum"]:
        yield f"{failed} satisfy enum value set: [{', '.join(rules['enum'])}]"


def _matches(pattern: str, value: str) -> bool:
    # Classes of Unicode, which stand in the patterns of tags, are unknown to Python.
    return "\\p{" in pattern or re.fullmatch(pattern, value, re.DOTALL) is not None


_TYPES: dict[str, Any] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "blob": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "double": int | float,
    "timestamp": int | float,
}
