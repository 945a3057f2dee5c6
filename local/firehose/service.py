"""Firehose's API: an action and its parameters in, the answer out."""

from __future__ import annotations

import base64
import binascii
import logging
import shutil
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.api_errors import ApiError, in_use, invalid_argument, not_found
from local.api_model import check
from local.cloudwatch_meter import Meter
from local.firehose.delivery import Clients, Delivery
from local.firehose.delivery_stream import FILE, DeliveryStream, State
from local.firehose.destination import Destination
from local.firehose.sources import DirectSource, KinesisSource, Source
from local.kinesis.store import Scope, StreamStore, now_ms

logger = logging.getLogger(__name__)

RECORD_BYTES = 1000 << 10
BATCH_BYTES = 4 << 20
NAMES_PER_PAGE = 10
TAGS_PER_PAGE = 50
KINESIS = "KinesisStreamAsSource"
DIRECT = "DirectPut"
# Of the metrics that are not counts.
UNITS = {
    "IncomingBytes": "Bytes",
    "DataReadFromKinesisStream.Bytes": "Bytes",
    "DeliveryToS3.Bytes": "Bytes",
    "DeliveryToS3.DataFreshness": "Seconds",
}
# Stream names hold no equals sign, nor do they end up as the name of another folder.
_SUFFIX = "=delivery-stream"
_DELETED = "=deleted"

Data = dict[str, Any]


