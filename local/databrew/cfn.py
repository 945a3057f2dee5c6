"""The template's AWS::DataBrew::Dataset and AWS::DataBrew::Job, as the calls that make them.

Source: "AWS::DataBrew::Dataset" and "AWS::DataBrew::Job", CloudFormation template reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local.api_errors import ApiError
from local.api_model import from_template, input_shape

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
# By type: the calls that create, change and delete it, and the properties whose change makes another.
CALLS = {
    "AWS::DataBrew::Dataset": ("CreateDataset", "UpdateDataset", "DeleteDataset", ("Name", "Tags")),
    "AWS::DataBrew::Job": (
        "CreateProfileJob",
        "UpdateProfileJob",
        "DeleteJob",
        ("Name", "Type", "Tags", "DatasetName"),
    ),
}


def create(call: Call, kind: str, name: str, properties: Mapping[str, Any]) -> None:
    """Raises ValueError where that cannot be done."""
    _call(call, CALLS[kind][0], kind, {**properties, "Name": name})


def update(call: Call, kind: str, name: str, properties: Mapping[str, Any]) -> None:
    """Changes it in its place; raises ValueError where that cannot be done."""
    replacing = CALLS[kind][3]
    kept = {key: value for key, value in properties.items() if key not in replacing}
    _call(call, CALLS[kind][1], kind, {**kept, "Name": name})


def delete(call: Call, kind: str, name: str) -> None:
    """Deletes it where it is still there; raises ValueError where that cannot be done."""
    try:
        call(CALLS[kind][2], {"Name": name})
    except ApiError as error:
        if error.code != "ResourceNotFoundException":
            raise ValueError(f"{kind}: {error} ({error.code})") from error


def _call(call: Call, action: str, kind: str, properties: dict[str, Any]) -> None:
    if properties.pop("Type", "PROFILE") != "PROFILE":
        raise ValueError(f"{kind}: the local platform runs jobs of the type PROFILE only.")
    if "ProfileConfiguration" in properties:
        properties["Configuration"] = properties.pop("ProfileConfiguration")
    if "Tags" in properties:
        properties["Tags"] = {tag["Key"]: tag["Value"] for tag in properties["Tags"]}
    shape = input_shape("databrew", action)
    if unknown := sorted(properties.keys() - shape.members.keys()):
        raise ValueError(f"{kind}: the local platform does not carry out {', '.join(unknown)}.")
    try:
        call(action, from_template(shape, properties))
    except ApiError as error:
        raise ValueError(f"{kind}: {error} ({error.code})") from error
