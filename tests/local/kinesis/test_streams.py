"""Streams themselves: created, described, changed, deleted, also by templates."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import WaiterError

from tests.conftest import Platform
from tests.local.kinesis.conftest import MakeStream, client, put, read, refusal, shard


def summary(kinesis: Any, stream: str) -> dict[str, Any]:
    found: dict[str, Any] = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    return found


def test_names_and_counts_are_checked(platform: Platform, kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    assert refusal(kinesis.create_stream, StreamName=stream, ShardCount=1) == (
        "ResourceInUseException",
        f"Stream {stream} under account 000000000000 already exists.",
    )
    unchecked = client(platform, Config(parameter_validation=False))
    assert refusal(unchecked.create_stream, StreamName="a b/c", ShardCount=0) == (
        "ValidationException",
        "2 validation errors detected: Value 'a b/c' at 'streamName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value '0' at 'shardCount' failed to satisfy "
        "constraint: Member must have value greater than or equal to 1",
    )


def test_a_deleted_stream_is_gone_with_its_records(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    put(kinesis, stream, b"old")
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard(0), ShardIteratorType="TRIM_HORIZON")
    kinesis.delete_stream(StreamName=stream)
    assert refusal(kinesis.get_records, **{"ShardIterator": iterator["ShardIterator"]})[0] == (
        "ResourceNotFoundException"
    )
    kinesis.get_waiter("stream_not_exists").wait(StreamName=stream)
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=stream)
    assert read(kinesis, stream) == []
    with pytest.raises(WaiterError):
        kinesis.get_waiter("stream_not_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1, "MaxAttempts": 1})


def test_streams_with_consumers_are_deleted_when_forced(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    arn = summary(kinesis, stream)["StreamARN"]
    kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader")
    assert summary(kinesis, stream)["ConsumerCount"] == 1
    assert refusal(kinesis.delete_stream, StreamName=stream)[0] == "ResourceInUseException"
    kinesis.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    assert summary(kinesis, stream)["ConsumerCount"] == 0


def test_streams_are_listed_in_pages(kinesis: Any) -> None:
    names = [f"listed-{n}" for n in range(5)]
    for name in names:
        kinesis.create_stream(StreamName=name, ShardCount=1)
    page = kinesis.list_streams(Limit=2, ExclusiveStartStreamName="listed-")
    assert (page["StreamNames"], page["HasMoreStreams"]) == (names[:2], True)
    page = kinesis.list_streams(Limit=2, NextToken=page["NextToken"])
    assert [each["StreamName"] for each in page["StreamSummaries"]] == names[2:4]


def test_tags(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"a": "1", "b": "2", "c": "3"})
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["b"])
    page = kinesis.list_tags_for_stream(StreamName=stream, Limit=1)
    assert (page["Tags"], page["HasMoreTags"]) == ([{"Key": "a", "Value": "1"}], True)
    arn = summary(kinesis, stream)["StreamARN"]
    kinesis.tag_resource(ResourceARN=arn, Tags={"d": "4"})
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["a"])
    tags = kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"c": "3", "d": "4"}


def test_retention_is_between_a_day_and_a_year(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    assert summary(kinesis, stream)["RetentionPeriodHours"] == 48
    for operation, hours, words in (
        (kinesis.increase_stream_retention_period, 24, "can not be shorter than existing retention period (48 hours)"),
        (kinesis.decrease_stream_retention_period, 72, "can not be longer than existing retention period (48 hours)"),
        (kinesis.decrease_stream_retention_period, 23, "Minimum allowed retention period is 24 hours"),
        (kinesis.increase_stream_retention_period, 8761, "Maximum allowed retention period is 8760 hours"),
    ):
        code, message = refusal(operation, StreamName=stream, RetentionPeriodHours=hours)
        assert code == "InvalidArgumentException"
        assert words in message
    kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=24)
    assert summary(kinesis, stream)["RetentionPeriodHours"] == 24


def test_mode_encryption_and_monitoring(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    put(kinesis, stream, b"plain")
    kinesis.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    answer = kinesis.put_record(StreamName=stream, Data=b"encrypted", PartitionKey="k")
    assert answer["EncryptionType"] == "KMS"
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard(0), ShardIteratorType="TRIM_HORIZON")
    records = kinesis.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [record.get("EncryptionType") for record in records] == [None, "KMS"]
    assert summary(kinesis, stream)["KeyId"] == "alias/aws/kinesis"
    kinesis.stop_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    assert summary(kinesis, stream)["EncryptionType"] == "NONE"
    kinesis.update_stream_mode(
        StreamARN=summary(kinesis, stream)["StreamARN"], StreamModeDetails={"StreamMode": "ON_DEMAND"}
    )
    assert summary(kinesis, stream)["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingBytes", "IncomingRecords"])
    changed = kinesis.disable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingBytes"])
    assert changed["DesiredShardLevelMetrics"] == ["IncomingRecords"]
    assert summary(kinesis, stream)["EnhancedMonitoring"] == [{"ShardLevelMetrics": ["IncomingRecords"]}]


def test_a_dry_run_writes_nothing(kinesis: Any, make_stream: MakeStream) -> None:
    stream = make_stream()
    code, _ = refusal(kinesis.put_record, StreamName=stream, Data=b"x", PartitionKey="k", DryRun=True)
    assert code == "DryRunOperationException"
    assert read(kinesis, stream) == []


def test_a_template_makes_changes_and_removes_a_stream(platform: Platform, kinesis: Any) -> None:
    cloudformation = boto3.client("cloudformation", endpoint_url=platform.endpoint)

    def template(**properties: Any) -> str:
        streams = {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": "templated-stream", **properties}}
        output = {"Value": {"Fn::GetAtt": ["Stream", "Arn"]}}
        return json.dumps(
            {
                "Parameters": {"Hours": {"Type": "Number", "Default": 48}},
                "Resources": {"Stream": streams},
                "Outputs": {"Arn": output},
            }
        )

    cloudformation.create_stack(
        StackName="kinesis",
        TemplateBody=template(
            StreamModeDetails={"StreamMode": "ON_DEMAND"},
            RetentionPeriodHours={"Ref": "Hours"},
            StreamEncryption={"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"},
            Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
        ),
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="kinesis", WaiterConfig={"Delay": 1})
    found = summary(kinesis, "templated-stream")
    assert (found["OpenShardCount"], found["RetentionPeriodHours"], found["EncryptionType"]) == (4, 48, "KMS")
    (stack,) = cloudformation.describe_stacks(StackName="kinesis")["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == found["StreamARN"]
    put(kinesis, "templated-stream", b"kept")
    cloudformation.update_stack(
        StackName="kinesis",
        TemplateBody=template(
            ShardCount=3, StreamModeDetails={"StreamMode": "PROVISIONED"}, Tags=[{"Key": "b", "Value": "3"}]
        ),
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName="kinesis", WaiterConfig={"Delay": 1})
    found = summary(kinesis, "templated-stream")
    assert (found["OpenShardCount"], found["RetentionPeriodHours"], found["EncryptionType"]) == (3, 24, "NONE")
    tags = kinesis.list_tags_for_stream(StreamName="templated-stream")["Tags"]
    assert [tag for tag in tags if not tag["Key"].startswith("aws:")] == [{"Key": "b", "Value": "3"}]
    kept = [data for index in range(4) for data in read(kinesis, "templated-stream", index)]
    assert kept == [b"kept"]
    cloudformation.delete_stack(StackName="kinesis")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="kinesis", WaiterConfig={"Delay": 1})
    assert refusal(kinesis.describe_stream, StreamName="templated-stream")[0] == "ResourceNotFoundException"


def test_a_property_that_nothing_carries_out_fails_the_stack(platform: Platform) -> None:
    cloudformation = boto3.client("cloudformation", endpoint_url=platform.endpoint)
    properties = {"Name": "refused", "ShardCount": 1, "WarmThroughputMiBps": 5}
    body = {"Resources": {"Stream": {"Type": "AWS::Kinesis::Stream", "Properties": properties}}}
    cloudformation.create_stack(StackName="refused", TemplateBody=json.dumps(body), OnFailure="DO_NOTHING")
    with pytest.raises(WaiterError):
        cloudformation.get_waiter("stack_create_complete").wait(StackName="refused", WaiterConfig={"Delay": 1})
    events = cloudformation.describe_stack_events(StackName="refused")["StackEvents"]
    assert any("does not carry out WarmThroughputMiBps" in event.get("ResourceStatusReason", "") for event in events)


def test_limits_count_what_is_there(kinesis: Any, make_stream: MakeStream) -> None:
    before = kinesis.describe_limits()
    provisioned = make_stream(3)
    kinesis.create_stream(StreamName=f"{provisioned}-on-demand", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    after = kinesis.describe_limits()
    assert after["OpenShardCount"] - before["OpenShardCount"] == 3
    assert after["OnDemandStreamCount"] - before["OnDemandStreamCount"] == 1
    assert (after["ShardLimit"], after["OnDemandStreamCountLimit"]) == (20_000, 50)