class FirehoseService:
    """All delivery streams of a folder, each delivered by a thread of its own."""

    def __init__(self, folder: Path, streams: StreamStore, clients: Clients, meter: Meter) -> None:
        self._folder = folder
        self._streams = streams
        self._clients = clients
        self._meter = meter
        self._deliveries: dict[tuple[Scope, str], Delivery] = {}
        self._creating = threading.Lock()
        self._actions: dict[str, Callable[[Scope, Data], Data]] = {
            "CreateDeliveryStream": self.create,
            "DescribeDeliveryStream": self._describe,
            "ListDeliveryStreams": self._list,
            "DeleteDeliveryStream": self.delete,
            "UpdateDestination": self._update_destination,
            "PutRecord": self._put_record,
            "PutRecordBatch": self._put_record_batch,
            "TagDeliveryStream": self._tag,
            "UntagDeliveryStream": self._untag,
            "ListTagsForDeliveryStream": self._list_tags,
            "StartDeliveryStreamEncryption": self._start_encryption,
            "StopDeliveryStreamEncryption": self._stop_encryption,
        }
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"*/*/*{_DELETED}"):
            shutil.rmtree(left)
        for file in sorted(folder.glob(f"*/*/*{_SUFFIX}/{FILE}")):
            account, region = file.parts[-4:-2]
            self._open(Scope(account, region), DeliveryStream.restore(file.parent))
        self._restored = list(self._deliveries.values())

    def start(self) -> None:
        """Begins to deliver what was here before; S3 must answer from here on."""
        for delivery in self._restored:
            delivery.start()

    def close(self) -> None:
        for delivery in list(self._deliveries.values()):
            delivery.close()

    def names(self, scope: Scope) -> list[str]:
        return sorted(name for owner, name in list(self._deliveries) if owner == scope)

    def answer(self, action: str, scope: Scope, data: Data) -> Data:
        """Raises ApiError."""
        if action not in self._actions:
            raise ApiError("UnknownOperationException", f"Firehose has no operation {action}.")
        check("firehose", action, data)
        return self._actions[action](scope, data)

    def create(self, scope: Scope, data: Data) -> Data:
        with self._creating:
            return self._create(scope, data)

    def _create(self, scope: Scope, data: Data) -> Data:
        name, kind = data["DeliveryStreamName"], data.get("DeliveryStreamType") or DIRECT
        if (scope, name) in self._deliveries:
            raise in_use(f"Firehose {name} under accountId {scope.account} already exists")
        settings = data.get("ExtendedS3DestinationConfiguration") or data.get("S3DestinationConfiguration")
        if settings is None:
            raise invalid_argument("The local platform delivers to S3 only: ExtendedS3DestinationConfiguration.")
        Destination.of(settings)
        arn = f"arn:aws:firehose:{scope.region}:{scope.account}:deliverystream/{name}"
        state = State(arn, kind, now_ms(), settings)
        state.tags.update({tag["Key"]: tag.get("Value", "") for tag in data.get("Tags") or []})
        if data.get("DeliveryStreamEncryptionConfigurationInput"):
            state.encryption = {"Status": "ENABLED", **data["DeliveryStreamEncryptionConfigurationInput"]}
        folder = self._folder / scope.account / scope.region / f"{name}{_SUFFIX}"
        # Begun and never finished; its creator was told nothing.
        shutil.rmtree(folder, ignore_errors=True)
        stream = DeliveryStream(folder, state)
        if kind == KINESIS:
            state.source = self._kinesis_source(scope, data)
        elif kind != DIRECT:
            raise invalid_argument(f"The local platform has no delivery streams of the type {kind}.")
        delivery = self._open(scope, stream)
        # What is in the stream already is not delivered.
        state.positions = {log: found.next for log, found in delivery.source.logs().items()}
        stream.save()
        delivery.start()
        return {"DeliveryStreamARN": arn}

    def update(self, stream: DeliveryStream, settings: Data) -> None:
        """Another destination from now on, also for what waits. Raises ApiError."""
        Destination.of(settings)
        with stream.lock:
            stream.state.settings = settings
            stream.state.version += 1
            stream.state.updated_ms = now_ms()
            stream.save()

    def delete(self, scope: Scope, data: Data) -> Data:
        """What is not delivered yet is lost, as on AWS."""
        stream = self.find(scope, data).stream
        delivery = self._deliveries.pop((scope, stream.name))
        delivery.close()
        delivery.source.close()
        gone = stream.folder.with_name(f"{stream.name}={now_ms()}{_DELETED}")
        stream.folder.rename(gone)
        shutil.rmtree(gone)
        return {}

    def find(self, scope: Scope, data: Data) -> Delivery:
        """Raises ApiError."""
        name = data["DeliveryStreamName"]
        found = self._deliveries.get((scope, name))
        if found is None:
            raise not_found(f"Firehose {name} under account {scope.account} not found.")
        return found

    def _open(self, scope: Scope, stream: DeliveryStream) -> Delivery:
        source: Source
        if stream.state.source:
            name = stream.state.source["KinesisStreamARN"].rpartition("/")[2]
            source = KinesisSource(self._streams, scope, name)
        else:
            source = DirectSource(stream.folder / "records")
        delivery = Delivery(stream, source, self._clients, self._meter)
        self._deliveries[scope, stream.name] = delivery
        return delivery

    def _kinesis_source(self, scope: Scope, data: Data) -> Data:
        given = data.get("KinesisStreamSourceConfiguration")
        if given is None:
            raise invalid_argument(f"KinesisStreamSourceConfiguration is required for the type {KINESIS}.")
        self._streams.find(scope, {"StreamARN": given["KinesisStreamARN"]})
        return {**given, "DeliveryStartTimestamp": now_ms() / 1000}

    def _describe(self, scope: Scope, data: Data) -> Data:
        return {"DeliveryStreamDescription": self.find(scope, data).stream.described()}

    def _list(self, scope: Scope, data: Data) -> Data:
        after, kind = data.get("ExclusiveStartDeliveryStreamName") or "", data.get("DeliveryStreamType")
        names = [
            name
            for name in self.names(scope)
            if name > after and kind in (None, self._deliveries[scope, name].stream.state.type)
        ]
        limit = data.get("Limit") or NAMES_PER_PAGE
        return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}

    def _update_destination(self, scope: Scope, data: Data) -> Data:
        stream = self.find(scope, data).stream
        if data["CurrentDeliveryStreamVersionId"] != str(stream.state.version):
            raise ApiError(
                "ConcurrentModificationException",
                f"Cannot update firehose: {stream.name} since the current version id: {stream.state.version} "
                f"and specified version id: {data['CurrentDeliveryStreamVersionId']} do not match",
            )
        if data["DestinationId"] != stream.DESTINATION:
            raise invalid_argument(f"Destination Id {data['DestinationId']} not found")
        changes = data.get("ExtendedS3DestinationUpdate") or data.get("S3DestinationUpdate")
        if changes is None:
            raise invalid_argument("The local platform delivers to S3 only: ExtendedS3DestinationUpdate.")
        self.update(stream, {**stream.state.settings, **changes})
        return {}

    def _put_record(self, scope: Scope, data: Data) -> Data:
        (record_id,) = self._put(scope, data, [data["Record"]["Data"]])
        return {"RecordId": record_id, "Encrypted": False}

    def _put_record_batch(self, scope: Scope, data: Data) -> Data:
        ids = self._put(scope, data, [record["Data"] for record in data["Records"]])
        return {"FailedPutCount": 0, "Encrypted": False, "RequestResponses": [{"RecordId": each} for each in ids]}

    def _put(self, scope: Scope, data: Data, records: list[str]) -> list[str]:
        source = self.find(scope, data).source
        if not isinstance(source, DirectSource):
            name = data["DeliveryStreamName"]
            raise ApiError(
                "InvalidSourceException",
                f"Only DirectPut delivery streams take records; {name} reads a Kinesis stream.",
            )
        try:
            sizes = [len(binascii.a2b_base64(record, strict_mode=True)) for record in records]
        except binascii.Error as error:
            raise ApiError("SerializationException", f"Data is not base64: {error}.") from None
        if max(sizes) > RECORD_BYTES:
            raise invalid_argument(f"A record of {max(sizes)} bytes is over the limit of {RECORD_BYTES} bytes.")
        if sum(sizes) > BATCH_BYTES:
            raise invalid_argument(f"Records of {sum(sizes)} bytes are over the limit of {BATCH_BYTES} a request.")
        try:
            source.put(records)
        except OSError as error:
            logger.exception("Records for %s could not be written.", data["DeliveryStreamName"])
            raise ApiError("ServiceUnavailableException", f"Not written: {error.strerror}.") from error
        self._meter.count(data["DeliveryStreamName"], "IncomingRecords", len(records))
        self._meter.count(data["DeliveryStreamName"], "IncomingBytes", sum(sizes))
        return [base64.b64encode(uuid.uuid4().bytes * 8).decode() for _ in records]

    def _tag(self, scope: Scope, data: Data) -> Data:
        stream = self.find(scope, data).stream
        tags = {**stream.state.tags, **{tag["Key"]: tag.get("Value", "") for tag in data["Tags"]}}
        if len(tags) > TAGS_PER_PAGE:
            raise ApiError("LimitExceededException", f"A delivery stream has at most {TAGS_PER_PAGE} tags.")
        return self._set_tags(stream, tags)

    def _untag(self, scope: Scope, data: Data) -> Data:
        stream = self.find(scope, data).stream
        return self._set_tags(stream, {k: v for k, v in stream.state.tags.items() if k not in data["TagKeys"]})

    def _set_tags(self, stream: DeliveryStream, tags: dict[str, str]) -> Data:
        with stream.lock:
            stream.state.tags = tags
            stream.save()
        return {}

    def _list_tags(self, scope: Scope, data: Data) -> Data:
        after, limit = data.get("ExclusiveStartTagKey") or "", data.get("Limit") or TAGS_PER_PAGE
        tags = sorted(self.find(scope, data).stream.state.tags.items())
        later = [{"Key": key, "Value": value} for key, value in tags if key > after]
        return {"Tags": later[:limit], "HasMoreTags": len(later) > limit}

    def _start_encryption(self, scope: Scope, data: Data) -> Data:
        given = data.get("DeliveryStreamEncryptionConfigurationInput") or {"KeyType": "AWS_OWNED_CMK"}
        return self._set_encryption(scope, data, {"Status": "ENABLED", **given})

    def _stop_encryption(self, scope: Scope, data: Data) -> Data:
        return self._set_encryption(scope, data, {"Status": "DISABLED"})

    def _set_encryption(self, scope: Scope, data: Data, encryption: Data) -> Data:
        delivery = self.find(scope, data)
        if delivery.stream.state.type != DIRECT:
            raise invalid_argument("Only DirectPut delivery streams are encrypted here; encrypt the Kinesis stream.")
        with delivery.stream.lock:
            delivery.stream.state.encryption = encryption
            delivery.stream.save()
        return {}
