"""Faults on demand: the operation that was named fails as it was asked to, so often or so long, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Platform, start_platform, stop_platform
from tests.faults import Faults
from tests.local.aws import client, without_retries
from tests.waiting import wait_until


@pytest.fixture
def faults(platform: Platform) -> Iterator[Faults]:
    asked = Faults(platform.endpoint)
    yield asked
    asked.clear()


@pytest.fixture(scope="module")
def table(platform: Platform) -> str:
    client(platform, "dynamodb").create_table(
        TableName="faults",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "faults"


def failed(operation: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        operation(**parameters)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_a_fault_happens_so_often_and_then_no_more(platform: Platform, faults: Faults, table: str) -> None:
    dynamodb = without_retries(platform, "dynamodb")
    faults.ask("dynamodb", "PutItem", "ProvisionedThroughputExceededException", times=2)
    item = {"TableName": table, "Item": {"pk": {"S": "a"}}}
    for _ in range(2):
        with pytest.raises(dynamodb.exceptions.ProvisionedThroughputExceededException):
            dynamodb.put_item(**item)
    assert dynamodb.get_item(TableName=table, Key={"pk": {"S": "a"}}).get("Item") is None
    assert faults("GET") == (200, [])
    dynamodb.put_item(**item)


def test_a_fault_lasts_so_long(platform: Platform, faults: Faults) -> None:
    sns = without_retries(platform, "sns")
    topic = sns.create_topic(Name="faults")["TopicArn"]
    faults.ask("sns", "Publish", "InternalError", status=500, seconds=5)
    assert failed(sns.publish, TopicArn=topic, Message="m") == ("InternalError", 500)
    status, (shown,) = faults("GET")
    assert (status, shown["happened"], 0 < shown["seconds"] <= 5) == (200, 1, True)

    def published() -> Any:
        try:
            return sns.publish(TopicArn=topic, Message="m")["MessageId"]
        except sns.exceptions.InternalErrorException:
            return None

    assert wait_until(published)


def test_retries_of_the_sdk_get_through_a_short_fault(platform: Platform, faults: Faults, table: str) -> None:
    faults.ask("dynamodb", "GetItem", "ThrottlingException", times=2)
    dynamodb = client(platform, "dynamodb", retries={"mode": "standard", "total_max_attempts": 5})
    answer = dynamodb.get_item(TableName=table, Key={"pk": {"S": "none"}})
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2


def test_statements_of_a_batch_are_refused_one_by_one(platform: Platform, faults: Faults, table: str) -> None:
    dynamodb = without_retries(platform, "dynamodb")
    statements = [
        {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': ?}}", "Parameters": [{"S": f"statement-{number}"}]}
        for number in range(5)
    ]
    faults.ask("dynamodb", "BatchExecuteStatement", "ThrottlingError", times=3)
    answers = dynamodb.batch_execute_statement(Statements=statements)["Responses"]
    assert [one.get("Error", {}).get("Code") for one in answers] == ["ThrottlingError"] * 3 + [None] * 2
    again = dynamodb.batch_execute_statement(Statements=statements)["Responses"]
    assert [one.get("Error", {}).get("Code") for one in again] == [None] * 3 + ["DuplicateItem"] * 2
    faults.ask("dynamodb", "BatchExecuteStatement", "ThrottlingError", times=5)
    answers = dynamodb.batch_execute_statement(Statements=statements)["Responses"]
    assert {one["Error"]["Code"] for one in answers} == {"ThrottlingError"}
    faults.ask("dynamodb", "BatchExecuteStatement", "ProvisionedThroughputExceededException", times=1)
    assert failed(dynamodb.batch_execute_statement, Statements=statements)[0] == (
        "ProvisionedThroughputExceededException"
    )


def test_items_of_a_batch_stay_unprocessed(platform: Platform, faults: Faults, table: str) -> None:
    dynamodb = without_retries(platform, "dynamodb")
    requests = [{"PutRequest": {"Item": {"pk": {"S": f"item-{number}"}}}} for number in range(4)]
    faults.ask("dynamodb", "BatchWriteItem", "UnprocessedItems", times=3)
    left = dynamodb.batch_write_item(RequestItems={table: requests})["UnprocessedItems"]
    assert left == {table: requests[:3]}
    assert dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"] == {}
    faults.ask("dynamodb", "BatchGetItem", "UnprocessedKeys", times=1)
    keys = {table: {"Keys": [{"pk": {"S": f"item-{number}"}} for number in range(4)], "ConsistentRead": True}}
    answer = dynamodb.batch_get_item(RequestItems=keys)
    assert len(answer["Responses"][table]) == 3
    assert answer["UnprocessedKeys"] == {table: {"Keys": [{"pk": {"S": "item-0"}}], "ConsistentRead": True}}


def test_each_service_fails_in_its_own_protocol(platform: Platform, faults: Faults) -> None:
    calls: list[tuple[str, str, str, dict[str, Any], int]] = [
        ("kinesis", "GetRecords", "ProvisionedThroughputExceededException", {"ShardIterator": "i"}, 400),
        ("lambda", "Invoke", "TooManyRequestsException", {"FunctionName": "none"}, 429),
        ("sqs", "SendMessage", "RequestThrottled", {"QueueUrl": f"{platform.endpoint}/q", "MessageBody": "m"}, 400),
        ("logs", "PutLogEvents", "ServiceUnavailableException", {"logGroupName": "g", "logStreamName": "s"}, 500),
        ("cloudwatch", "PutMetricData", "InternalServiceFault", {"Namespace": "N"}, 500),
    ]
    for service, action, error, parameters, status in calls:
        faults.ask(service, action, error, times=1, status=status)
        operation = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in action).strip("_")
        given = {**parameters, "logEvents": [{"timestamp": 1, "message": "m"}]} if service == "logs" else parameters
        code, found = failed(getattr(without_retries(platform, service), operation), **given)
        assert (service, code in (error, "InternalServiceError"), found) == (service, True, status)


def test_a_share_of_the_calls_fails(platform: Platform, faults: Faults, table: str) -> None:
    dynamodb = without_retries(platform, "dynamodb")
    faults.ask("dynamodb", "GetItem", "InternalServerError", seconds=60, share=0.5)
    codes: list[str | None] = []
    for _ in range(60):
        try:
            dynamodb.get_item(TableName=table, Key={"pk": {"S": "a"}})
            codes.append(None)
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert 5 < codes.count("InternalServerError") < 55
    assert set(codes) == {None, "InternalServerError"}


def test_a_delayed_call_goes_on_when_the_faults_are_cleared(platform: Platform, faults: Faults, table: str) -> None:
    faults.ask("dynamodb", "PutItem", delay=50, times=1)
    item = {"TableName": table, "Item": {"pk": {"S": "delayed"}}}
    dynamodb = without_retries(platform, "dynamodb")
    began = time.monotonic()
    with ThreadPoolExecutor() as other:
        putting = other.submit(dynamodb.put_item, **item)
        assert wait_until(lambda: faults("GET") == (200, []))  # It has happened as often as asked for.
        assert "Item" not in dynamodb.get_item(TableName=table, Key=item["Item"], ConsistentRead=True)
        assert not putting.done()
        faults.clear()
        putting.result()
    assert time.monotonic() - began < 50
    assert "Item" in dynamodb.get_item(TableName=table, Key=item["Item"], ConsistentRead=True)


def test_a_call_is_late_and_fails(platform: Platform, faults: Faults) -> None:
    faults.ask("sns", "ListTopics", "InternalError", status=500, delay=0.3, times=1)
    (shown,) = faults("GET")[1]
    assert (shown["delay"], shown["error"]) == (0.3, "InternalError")
    began = time.monotonic()
    assert failed(without_retries(platform, "sns").list_topics) == ("InternalError", 500)
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ([], "a JSON object"),
        ({"service": "ec2", "action": "RunInstances", "error": "e", "times": 1}, "no faults of the service 'ec2'"),
        ({"service": "sns", "action": "publish", "error": "e", "times": 1}, "sns has no operation 'publish'"),
        ({"service": "sns", "action": "Publish", "times": 1}, "needs an error"),
        ({"service": "sns", "action": "Publish", "delay": 301, "times": 1}, "300 seconds at most"),
        ({"service": "sns", "action": "Publish", "error": "e"}, "needs times or seconds"),
        ({"service": "sns", "action": "Publish", "error": "e", "times": 0}, "times of a fault"),
        ({"service": "sns", "action": "Publish", "error": "e", "times": 1, "share": 2}, "share of calls"),
        ({"service": "sns", "action": "Publish", "error": "e", "times": 1, "status": 200}, "400 to 599"),
        ({"service": "sns", "action": "Publish", "error": "e", "times": 1, "often": 1}, "A fault has no often"),
    ],
)
def test_what_cannot_fail_is_refused(faults: Faults, fault: Any, words: str) -> None:
    status, message = faults("PUT", fault)
    assert status == 400
    assert words in message
    assert faults("GET") == (200, [])


def test_a_platform_that_starts_has_no_faults(tmp_path: Path) -> None:
    platform = start_platform(tmp_path)
    Faults(platform.endpoint).ask("sns", "Publish", "InternalError", seconds=600)
    stop_platform(platform)
    platform = start_platform(tmp_path)
    try:
        assert Faults(platform.endpoint)("GET") == (200, [])
    finally:
        stop_platform(platform)
