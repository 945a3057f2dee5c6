"""Requests in CBOR, as AWS's SDK for Java sends them, are answered in CBOR."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import pytest

from local import cbor
from local.api_model import input_shape, output_shape
from tests.conftest import Platform
from tests.local.kinesis.conftest import MakeStream, put, read, shard


def call(platform: Platform, action: str, body: bytes) -> tuple[int, Any]:
    """Status and content of the answer to a request whose body is already CBOR."""
    headers = {
        "Content-Type": cbor.CONTENT_TYPE,
        "X-Amz-Target": f"Kinesis_20131202.{action}",
        "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/kinesis/aws4_request",
    }
    request = urllib.request.Request(platform.endpoint, body, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            assert answer.headers["Content-Type"] == cbor.CONTENT_TYPE
            return answer.status, cbor.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, cbor.loads(error.read())


# Taken from RFC 8949, appendix A.
@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("1b000000e8d4a51000", 1000000000000),
        ("3903e7", -1000),
        ("fb3ff199999999999a", 1.1),
        ("f93e00", 1.5),
        ("f6", None),
        ("f5", True),
        ("43010203", "AQID"),
        ("62c3bc", "ü"),
        ("5f42010243030405ff", "AQIDBAU="),
        ("7f657374726561646d696e67ff", "streaming"),
        ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
        ("a26161016162820203", {"a": 1, "b": [2, 3]}),
        ("c11b0000018bcfe5687b", 1700000000.123),
    ],
)
def test_values_are_read(encoded: str, value: Any) -> None:
    assert cbor.loads(bytes.fromhex(encoded)) == value


@pytest.mark.parametrize("encoded", ["", "a1", "6261", "9f01", "ff", "81ff", "0000", "1c"])
def test_what_is_no_cbor_is_an_error(encoded: str) -> None:
    with pytest.raises(ValueError, match=r"it ends early|follow its end"):
        cbor.loads(bytes.fromhex(encoded))


def test_values_are_written_by_their_shape() -> None:
    record = {"SequenceNumber": "7", "ApproximateArrivalTimestamp": 1700000000.123, "Data": "AQID", "PartitionKey": "k"}
    answer = {"Records": [record] * 300, "MillisBehindLatest": 70_000, "NextShardIterator": None}
    written = cbor.dumps(answer, output_shape("kinesis", "GetRecords"))
    assert written.count(bytes.fromhex("c11b0000018bcfe5687b")) == 300
    assert written.count(bytes.fromhex("43010203")) == 300
    assert cbor.loads(written) == answer


def test_records_go_in_and_out_in_cbor(platform: Platform, kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    entry = {"Data": "/wAB", "PartitionKey": "k"}
    body = cbor.dumps({"StreamName": stream, "Records": [entry] * 3}, input_shape("kinesis", "PutRecords"))
    status, answer = call(platform, "PutRecords", body)
    assert (status, answer["FailedRecordCount"]) == (200, 0)
    assert read(kinesis, stream) == [b"\xff\x00\x01"] * 3
    (number,) = put(kinesis, stream, b"json")
    where = {"StreamName": stream, "ShardId": shard(0), "ShardIteratorType": "TRIM_HORIZON"}
    _, token = call(platform, "GetShardIterator", cbor.dumps(where, None))
    _, found = call(platform, "GetRecords", cbor.dumps({"ShardIterator": token["ShardIterator"]}, None))
    assert [record["Data"] for record in found["Records"]] == ["/wAB"] * 3 + ["anNvbg=="]
    last = found["Records"][-1]
    assert last["SequenceNumber"] == number
    at = {**where, "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": last["ApproximateArrivalTimestamp"]}
    _, token = call(platform, "GetShardIterator", cbor.dumps(at, input_shape("kinesis", "GetShardIterator")))
    _, found = call(platform, "GetRecords", cbor.dumps({"ShardIterator": token["ShardIterator"]}, None))
    assert found["Records"] == [last]


def test_errors_and_consumers_are_answered_in_cbor(platform: Platform, kinesis: Any, make_stream: MakeStream) -> None:
    status, answer = call(platform, "DescribeStream", cbor.dumps({"StreamName": "nowhere"}, None))
    assert (status, answer["__type"]) == (400, "ResourceNotFoundException")
    status, answer = call(platform, "DescribeStream", b"\xa1")
    assert (status, answer["__type"]) == (400, "SerializationException")
    arn = kinesis.describe_stream_summary(StreamName=make_stream())["StreamDescriptionSummary"]["StreamARN"]
    body = cbor.dumps({"StreamARN": arn, "ConsumerName": "reader"}, None)
    status, answer = call(platform, "RegisterStreamConsumer", body)
    assert (status, answer["Consumer"]["ConsumerName"]) == (200, "reader")
