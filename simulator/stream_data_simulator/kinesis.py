"""The stream, and PutRecords at a fraction of its usual price.

botocore turns each record into dictionaries and back, which is most of what a batch of 500 costs. Here the request's
text is made in one go and the answer is read by `json` alone, through botocore's events, so that endpoints, signing,
proxies and credentials remain its own.
"""

from __future__ import annotations

import json
from binascii import b2a_base64
from collections.abc import Sequence
from typing import Any, NamedTuple

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NotConnectedError

from .errors import SimulatorError

# AWS API reference, PutRecords: 500 records and 10 MiB a request, partition keys included; 1 MiB a record, unless the
# stream's own limit was raised.
MAX_RECORDS = 500
MAX_REQUEST_BYTES = 10 << 20
MAX_RECORD_BYTES = 1 << 20
# Errors of a whole request that pass; any other is the caller's to mend.
PASSING_ERRORS = {
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "ThrottlingException",
    "Throttling",
    "KMSThrottlingException",
    "InternalFailure",
    "InternalFailureException",
    "ServiceUnavailable",
    "RequestTimeout",
    "SlowDown",
}
# A stream that Flink reads carries this tag: its connector does not take aggregated records apart (FLINK-32097).
READER_TAG, FLINK = "ecomm:reader", "flink"

# An answer later than that is taken for none.
READ_SECONDS = 30

Answer = dict[str, str]  # ShardId and SequenceNumber, or ErrorCode and ErrorMessage


class Record(NamedTuple):
    """One record of the stream."""

    data: bytes
    key: bytes  # UTF-8
    parts: tuple[bytes, ...] = ()  # the events of an aggregated record; a plain one is its own event
    hash_key: bytes = b""  # where given, it chooses the shard in place of the key

    @property
    def size(self) -> int:
        """Bytes as AWS counts them."""
        return len(self.data) + len(self.key)

    @property
    def events(self) -> tuple[bytes, ...]:
        return self.parts or (self.data,)


class RefusedError(Exception):
    """A whole request failed, and trying again may help.

    perhaps_stored: whether its records may be in the stream all the same, since no proper answer came.
    """

    def __init__(self, code: str, message: str, perhaps_stored: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.perhaps_stored = perhaps_stored


class Stream:
    """A stream to write to."""

    def __init__(self, name: str, session: Any, in_flight: int) -> None:
        """`session` is a boto3 session. Raises SimulatorError where the stream cannot be written to."""
        self.name = name
        self._client = session.client(
            "kinesis",
            config=Config(
                max_pool_connections=in_flight,
                parameter_validation=False,
                read_timeout=READ_SECONDS,
                # Retries are the sender's: it knows which records failed.
                retries={"total_max_attempts": 1},
            ),
        )
        self._start = b'{"StreamName":%b,"Records":[' % json.dumps(name).encode()
        events = self._client.meta.events
        events.register("provide-client-params.kinesis.PutRecords", _take_body)
        events.register("before-call.kinesis.PutRecords", _give_body)
        events.register("before-parse.kinesis.PutRecords", _take_answers)
        summary = self._call(self._client.describe_stream_summary, StreamName=name)["StreamDescriptionSummary"]
        if summary["StreamStatus"] not in {"ACTIVE", "UPDATING"}:
            raise SimulatorError(f"Stream {name} is {summary['StreamStatus']}; wait until it is ACTIVE.")
        self.shards: int = summary["OpenShardCount"]
        self.on_demand: bool = summary.get("StreamModeDetails", {}).get("StreamMode") == "ON_DEMAND"

    def put(self, records: Sequence[Record]) -> tuple[list[Answer], dict[str, Any]]:
        """Sends one batch; one answer a record, in their order, and the request's metadata.

        Raises RefusedError where the whole request failed and may be repeated, SimulatorError where that cannot help.
        """
        body = self._start + _entries(records) + b"]}"
        try:
            response = self._client.put_records(Records=body)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if code in PASSING_ERRORS or status >= 500:
                raise RefusedError(
                    code, error.response["Error"].get("Message", ""), perhaps_stored=status >= 500
                ) from None
            raise _explained(self.name, error) from None
        except HTTPClientError as error:
            raise RefusedError(type(error).__name__, str(error), perhaps_stored=True) from None
        except NotConnectedError as error:
            raise RefusedError(type(error).__name__, str(error), perhaps_stored=False) from None
        except BotoCoreError as error:
            raise _explained(self.name, error) from None
        return response["Records"], response["ResponseMetadata"]

    def tags(self) -> dict[str, str]:
        answer = self._call(self._client.list_tags_for_stream, StreamName=self.name)
        return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}

    def hash_ranges(self) -> list[tuple[int, int]]:
        """First and last hash key of each open shard, in their order."""
        pages = self._call(self._client.get_paginator("list_shards").paginate, StreamName=self.name)
        try:
            shards = [shard for page in pages for shard in page["Shards"]]
        except (ClientError, BotoCoreError) as error:
            raise _explained(self.name, error) from None
        return sorted(
            (int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]))
            for shard in shards
            if "EndingSequenceNumber" not in shard["SequenceNumberRange"]
        )

    def _call(self, call: Any, **parameters: Any) -> Any:
        try:
            return call(**parameters)
        except (ClientError, BotoCoreError) as error:
            raise _explained(self.name, error) from None


