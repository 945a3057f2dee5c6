"""Delivery streams, run by our engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import firehose
from ministack.services.cloudformation import provisioners

from local.api_errors import ApiError
from local.clients import factory
from local.cloudwatch_meter import Meter
from local.config import Config
from local.firehose import cfn_delivery_stream
from local.firehose.service import UNITS, FirehoseService
from local.kinesis.store import Scope, StreamStore
from local.ministack_hooks.answering import once_answering
from local.ministack_hooks.closing import at_close

CONTENT_TYPE = "application/x-amz-json-1.1"


def install(config: Config, streams: StreamStore) -> None:
    clients = factory(config.endpoint, config.region)
    meter = Meter(lambda: clients("cloudwatch"), "AWS/Firehose", "DeliveryStreamName", UNITS)
    service = FirehoseService(config.var / "aws" / "firehose", streams, clients, meter)
    at_close(service.close)
    at_close(meter.close)
    once_answering(config, service.start, "Firehose start")
    firehose._streams = _Streams(service)
    firehose.get_state = lambda: None
    firehose._restore_state = lambda data: None
    firehose.handle_request = partial(_answer, service)
    provisioners._RESOURCE_HANDLERS["AWS::KinesisFirehose::DeliveryStream"] |= {
        "create": partial(_create_resource, service),
        "update": partial(_update_resource, service),
        "delete": partial(_delete_resource, service),
    }


def _scope() -> Scope:
    return Scope(get_account_id(), get_region())


async def _answer(
    service: FirehoseService, method: str, path: str, headers: dict[str, str], body: bytes, query: Any
) -> Any:
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        data = json.loads(body or b"{}")
        if not isinstance(data, dict):
            raise ApiError("SerializationException", "The request is not a JSON object.")
        # Deletion waits for the object being written, which this loop answers.
        return json_response(await asyncio.to_thread(service.answer, action, _scope(), data), content_type=CONTENT_TYPE)
    except json.JSONDecodeError as error:
        return error_response_json("SerializationException", f"The request is not JSON: {error}.", 400)
    except ApiError as error:
        return error_response_json(error.code, str(error), 400, content_type=CONTENT_TYPE)


class _Streams:
    """ministack's store of delivery streams: it looks for names, and empties it when it is reset."""

    def __init__(self, service: FirehoseService) -> None:
        self._service = service

    def __contains__(self, name: str) -> bool:
        return name in self._service.names(_scope())

    def __iter__(self) -> Iterator[str]:
        return iter(self._service.names(_scope()))

    def clear(self) -> None:
        for name in self:
            self._service.delete(_scope(), {"DeliveryStreamName": name})


def _create_resource(service: FirehoseService, logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
    name = properties.get("DeliveryStreamName") or provisioners._physical_name(stack_name, logical_id, max_len=64)
    return name, cfn_delivery_stream.create(service, _scope(), name, properties)


def _update_resource(
    service: FirehoseService, name: str, before: dict[str, Any], after: dict[str, Any], stack_name: str
) -> Any:
    if any(before.get(key) != after.get(key) for key in cfn_delivery_stream.REPLACING):
        return _create_resource(service, name, after, stack_name)
    return name, cfn_delivery_stream.update(service, _scope(), name, before, after)


def _delete_resource(service: FirehoseService, name: str, properties: dict[str, Any]) -> None:
    if name in service.names(_scope()):
        service.delete(_scope(), {"DeliveryStreamName": name})
