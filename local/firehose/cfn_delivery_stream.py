"""The template's AWS::KinesisFirehose::DeliveryStream.

Source: "AWS::KinesisFirehose::DeliveryStream", CloudFormation template reference.
"""

from __future__ import annotations

from typing import Any

from local.api_errors import ApiError, invalid_argument
from local.api_model import from_template, input_shape
from local.firehose.service import FirehoseService
from local.kinesis.store import Scope

# A change of these makes another delivery stream.
REPLACING = ("DeliveryStreamName", "DeliveryStreamType", "KinesisStreamSourceConfiguration")
KNOWN = {
    *REPLACING,
    "DeliveryStreamEncryptionConfigurationInput",
    "S3DestinationConfiguration",
    "ExtendedS3DestinationConfiguration",
    "Tags",
}
_DESTINATIONS = ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration")


def create(service: FirehoseService, scope: Scope, name: str, properties: dict[str, Any]) -> dict[str, str]:
    """Creates it; its attributes for Fn::GetAtt. Raises ValueError where that cannot be done."""
    try:
        answer = service.answer("CreateDeliveryStream", scope, _request(name, properties))
    except ApiError as error:
        raise ValueError(f"{error} ({error.code})") from error
    return {"Arn": answer["DeliveryStreamARN"]}


def update(
    service: FirehoseService, scope: Scope, name: str, before: dict[str, Any], after: dict[str, Any]
) -> dict[str, str]:
    """Changes it in its place; its attributes. Raises ValueError where that cannot be done."""
    named = {"DeliveryStreamName": name}
    try:
        wanted = _request(name, after)
        stream = service.find(scope, named).stream
        settings = next((wanted[key] for key in _DESTINATIONS if key in wanted), None)
        if settings is None:
            raise invalid_argument("The local platform delivers to S3 only: ExtendedS3DestinationConfiguration.")
        if settings != stream.state.settings:
            service.update(stream, settings)
        encryption = wanted.get("DeliveryStreamEncryptionConfigurationInput")
        if encryption:
            given = {**named, "DeliveryStreamEncryptionConfigurationInput": encryption}
            service.answer("StartDeliveryStreamEncryption", scope, given)
        elif before.get("DeliveryStreamEncryptionConfigurationInput"):
            service.answer("StopDeliveryStreamEncryption", scope, named)
        gone = [tag["Key"] for tag in before.get("Tags") or []]
        if gone:
            service.answer("UntagDeliveryStream", scope, {**named, "TagKeys": gone})
        if wanted.get("Tags"):
            service.answer("TagDeliveryStream", scope, {**named, "Tags": wanted["Tags"]})
    except ApiError as error:
        raise ValueError(f"{error} ({error.code})") from error
    return {"Arn": stream.state.arn}


def _request(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The parameters of CreateDeliveryStream. Raises ApiError."""
    if unknown := sorted(properties.keys() - KNOWN):
        raise invalid_argument(f"The local platform does not carry out {', '.join(unknown)} of a delivery stream.")
    request: dict[str, Any] = from_template(input_shape("firehose", "CreateDeliveryStream"), properties)
    return {**request, "DeliveryStreamName": name}
