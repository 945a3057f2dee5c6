"""The record of calls: which right each call needs, and who made it, so that roles can be held to what is used.

LOCAL_RECORD_CALLS=1 turns it on; it is a file of JSON lines, one for each that was not seen before.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local import principals

# An action and the ARN of what it is done to.
type Right = tuple[str, str]


@dataclass(frozen=True)
class Call:
    """A right as IAM names it, and who used it.

    principal: the access key (local.principals). action: such as kinesis:PutRecords. resource: its ARN, or *.
    namespace: of a call that writes metrics, the only condition that the templates have on calls of ours.
    """

    principal: str
    action: str
    resource: str
    namespace: str = ""


class Calls:
    """Safe for threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: set[Call] = set()
        self._lock = threading.Lock()

    def note(self, call: Call) -> None:
        with self._lock:
            if call not in self._seen:
                self._seen.add(call)
                with self._file.open("a") as lines:
                    lines.write(json.dumps(asdict(call)) + "\n")


_record: Calls | None = None
# What reading a stream comes down to where its shards are read in this process.
_READING = ("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards")


def record_in(calls: Calls) -> None:
    """From now on `note` and `note_reading` write there."""
    global _record  # noqa: PLW0603 - one process is one platform
    _record = calls


def note(action: str, arn: str) -> None:
    """What a service does within this process, where it would make a call on AWS: a right of whoever acts."""
    if _record is not None:
        _record.note(Call(principals.acting(), action, arn))


def note_reading(stream_arn: str) -> None:
    for action in _READING:
        note(action, stream_arn)


# Where IAM's name of a service is another than boto3's.
_SERVICES = {"kinesisanalyticsv2": "kinesisanalytics"}
# A right is that of the single call, or of what the call comes down to.
_ACTIONS = {
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sns:PublishBatch": "sns:Publish",
}
# By service, the member of a request that names a resource, and the resource's ARN after the account.
_NAMED = {
    "athena": {"WorkGroup": "workgroup/{}"},
    "databrew": {"Name": "job/{}"},
    "dynamodb": {"TableName": "table/{}"},
    "firehose": {"DeliveryStreamName": "deliverystream/{}"},
    "kinesis": {"StreamName": "stream/{}"},
    "kinesisanalytics": {"ApplicationName": "application/{}"},
    "logs": {"logGroupName": "log-group:{}:log-stream:"},
}
_STATEMENT = re.compile(
    r'\s*(INSERT\s+INTO|UPDATE|DELETE\s+FROM|SELECT\b.*?\bFROM)\s+"?([\w.-]+)', re.IGNORECASE | re.DOTALL
)


def rights(service: str, action: str, request: Mapping[str, Any], account: str, region: str) -> Iterator[Right]:
    """The rights that a call needs to a service that takes JSON or forms.

    service: as boto3 names it.
    """
    service = _SERVICES.get(service, service)
    right = f"{service}:{action}"
    right = _ACTIONS.get(right, right)
    own = f"arn:aws:{service}:{region}:{account}:"
    if service == "glue":
        resources = _glue(action, request)
    elif service == "dynamodb" and action in ("BatchExecuteStatement", "ExecuteStatement", "ExecuteTransaction"):
        yield from ((f"dynamodb:PartiQL{kind}", f"{own}table/{table}") for kind, table in _statements(request))
        return
    elif service == "dynamodb" and "RequestItems" in request:
        resources = [f"table/{table}" for table in request["RequestItems"]]
    else:
        resources = _named(service, request)
    arns = [resource if resource.startswith("arn:") else own + resource for resource in resources]
    yield from ((right, arn) for arn in arns or ["*"])


def _named(service: str, request: Mapping[str, Any]) -> list[str]:
    for member in ("StreamARN", "TopicArn", "ResourceARN"):
        if request.get(member):
            return [str(request[member])]
    if request.get("QueueUrl"):
        return [str(request["QueueUrl"]).rpartition("/")[2]]
    if service == "sqs" and request.get("QueueName"):
        return [str(request["QueueName"])]
    index = f"/index/{request['IndexName']}" if request.get("IndexName") else ""
    return [
        form.format(request[member]) + index for member, form in _NAMED.get(service, {}).items() if request.get(member)
    ]


def _glue(action: str, request: Mapping[str, Any]) -> list[str]:
    """A table's right is asked for on the catalog, on its database and on itself."""
    name = request.get("Name")
    if "Crawler" in action:
        return [f"crawler/{name or request.get('CrawlerName')}"]
    if "Job" in action:
        return [f"job/{request.get('JobName') or name}"]
    database = request.get("DatabaseName") or (name if action.endswith("Database") else None)
    table = request.get("TableName") or (request.get("TableInput") or {}).get("Name")
    if action.endswith("Table"):
        table = table or name
    if action == "GetTables":
        # As many as match; the right is asked for on each.
        table = "*"
    resources = ["catalog"]
    if database:
        resources.append(f"database/{database}")
    if table:
        resources.append(f"table/{database}/{table}")
    return resources


def _statements(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The kind of each PartiQL statement, as its right is named, and its table."""
    statements = request.get("Statements") or request.get("TransactStatements") or [request]
    for statement in statements:
        if found := _STATEMENT.match(str(statement.get("Statement", ""))):
            yield found[1].split()[0].capitalize(), found[2]
