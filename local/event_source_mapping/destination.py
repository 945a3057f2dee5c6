"""Tells a queue, topic or bucket of records that a mapping has given up.

Source: "Retain discarded batch records for a Kinesis Data Streams event source", Lambda's developer guide.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.event_source_mapping.mapping import Mapping
from local.event_source_mapping.reader import Record, event
from local.function.outcome import Outcome

RETRIES = "RetryAttemptsExhausted"
AGE = "RecordAgeExceeded"

Clients = Callable[[str], Any]


@dataclass(frozen=True)
class Discarded:
    """Records of a shard that are not tried again. calls: how often they were tried. last: how that went."""

    shard: str
    records: Sequence[Record]
    condition: str
    calls: int
    last: Outcome | None


def message(mapping: Mapping, discarded: Discarded) -> dict[str, Any]:
    """What the destination is told."""
    records, last = discarded.records, discarded.last
    response = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": last.error if last else None}
    return {
        "requestContext": {
            "requestId": last.request_id if last else str(uuid.uuid4()),
            "functionArn": mapping.function_arn,
            "condition": discarded.condition,
            "approximateInvokeCount": discarded.calls,
        },
        "responseContext": response if last else None,
        "version": "1.0",
        "timestamp": _time(datetime.now(UTC)),
        "KinesisBatchInfo": {
            "shardId": discarded.shard,
            "startSequenceNumber": records[0].sequence,
            "endSequenceNumber": records[-1].sequence,
            "approximateArrivalOfFirstRecord": _arrival(records[0]),
            "approximateArrivalOfLastRecord": _arrival(records[-1]),
            "batchSize": len(records),
            "streamArn": mapping.stream_arn,
        },
    }


def send(clients: Clients, mapping: Mapping, discarded: Discarded) -> None:
    """Raises ClientError or BotoCoreError where the destination does not take it."""
    arn, document = mapping.destination or "", message(mapping, discarded)
    service, account, resource = arn.split(":")[2], arn.split(":")[4], arn.split(":", 5)[5]
    if service == "sqs":
        sqs = clients("sqs")
        url = sqs.get_queue_url(QueueName=resource, QueueOwnerAWSAccountId=account)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(document))
    elif service == "sns":
        clients("sns").publish(TopicArn=arn, Message=json.dumps(document))
    else:
        now = datetime.now(UTC)
        key = f"aws/lambda/{mapping.id}/{discarded.shard}/{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        body = json.dumps({**document, "payload": event(discarded.records).decode()})
        clients("s3").put_object(Bucket=resource, Key=key, Body=body.encode())


def _arrival(record: Record) -> str:
    return _time(datetime.fromtimestamp(record.arrival_ms / 1000, UTC))


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
