"""The record of calls: the right that each call needs, as IAM names it, and whose call it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import Platform, start_platform, stop_platform
from tests.waiting import wait_until

ARN = "arn:aws:{}:us-east-1:000000000000:{}"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LOCAL_RECORD_CALLS", "1")
        platform = start_platform(tmp_path_factory.mktemp("recording"))
    yield platform
    stop_platform(platform)


@pytest.fixture
def rights(recording: Platform, request: pytest.FixtureRequest) -> Any:
    """Gives a client of a service, and the (action, resource) pairs of all calls that this test has made."""
    principal = request.node.name

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=recording.endpoint,
            region_name="us-east-1",
            aws_access_key_id=principal,
            aws_secret_access_key="any",
        )

    def recorded() -> list[tuple[str, str]]:
        calls = map(json.loads, (recording.var / "calls.jsonl").read_text().splitlines())
        return [(call["action"], call["resource"]) for call in calls if call["principal"] == principal]

    return client, recorded


def test_s3_by_bucket_and_object(rights: Any) -> None:
    client, recorded = rights
    s3 = client("s3")
    s3.create_bucket(Bucket="rights")
    s3.put_object(Bucket="rights", Key="a/b", Body=b"x")
    s3.head_object(Bucket="rights", Key="a/b")
    s3.list_objects_v2(Bucket="rights")
    s3.copy_object(Bucket="rights", Key="c", CopySource={"Bucket": "rights", "Key": "a/b"})
    upload = s3.create_multipart_upload(Bucket="rights", Key="d")["UploadId"]
    s3.list_parts(Bucket="rights", Key="d", UploadId=upload)
    s3.abort_multipart_upload(Bucket="rights", Key="d", UploadId=upload)
    s3.delete_objects(Bucket="rights", Delete={"Objects": [{"Key": "a/b"}, {"Key": "c"}]})
    assert recorded() == [
        ("s3:CreateBucket", "arn:aws:s3:::rights"),
        ("s3:PutObject", "arn:aws:s3:::rights/a/b"),
        ("s3:GetObject", "arn:aws:s3:::rights/a/b"),
        ("s3:ListBucket", "arn:aws:s3:::rights"),
        ("s3:PutObject", "arn:aws:s3:::rights/c"),
        ("s3:PutObject", "arn:aws:s3:::rights/d"),
        ("s3:ListMultipartUploadParts", "arn:aws:s3:::rights/d"),
        ("s3:AbortMultipartUpload", "arn:aws:s3:::rights/d"),
        ("s3:DeleteObject", "arn:aws:s3:::rights/a/b"),
        ("s3:DeleteObject", "arn:aws:s3:::rights/c"),
    ]


def test_glue_on_catalog_database_and_table(rights: Any) -> None:
    client, recorded = rights
    glue = client("glue")
    glue.create_database(DatabaseInput={"Name": "base"})
    glue.create_table(DatabaseName="base", TableInput={"Name": "one"})
    glue.get_partitions(DatabaseName="base", TableName="one")
    assert set(recorded()) >= {
        ("glue:CreateTable", ARN.format("glue", "catalog")),
        ("glue:CreateTable", ARN.format("glue", "database/base")),
        ("glue:CreateTable", ARN.format("glue", "table/base/one")),
        ("glue:GetPartitions", ARN.format("glue", "table/base/one")),
    }


def test_a_stream_by_its_iterator(rights: Any) -> None:
    client, recorded = rights
    kinesis = client("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    shard = kinesis.list_shards(StreamName="clicks")["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName="clicks", ShardId=shard, ShardIteratorType="LATEST")
    kinesis.get_records(ShardIterator=iterator["ShardIterator"])
    assert recorded()[-1] == ("kinesis:GetRecords", ARN.format("kinesis", "stream/clicks"))


def test_dynamodb_by_table_index_and_statement(rights: Any) -> None:
    client, recorded = rights
    dynamodb = client("dynamodb")
    key = {"AttributeName": "pk", "KeyType": "HASH"}
    dynamodb.create_table(
        TableName="counts",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[key],
        GlobalSecondaryIndexes=[{"IndexName": "by-key", "KeySchema": [key], "Projection": {"ProjectionType": "ALL"}}],
    )
    values = {":pk": {"S": "1"}}
    dynamodb.query(
        TableName="counts", IndexName="by-key", KeyConditionExpression="pk=:pk", ExpressionAttributeValues=values
    )
    dynamodb.batch_execute_statement(Statements=[{"Statement": "INSERT INTO \"counts\" VALUE {'pk': '1'}"}])
    dynamodb.batch_get_item(RequestItems={"counts": {"Keys": [{"pk": {"S": "1"}}]}})
    assert recorded()[1:] == [
        ("dynamodb:Query", ARN.format("dynamodb", "table/counts/index/by-key")),
        ("dynamodb:PartiQLInsert", ARN.format("dynamodb", "table/counts")),
        ("dynamodb:BatchGetItem", ARN.format("dynamodb", "table/counts")),
    ]


def test_a_batch_needs_the_right_of_the_single_call(rights: Any) -> None:
    client, recorded = rights
    sqs = client("sqs")
    queue = sqs.create_queue(QueueName="mails")["QueueUrl"]
    sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": "x"}])
    topic = client("sns").create_topic(Name="alerts")["TopicArn"]
    client("sns").publish(TopicArn=topic, Message="x")
    assert ("sqs:SendMessage", ARN.format("sqs", "mails")) in recorded()
    assert ("sns:Publish", topic) in recorded()


def test_athena_by_the_workgroup_of_the_query_which_has_the_rights_of_who_asks(rights: Any) -> None:
    client, recorded = rights
    athena = client("athena")
    client("s3").create_bucket(Bucket="answers")
    athena.create_work_group(Name="ours", Configuration={"ResultConfiguration": {"OutputLocation": "s3://answers/"}})
    query = athena.start_query_execution(QueryString="select 1", WorkGroup="ours")["QueryExecutionId"]
    athena.get_query_execution(QueryExecutionId=query)
    assert ("athena:GetQueryExecution", ARN.format("athena", "workgroup/ours")) in recorded()
    result = ("s3:PutObject", f"arn:aws:s3:::answers/{query}.csv")
    wait_until(lambda: result in recorded())


def test_work_in_the_platforms_own_process_is_its_roles(rights: Any, request: pytest.FixtureRequest) -> None:
    client, recorded = rights
    client("s3").create_bucket(Bucket="crawled")
    client("s3").put_object(Bucket="crawled", Key="events/a.csv", Body=b"user,price\n1,2.5\n")
    glue = client("glue")
    glue.create_database(DatabaseInput={"Name": "found"})
    glue.create_crawler(
        Name="crawler",
        Role=f"arn:aws:iam::000000000000:role/{request.node.name}",
        DatabaseName="found",
        Targets={"S3Targets": [{"Path": "s3://crawled/events/"}]},
    )
    glue.start_crawler(Name="crawler")
    wait_until(lambda: glue.get_crawler(Name="crawler")["Crawler"]["State"] == "READY")
    assert set(recorded()) >= {
        ("s3:ListBucket", "arn:aws:s3:::crawled"),
        ("s3:GetObject", "arn:aws:s3:::crawled/events/a.csv"),
        ("glue:CreateTable", ARN.format("glue", "table/found/events")),
        ("logs:PutLogEvents", ARN.format("logs", "log-group:/aws-glue/crawlers:log-stream:")),
    }


def test_metrics_with_their_namespace(rights: Any, recording: Platform) -> None:
    client, _ = rights
    client("cloudwatch").put_metric_data(Namespace="Ours", MetricData=[{"MetricName": "One", "Value": 1}])
    calls = [json.loads(line) for line in (recording.var / "calls.jsonl").read_text().splitlines()]
    assert ("Ours", "*") in [
        (call["namespace"], call["resource"]) for call in calls if call["action"] == "cloudwatch:PutMetricData"
    ]


def test_nothing_is_written_down_unless_asked_for(platform: Platform) -> None:
    boto3.client("s3", endpoint_url=platform.endpoint).list_buckets()
    assert not Path(platform.var / "calls.jsonl").exists()
