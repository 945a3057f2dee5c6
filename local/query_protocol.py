"""AWS's query protocol: a form becomes what the same request is in JSON, an answer in JSON becomes XML.

Names of lists are `Name.member.1`, as in the services of 2010; times are seconds since 1970 in JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring


def load(form: Mapping[str, str], shape: Any, prefix: str = "") -> Any:
    """The members of the structure `shape` that the form has. Raises ValueError where a value is not of its type."""
    found = {}
    for name, member in (shape.members if shape else {}).items():
        value = _load_value(form, member, f"{prefix}{name}")
        if value is not None:
            found[name] = value
    return found


def _load_value(form: Mapping[str, str], shape: Any, name: str) -> Any:
    if shape.type_name == "structure":
        return load(form, shape, f"{name}.") or None
    if shape.type_name == "list":
        values: list[Any] = []
        while (value := _load_value(form, shape.member, f"{name}.member.{len(values) + 1}")) is not None:
            values.append(value)
        return values or None
    text = form.get(name)
    return None if text is None else _SCALARS.get(shape.type_name, str)(text)


def seconds(value: Any) -> float:
    """A time in any of AWS's forms, as seconds since 1970. Raises ValueError."""
    if isinstance(value, int | float):
        return float(value)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_SCALARS: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "long": int,
    "double": float,
    "float": float,
    "boolean": lambda text: text == "true",
    "timestamp": seconds,
}


def dump(action: str, value: Mapping[str, Any], shape: Any, namespace: str, request_id: str) -> bytes:
    """The XML of an answer."""
    root = Element(f"{action}Response", xmlns=namespace)
    if shape is not None:
        _dump(SubElement(root, shape.serialization.get("resultWrapper", f"{action}Result")), value, shape)
    SubElement(SubElement(root, "ResponseMetadata"), "RequestId").text = request_id
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root)


def dump_error(code: str, message: str, namespace: str, request_id: str, sender: bool = True) -> bytes:
    """The XML of an error."""
    root = Element("ErrorResponse", xmlns=namespace)
    error = SubElement(root, "Error")
    SubElement(error, "Type").text = "Sender" if sender else "Receiver"
    SubElement(error, "Code").text = code
    SubElement(error, "Message").text = message
    SubElement(root, "RequestId").text = request_id
    return tostring(root)


def _dump(parent: Element, value: Any, shape: Any) -> None:
    kind = shape.type_name
    if kind == "structure":
        for name, member in shape.members.items():
            if value.get(name) is not None:
                _dump(SubElement(parent, name), value[name], member)
    elif kind == "list":
        for one in value:
            _dump(SubElement(parent, "member"), one, shape.member)
    elif kind == "timestamp":
        moment = datetime.fromtimestamp(seconds(value), UTC)
        parent.text = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
    elif kind == "boolean":
        parent.text = "true" if value else "false"
    else:
        parent.text = str(value)
