"""Delivery streams themselves: described, changed, refused, deleted, also by templates; and what CloudWatch is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.conftest import start_platform, stop_platform
from tests.local.firehose.conftest import APPEND_NEWLINE, Aws

ROLE = "arn:aws:iam::000000000000:role/archive"


def refusal(operation: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        operation(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def described(aws: Aws, name: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("firehose").describe_delivery_stream(DeliveryStreamName=name)
    description: dict[str, Any] = found["DeliveryStreamDescription"]
    return description


def test_a_description_says_what_was_asked_for(aws: Aws) -> None:
    source = aws.make_stream("described")
    aws.deliver("described", "arn:aws:s3:::described", source, Prefix="p/", ProcessingConfiguration=APPEND_NEWLINE)
    found = described(aws, "described")
    assert found["DeliveryStreamARN"] == "arn:aws:firehose:us-east-1:000000000000:deliverystream/described"
    assert (found["DeliveryStreamStatus"], found["DeliveryStreamType"], found["VersionId"]) == (
        "ACTIVE",
        "KinesisStreamAsSource",
        "1",
    )
    assert found["Source"]["KinesisStreamSourceDescription"]["KinesisStreamARN"] == source
    (destination,) = found["Destinations"]
    extended = destination["ExtendedS3DestinationDescription"]
    assert (extended["BucketARN"], extended["Prefix"], extended["CompressionFormat"]) == (
        "arn:aws:s3:::described",
        "p/",
        "UNCOMPRESSED",
    )
    assert extended["BufferingHints"] == {"SizeInMBs": 1, "IntervalInSeconds": 1}
    assert extended["ProcessingConfiguration"] == APPEND_NEWLINE
    assert "ProcessingConfiguration" not in destination["S3DestinationDescription"]


def test_what_is_not_carried_out_is_refused(aws: Aws) -> None:
    firehose = aws.client("firehose")
    bucket = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::bucket"}
    settings: list[tuple[dict[str, Any], str]] = [
        ({"CompressionFormat": "Snappy"}, "UNCOMPRESSED or GZIP, not Snappy"),
        ({"S3BackupMode": "Enabled"}, "S3BackupMode"),
        ({"DynamicPartitioningConfiguration": {"Enabled": True}}, "DynamicPartitioningConfiguration"),
        ({"DataFormatConversionConfiguration": {"Enabled": True}}, "DataFormatConversionConfiguration"),
        ({"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda"}]}}, "no processor Lambda"),
        ({"Prefix": "!{timestamp:yyyy}/"}, "ErrorOutputPrefix"),
        ({"BucketARN": "arn:aws:s3:::B"}, "is not the ARN of an S3 bucket"),
        ({"CustomTimeZone": "Nowhere/City"}, "Nowhere/City"),
    ]
    for each, words in settings:
        code, message = refusal(
            firehose.create_delivery_stream,
            DeliveryStreamName="refused",
            ExtendedS3DestinationConfiguration={**bucket, **each},
        )
        assert code == "InvalidArgumentException"
        assert words in message
    code, message = refusal(
        firehose.create_delivery_stream,
        DeliveryStreamName="refused",
        HttpEndpointDestinationConfiguration={
            "EndpointConfiguration": {"Url": "https://example.com"},
            "S3Configuration": bucket,
        },
    )
    assert (code, "delivers to S3 only" in message) == ("InvalidArgumentException", True)
    source = {"KinesisStreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/nowhere", "RoleARN": ROLE}
    code, _ = refusal(
        firehose.create_delivery_stream,
        DeliveryStreamName="refused",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration=source,
        ExtendedS3DestinationConfiguration=bucket,
    )
    assert code == "ResourceNotFoundException"
    assert "refused" not in firehose.list_delivery_streams(Limit=100)["DeliveryStreamNames"]


def test_puts_have_limits(aws: Aws) -> None:
    firehose = aws.client("firehose")
    aws.deliver("limited", "arn:aws:s3:::limited")
    large = {"Data": b"x" * 1_024_000}
    assert firehose.put_record(DeliveryStreamName="limited", Record=large)["RecordId"]
    for records in ([{"Data": b"x" * 1_024_001}], [large] * 5):
        code, _ = refusal(firehose.put_record_batch, DeliveryStreamName="limited", Records=records)
        assert code == "InvalidArgumentException"
    code, _ = refusal(firehose.put_record_batch, DeliveryStreamName="limited", Records=[{"Data": b"x"}] * 501)
    assert code == "ValidationException"
    aws.deliver("sourced", "arn:aws:s3:::limited", aws.make_stream("sourced"))
    code, _ = refusal(firehose.put_record, DeliveryStreamName="sourced", Record={"Data": b"x"})
    assert code == "InvalidSourceException"


def test_an_update_needs_the_version_it_changes(aws: Aws) -> None:
    firehose = aws.client("firehose")
    aws.deliver("versioned", "arn:aws:s3:::versioned", Prefix="p/")
    change = {
        "DeliveryStreamName": "versioned",
        "DestinationId": described(aws, "versioned")["Destinations"][0]["DestinationId"],
        "ExtendedS3DestinationUpdate": {"CompressionFormat": "GZIP"},
    }
    assert refusal(firehose.update_destination, CurrentDeliveryStreamVersionId="9", **change)[0] == (
        "ConcurrentModificationException"
    )
    firehose.update_destination(CurrentDeliveryStreamVersionId="1", **change)
    found = described(aws, "versioned")
    extended = found["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert (found["VersionId"], extended["Prefix"], extended["CompressionFormat"]) == ("2", "p/", "GZIP")


def test_lists_tags_encryption_and_deletion(aws: Aws) -> None:
    firehose = aws.client("firehose")
    for name in ("listed-a", "listed-b", "listed-c"):
        aws.deliver(name, "arn:aws:s3:::listed")
    page = firehose.list_delivery_streams(Limit=2, ExclusiveStartDeliveryStreamName="listed-")
    assert (page["DeliveryStreamNames"], page["HasMoreDeliveryStreams"]) == (["listed-a", "listed-b"], True)
    firehose.tag_delivery_stream(DeliveryStreamName="listed-a", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b"}])
    firehose.untag_delivery_stream(DeliveryStreamName="listed-a", TagKeys=["b"])
    tags = firehose.list_tags_for_delivery_stream(DeliveryStreamName="listed-a")["Tags"]
    assert tags == [{"Key": "a", "Value": "1"}]
    firehose.start_delivery_stream_encryption(DeliveryStreamName="listed-a")
    assert described(aws, "listed-a")["DeliveryStreamEncryptionConfiguration"]["Status"] == "ENABLED"
    firehose.stop_delivery_stream_encryption(DeliveryStreamName="listed-a")
    assert described(aws, "listed-a")["DeliveryStreamEncryptionConfiguration"]["Status"] == "DISABLED"
    assert refusal(
        firehose.create_delivery_stream,
        DeliveryStreamName="listed-a",
        ExtendedS3DestinationConfiguration={"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::listed"},
    )[0] == ("ResourceInUseException")
    firehose.delete_delivery_stream(DeliveryStreamName="listed-a")
    assert refusal(firehose.describe_delivery_stream, DeliveryStreamName="listed-a") == (
        "ResourceNotFoundException",
        "Firehose listed-a under account 000000000000 not found.",
    )


def test_a_template_makes_changes_and_removes_a_delivery_stream(aws: Aws) -> None:
    cloudformation = aws.client("cloudformation")
    bucket, source = aws.make_bucket("templated"), aws.make_stream("templated")

    def template(**destination: Any) -> str:
        properties = {
            "DeliveryStreamName": "templated",
            "DeliveryStreamType": "KinesisStreamAsSource",
            "KinesisStreamSourceConfiguration": {"KinesisStreamARN": source, "RoleARN": ROLE},
            "ExtendedS3DestinationConfiguration": {
                "BucketARN": bucket,
                "RoleARN": ROLE,
                "BufferingHints": {"SizeInMBs": {"Ref": "Megabytes"}, "IntervalInSeconds": 1},
                **destination,
            },
        }
        resource = {"Type": "AWS::KinesisFirehose::DeliveryStream", "Properties": properties}
        return json.dumps(
            {
                "Parameters": {"Megabytes": {"Type": "Number", "Default": 64}},
                "Resources": {"Archive": resource},
                "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Archive", "Arn"]}}},
            }
        )

    def wait(operation: str) -> None:
        waiter = cloudformation.get_waiter(f"stack_{operation}_complete")
        waiter.wait(StackName="firehose", WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    cloudformation.create_stack(StackName="firehose", TemplateBody=template(Prefix="a/"))
    wait("create")
    found = described(aws, "templated")
    extended = found["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert extended["BufferingHints"] == {"SizeInMBs": 64, "IntervalInSeconds": 1}
    (stack,) = cloudformation.describe_stacks(StackName="firehose")["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == found["DeliveryStreamARN"]
    cloudformation.update_stack(StackName="firehose", TemplateBody=template(Prefix="b/", CompressionFormat="GZIP"))
    wait("update")
    aws.client("kinesis").put_record(StreamName="templated", Data=b"row", PartitionKey="k")
    (key,) = aws.wait_for_objects("templated", 1)
    assert key.startswith("b/")
    assert key.endswith(".gz")
    cloudformation.update_stack(StackName="firehose", TemplateBody=template(CompressionFormat="ZIP"))
    with pytest.raises(WaiterError):
        wait("update")
    extended = described(aws, "templated")["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert extended["CompressionFormat"] == "GZIP"
    cloudformation.delete_stack(StackName="firehose")
    wait("delete")
    assert "templated" not in aws.client("firehose").list_delivery_streams(Limit=100)["DeliveryStreamNames"]


def test_cloudwatch_is_told_what_was_delivered(tmp_path: Path) -> None:
    running = start_platform(tmp_path / "var")
    try:
        aws = Aws(running.endpoint)
        aws.deliver("metered", aws.make_bucket("metered"), ProcessingConfiguration=APPEND_NEWLINE)
        records = [{"Data": b"1234567890"}] * 30
        aws.client("firehose").put_record_batch(DeliveryStreamName="metered", Records=records)
        aws.wait_for_lines("metered", 30)
        stop_platform(running)
        running = start_platform(tmp_path / "var")
        aws = Aws(running.endpoint)
        assert sums(aws) == {
            "IncomingRecords": 30,
            "IncomingBytes": 300,
            "DeliveryToS3.Records": 30,
            "DeliveryToS3.Bytes": 300,
            "DeliveryToS3.Success": 1,
        }
        freshness = statistics(aws, "DeliveryToS3.DataFreshness", "Maximum")
        assert 0.5 < freshness < 15
    finally:
        stop_platform(running)


def sums(aws: Aws) -> dict[str, float]:
    names = ("IncomingRecords", "IncomingBytes", "DeliveryToS3.Records", "DeliveryToS3.Bytes", "DeliveryToS3.Success")
    return {name: statistics(aws, name, "Sum") for name in names}


def statistics(aws: Aws, metric: str, statistic: str) -> float:
    """The last minutes' largest value of that statistic."""
    found = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Firehose",
        MetricName=metric,
        Dimensions=[{"Name": "DeliveryStreamName", "Value": "metered"}],
        StartTime=datetime.now(UTC) - timedelta(minutes=5),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=600,
        Statistics=[statistic],
    )["Datapoints"]
    return float(max(each[statistic] for each in found))
