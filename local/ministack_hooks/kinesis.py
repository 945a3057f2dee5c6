"""Streams and their records are ours; consumers and resource policies stay ministack's.

What else in ministack looks at streams (stacks, policies) sees ours through a view.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import kinesis
from ministack.services.cloudformation import provisioners

from local import cbor
from local.api_errors import ApiError
from local.api_model import output_shape
from local.clients import factory
from local.cloudwatch_meter import Meter
from local.config import Config
from local.kinesis import cfn_stream
from local.kinesis.service import UNITS, KinesisService
from local.kinesis.store import Scope, StreamStore
from local.kinesis.stream import Stream
from local.ministack_hooks.closing import at_close

CONTENT_TYPE = "application/x-amz-json-1.1"


def install(config: Config) -> StreamStore:
    """The store, from which delivery streams read."""
    store = StreamStore(config.var / "aws" / "kinesis")
    clients = factory(config.endpoint, config.region)
    meter = Meter(lambda: clients("cloudwatch"), "AWS/Kinesis", "StreamName", UNITS)
    service = KinesisService(store, meter, _consumer_count, config.kinesis_limits)
    at_close(meter.close)
    at_close(store.close)
    kinesis._streams = _Streams(store)
    kinesis.get_state = lambda: {
        "consumers": kinesis.copy.deepcopy(kinesis._consumers),
        "resource_policies": kinesis.copy.deepcopy(kinesis._resource_policies),
    }
    # Saved before records were kept in files; no stream of theirs has any.
    kinesis._restore_stream_store = lambda data: None
    kinesis.handle_request = partial(_answer, service, kinesis.handle_request)
    kinesis.put_record_internal = partial(_put_record_internal, service)
    provisioners._RESOURCE_HANDLERS["AWS::Kinesis::Stream"] |= {
        "create": partial(_create_resource, store),
        "update": partial(_update_resource, store),
        "delete": partial(_delete_resource, store),
    }
    return store


def _scope() -> Scope:
    return Scope(get_account_id(), get_region())


def _consumer_count(stream_arn: str) -> int:
    return sum(consumer["StreamARN"] == stream_arn for consumer in kinesis._consumers.values())


async def _answer(
    service: KinesisService, stock: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: Any
) -> Any:
    """In CBOR where the request is."""
    if "cbor" not in headers.get("content-type", ""):
        return await _answer_json(service, stock, method, path, headers, body, query)
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        body = json.dumps(cbor.loads(body) if body else {}).encode()
        status, answer_headers, answer = await _answer_json(
            service, stock, method, path, {**headers, "content-type": CONTENT_TYPE}, body, query
        )
    except ValueError as error:
        sentence = f"The request is no CBOR: {error}."
        status, answer_headers, answer = error_response_json("SerializationException", sentence, 400)
    if not isinstance(answer, bytes):
        return status, answer_headers, answer
    shape = output_shape("kinesis", action) if status == 200 and service.answers(action) else None
    # Beside the loop: it is slower than JSON.
    answer = await asyncio.to_thread(lambda: cbor.dumps(json.loads(answer), shape))
    return status, {**answer_headers, "Content-Type": cbor.CONTENT_TYPE}, answer


async def _answer_json(
    service: KinesisService, stock: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: Any
) -> Any:
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if not service.answers(action):
        return await stock(method, path, headers, body, query)
    try:
        data = json.loads(body or b"{}")
        if not isinstance(data, dict):
            raise ApiError("SerializationException", "The request is not a JSON object.")
        if action == "DeleteStream":
            _forget_consumers(data)
        return 200, {"Content-Type": CONTENT_TYPE}, await service.answer(action, _scope(), data)
    except json.JSONDecodeError as error:
        return error_response_json("SerializationException", f"The request is not JSON: {error}.", 400)
    except ApiError as error:
        return error_response_json(error.code, str(error), 400, content_type=CONTENT_TYPE)


def _forget_consumers(data: dict[str, Any]) -> None:
    """Raises ApiError where there are consumers and the request does not say that they may go."""
    arn = data.get("StreamARN") or _scope().arn(str(data.get("StreamName")))
    registered = [name for name, consumer in kinesis._consumers.items() if consumer["StreamARN"] == arn]
    if registered and not data.get("EnforceConsumerDeletion"):
        raise ApiError(
            "ResourceInUseException",
            f"Stream {arn} has {len(registered)} consumers registered. "
            "Deregister them, or delete the stream with EnforceConsumerDeletion.",
        )
    for name in registered:
        del kinesis._consumers[name]
        kinesis._resource_policies.pop(name, None)
    kinesis._resource_policies.pop(arn, None)


def _put_record_internal(service: KinesisService, stream_arn: str, partition_key: str, data: bytes) -> bool:
    """What DynamoDB's change capture calls."""
    stream = kinesis._resolve_stream_by_arn(stream_arn)
    if stream is None:
        return False
    entry = {"PartitionKey": partition_key, "Data": kinesis.base64.b64encode(data).decode()}
    return not service.put(_scope(), stream["stream"], [entry]).errors


def _view(stream: Stream) -> Mapping[str, Any]:
    """What ministack's functions look up; `stream` is the stream itself."""
    return {"stream": stream, "StreamName": stream.name, "StreamARN": stream.arn, "StreamStatus": "ACTIVE"}


class _Streams:
    """ministack's store of streams: it reads it, and empties it when it is reset."""

    def __init__(self, store: StreamStore) -> None:
        self._store = store

    def get_scoped(self, account: str, region: str, name: str) -> Mapping[str, Any] | None:
        stream = self._store.get(Scope(account, region), name)
        return None if stream is None else _view(stream)

    def get(self, name: str) -> Mapping[str, Any] | None:
        return self.get_scoped(*_scope(), name)

    def __contains__(self, name: str) -> bool:
        return self._store.get(_scope(), name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.names(_scope()))

    def clear(self) -> None:
        for scope, stream in self._store.all():
            self._store.delete(scope, stream)

    def all_items(self) -> Iterator[tuple[tuple[str, str, str], Mapping[str, Any]]]:
        for scope, stream in self._store.all():
            yield (*scope, stream.name), _view(stream)


def _create_resource(store: StreamStore, logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
    name = properties.get("Name") or provisioners._physical_name(stack_name, logical_id, lowercase=True, max_len=128)
    return name, cfn_stream.create(store, _scope(), name, properties)


def _update_resource(
    store: StreamStore, name: str, before: dict[str, Any], after: dict[str, Any], stack_name: str
) -> Any:
    if after.get("Name", name) != name:
        return _create_resource(store, name, after, stack_name)
    return name, cfn_stream.update(store, _scope(), name, before, after)


def _delete_resource(store: StreamStore, name: str, properties: dict[str, Any]) -> None:
    if (stream := store.get(_scope(), name)) is not None:
        _forget_consumers({"StreamARN": stream.arn, "EnforceConsumerDeletion": True})
        store.delete(_scope(), stream)
