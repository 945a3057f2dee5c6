"""BatchExecuteStatement: each statement gets its own answer, and what it writes is checked as PutItem checks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Platform
from tests.local.aws import client, refusal

INSERT = "INSERT INTO \"{table}\" VALUE {{'pk': ?, 'sk': ?, 'day': ?, 'n': ?}}"


@pytest.fixture
def dynamodb(platform: Platform) -> Any:
    return client(platform, "dynamodb")


@pytest.fixture
def table(dynamodb: Any, request: pytest.FixtureRequest) -> str:
    """A table with an index over `day` and the number `n`."""
    name: str = request.node.name
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": kind}
            for attribute, kind in (("pk", "S"), ("sk", "S"), ("day", "S"), ("n", "N"))
        ],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "worst",
                "KeySchema": [
                    {"AttributeName": "day", "KeyType": "HASH"},
                    {"AttributeName": "n", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return name


def insert(table: str, key: str, number: str = "12", day: str = "1") -> dict[str, Any]:
    return {
        "Statement": INSERT.format(table=table),
        "Parameters": [{"S": key}, {"S": "1"}, {"S": day}, {"N": number}],
    }


def run(dynamodb: Any, *statements: dict[str, Any]) -> list[Any]:
    """Of each statement its item, the code of its error, or None."""
    answers = dynamodb.batch_execute_statement(Statements=list(statements))["Responses"]
    return [one["Error"]["Code"] if "Error" in one else one.get("Item") for one in answers]


def item(dynamodb: Any, table: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = dynamodb.get_item(TableName=table, Key={"pk": {"S": key}, "sk": {"S": "1"}})["Item"]
    return found


def test_an_insert_of_a_key_that_exists_is_a_duplicate_and_changes_nothing(dynamodb: Any, table: str) -> None:
    answers = run(dynamodb, insert(table, "a", "12"), insert(table, "a", "13"), insert(table, "b"))
    assert answers == [None, "DuplicateItem", None]
    assert item(dynamodb, table, "a")["n"] == {"N": "12"}


def test_an_update_whose_condition_fails_says_so_with_the_item_where_it_is_asked_for(dynamodb: Any, table: str) -> None:
    run(dynamodb, insert(table, "a", "12"))
    update = f'UPDATE "{table}" SET n = ? WHERE pk = ? AND sk = ? AND n < ?'

    def to(number: str, key: str) -> dict[str, Any]:
        return {"Statement": update, "Parameters": [{"N": number}, {"S": key}, {"S": "1"}, {"N": number}]}

    lower = {**to("5", "a"), "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    answers = dynamodb.batch_execute_statement(Statements=[to("20", "a"), lower, to("20", "nobody")])["Responses"]
    assert "Error" not in answers[0]
    assert answers[1]["Error"]["Code"] == answers[2]["Error"]["Code"] == "ConditionalCheckFailed"
    assert answers[1]["Error"]["Item"]["n"] == {"N": "20"}
    assert "Item" not in answers[2]["Error"]


def test_a_condition_with_or_in_brackets_stands_beside_the_key(dynamodb: Any, table: str) -> None:
    run(dynamodb, insert(table, "a"))
    statement = (
        f'UPDATE "{table}" SET mailed = ? WHERE pk = ? AND sk = ? AND (attribute_not_exists(mailed) OR mailed < ?)'
    )

    def mailed(at: str, before: str) -> dict[str, Any]:
        return {"Statement": statement, "Parameters": [{"N": at}, {"S": "a"}, {"S": "1"}, {"N": before}]}

    assert run(dynamodb, mailed("100", "40"), mailed("130", "70"), mailed("170", "110")) == [
        None,
        "ConditionalCheckFailed",
        None,
    ]
    assert item(dynamodb, table, "a")["mailed"] == {"N": "170"}


def test_numbers_are_kept_exactly_and_in_one_form(dynamodb: Any, table: str) -> None:
    numbers = {"a": "2053013555631882655", "b": "9.50", "c": "1E3", "d": "12345678901234567890.123456789012345678"}
    run(dynamodb, *(insert(table, key, number) for key, number in numbers.items()))
    found = {key: item(dynamodb, table, key)["n"]["N"] for key in numbers}
    assert found == {
        "a": "2053013555631882655",
        "b": "9.5",
        "c": "1000",
        "d": "12345678901234567890.123456789012345678",
    }


def test_a_key_of_an_index_has_its_type(dynamodb: Any, table: str) -> None:
    text = {"Statement": INSERT.format(table=table), "Parameters": [{"S": "a"}, {"S": "1"}, {"S": "1"}, {"S": "many"}]}
    assert run(dynamodb, text, insert(table, "b")) == ["ValidationError", None]
    key = {"Statement": f"UPDATE \"{table}\" SET pk = 'c' WHERE pk = 'b' AND sk = '1'"}
    assert run(dynamodb, key) == ["ValidationError"]


def test_an_index_holds_items_that_have_its_keys_in_the_order_of_their_numbers(dynamodb: Any, table: str) -> None:
    run(
        dynamodb,
        *(insert(table, f"k{number}", number) for number in ("9", "100", "20.5")),
        insert(table, "z", "7", "2"),
    )
    run(dynamodb, {"Statement": f"INSERT INTO \"{table}\" VALUE {{'pk': 'sparse', 'sk': '1', 'day': '1'}}"})
    found = dynamodb.query(
        TableName=table,
        IndexName="worst",
        KeyConditionExpression="#day = :day AND n > :n",
        ExpressionAttributeNames={"#day": "day"},
        ExpressionAttributeValues={":day": {"S": "1"}, ":n": {"N": "9"}},
        ScanIndexForward=False,
    )
    assert [one["n"]["N"] for one in found["Items"]] == ["100", "20.5"]


def test_a_conditional_update_gives_the_old_item_where_it_is_asked_for(dynamodb: Any, table: str) -> None:
    run(dynamodb, insert(table, "a", "12"))
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as caught:
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": "a"}, "sk": {"S": "1"}},
            UpdateExpression="SET n = :n",
            ConditionExpression="n < :n",
            ExpressionAttributeValues={":n": {"N": "3"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Item"]["n"] == {"N": "12"}


def test_a_batch_holds_reads_or_writes(dynamodb: Any, table: str) -> None:
    read = {"Statement": f"SELECT * FROM \"{table}\" WHERE pk = 'a' AND sk = '1'"}
    assert refusal(dynamodb.batch_execute_statement, Statements=[read, insert(table, "a")])[0] == "ValidationException"
    run(dynamodb, insert(table, "a"))
    assert run(dynamodb, read)[0]["n"] == {"N": "12"}
