"""What was written stays written, however the platform ends."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from tests.conftest import start_platform, stop_platform
from tests.local.aws import client
from tests.waiting import wait_until


def test_every_write_outlives_stops_and_kills(tmp_path: Path) -> None:
    platform = start_platform(tmp_path)
    try:
        dynamodb = client(platform, "dynamodb")
        dynamodb.create_table(
            TableName="kept",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "n", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-number",
                    "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        # That there is a table is saved within a second or so, unlike what is written into it.
        wait_until(
            lambda: (saved := tmp_path / "aws" / "state" / "dynamodb.json").exists() and "kept" in saved.read_text()
        )
        expected: dict[str, str] = {}
        for turn, how in enumerate((signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGKILL)):
            write(dynamodb, turn, expected)
            stop_platform(platform, how)
            platform = start_platform(tmp_path)
            dynamodb = client(platform, "dynamodb")
            found = {item["pk"]["S"]: item["n"]["N"] for item in dynamodb.scan(TableName="kept")["Items"]}
            assert found == expected
            assert indexed(dynamodb, "7") == sum(number == "7" for number in expected.values())
        assert len(list((tmp_path / "aws" / "dynamodb").glob("*.jsonl"))) <= 4
    finally:
        stop_platform(platform)


def write(dynamodb: Any, turn: int, expected: dict[str, str]) -> None:
    """Puts, inserts, updates and deletes; `expected` is what has to be there then."""
    for number in range(20):
        dynamodb.put_item(TableName="kept", Item={"pk": {"S": f"{turn}-{number}"}, "n": {"N": str(number)}})
        expected[f"{turn}-{number}"] = str(number)
    statement = "INSERT INTO \"kept\" VALUE {'pk': ?, 'n': ?}"
    parameters = [{"S": f"{turn}-inserted"}, {"N": "7"}]
    dynamodb.batch_execute_statement(Statements=[{"Statement": statement, "Parameters": parameters}])
    expected[f"{turn}-inserted"] = "7"
    for number in range(5):
        dynamodb.update_item(
            TableName="kept",
            Key={"pk": {"S": f"{turn}-{number}"}},
            UpdateExpression="SET n = n + :more",
            ExpressionAttributeValues={":more": {"N": "100"}},
        )
        expected[f"{turn}-{number}"] = str(number + 100)
    dynamodb.delete_item(TableName="kept", Key={"pk": {"S": f"{turn}-19"}})
    del expected[f"{turn}-19"]


def indexed(dynamodb: Any, number: str) -> int:
    count: int = dynamodb.query(
        TableName="kept",
        IndexName="by-number",
        KeyConditionExpression="n = :n",
        ExpressionAttributeValues={":n": {"N": number}},
    )["Count"]
    return count