def _entries(records: Sequence[Record]) -> bytes:
    if records[0].hash_key or not b"".join([key for _, key, _, _ in records]).isalnum():
        return b",".join([_entry_with_care(record) for record in records])
    return b",".join(
        [b'{"Data":"%b","PartitionKey":"%b"}' % (b2a_base64(data, newline=False), key) for data, key, _, _ in records]
    )


def _entry_with_care(record: Record) -> bytes:
    """Of a record with a hash key, or whose key JSON may have to escape."""
    key = json.dumps(record.key.decode(), ensure_ascii=False).encode()
    hash_key = b',"ExplicitHashKey":"%b"' % record.hash_key if record.hash_key else b""
    return b'{"Data":"%b","PartitionKey":%b%b}' % (b2a_base64(record.data, newline=False), key, hash_key)


def _take_body(params: dict[str, Any], context: dict[str, Any], **_: Any) -> dict[str, Any]:
    context["simulator_body"] = params["Records"]
    return {"Records": []}


def _give_body(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    params["body"] = context["simulator_body"]


def _take_answers(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    if response_dict["status_code"] == 200:
        customized_response_dict["Records"] = json.loads(response_dict["body"])["Records"]
        response_dict["body"] = b"{}"


def explain(error: Exception) -> str | None:
    """What is wrong and what to do, for errors that any AWS call may meet; None for others."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return (
            "There are no AWS credentials; log in (aws sso login, aws configure) or set AWS_ACCESS_KEY_ID and its kin."
        )
    if isinstance(error, NoRegionError):
        return "No AWS region is set; set AWS_DEFAULT_REGION, as in us-east-1."
    if isinstance(error, HTTPClientError | NotConnectedError):
        return (
            f"AWS does not answer ({error}). Check the network, and AWS_ENDPOINT_URL where it is set; "
            "the local platform is started by `make up`."
        )
    if isinstance(error, ClientError) and error.response["Error"]["Code"] in {
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "ExpiredToken",
        "ExpiredTokenException",
    }:
        return f"AWS does not take these credentials ({error.response['Error']['Message']}); log in anew."
    return None


def _explained(stream: str, error: Exception) -> SimulatorError:
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        if code == "ResourceNotFoundException":
            return SimulatorError(
                f"Stream {stream} does not exist here; deploy it first (make deploy), or name another by --stream or "
                "the variable kinesis_stream_name."
            )
        if code.startswith("AccessDenied"):
            return SimulatorError(f"Stream {stream} may not be used: {error.response['Error']['Message']}")
    return SimulatorError(explain(error) or f"Stream {stream}: {error}")
