"""The DynamoDB table in batches: conditional statements, reads by key, and what the service did not get to, again.

BatchWriteItem knows no conditions and a transaction fails as a whole, so writes are PartiQL statements, 25 a call, each
with an outcome of its own:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.multiplestatements.batching.html
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from ecomm_detect_high_event_volume.deadline import Deadline

STATEMENTS_A_CALL = 25
KEYS_A_CALL = 100
# The calls of one batch wait for the network side by side.
CALLS_AT_ONCE = 8

# Codes of a statement, which end in Error, and of a whole call, which end in Exception.
_PASSING = {
    "InternalServerError",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingError",
    "ThrottlingException",
    "TransactionConflict",
}

Key = tuple[str, str]


class WriteError(Exception):
    """A statement was refused, for longer than this invocation could wait or for good: says why."""


class Table:
    """Keys are pairs of `pk` and `sk`; items are plain Python values, numbers of them Decimal when read."""

    def __init__(self, dynamodb: Any, name: str) -> None:
        self._dynamodb = dynamodb
        self.name = name
        self._serialize = TypeSerializer().serialize
        self._deserialize = TypeDeserializer().deserialize
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="dynamodb")

    def insert(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The statement that puts an item where there is none; its outcome is `DuplicateItem` where there is one."""
        fields = ", ".join(f"'{name}': ?" for name in item)
        return self._statement(f'INSERT INTO "{self.name}" VALUE {{{fields}}}', item.values())

    def update(self, key: Key, values: Mapping[str, Any], where: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The statement that sets values of an existing item; `ConditionalCheckFailed` where `where` does not hold."""
        where = where or {}
        assignments = " ".join(f"SET {name}=?" for name in values)
        conditions = "".join(f" AND {name}=?" for name in where)
        return self._statement(
            f'UPDATE "{self.name}" {assignments} WHERE pk=? AND sk=?{conditions}',
            [*values.values(), *key, *where.values()],
        )

    def delete(self, key: Key, where: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The statement that removes an item; `ConditionalCheckFailed` where `where` does not hold."""
        where = where or {}
        conditions = "".join(f" AND {name}=?" for name in where)
        return self._statement(f'DELETE FROM "{self.name}" WHERE pk=? AND sk=?{conditions}', [*key, *where.values()])

    def run(self, statements: Sequence[dict[str, Any]], deadline: Deadline) -> list[str | WriteError]:
        """The outcome of each statement: empty when it was done, the condition's code where one did not hold."""
        outcomes: list[str | WriteError] = [""] * len(statements)
        open_ones = list(range(len(statements)))
        for attempt in itertools.count():
            chunks = list(itertools.batched(open_ones, STATEMENTS_A_CALL))
            answers = self.side_by_side(lambda chunk: self._call([statements[index] for index in chunk]), chunks)
            again = []
            for index, (code, message) in zip(open_ones, itertools.chain.from_iterable(answers), strict=True):
                if code in _PASSING:
                    again.append(index)
                outcomes[index] = (
                    code
                    if code in ("", "DuplicateItem", "ConditionalCheckFailed")
                    else WriteError(f"Table {self.name}: {message} ({code})")
                )
            open_ones = again
            if not open_ones or not deadline.pause(attempt):
                return outcomes
        raise AssertionError("unreachable")

    def read(self, keys: Iterable[Key], deadline: Deadline) -> dict[Key, dict[str, Any]]:
        """The items that exist of these keys, as they are now. Raises ClientError, BotoCoreError or WriteError."""
        found: dict[Key, dict[str, Any]] = {}
        open_ones = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in dict.fromkeys(keys)]
        for attempt in itertools.count():
            answers = self.side_by_side(self._get, list(itertools.batched(open_ones, KEYS_A_CALL)))
            open_ones = []
            for items, left in answers:
                found |= {(item["pk"], item["sk"]): item for item in map(self.plain, items)}
                open_ones += left
            if not open_ones:
                break
            if not deadline.pause(attempt):
                raise WriteError(f"Table {self.name} did not give {len(open_ones)} items in time.")
        return found

    def query(self, pk: str) -> Iterator[dict[str, Any]]:
        """All items of a partition, as they are now."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from map(self.plain, page["Items"])

    def change(self, key: Key, update: str, condition: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Changes one item or makes it; where the condition does not hold, the item as it is, else None."""
        try:
            self._dynamodb.update_item(
                TableName=self.name,
                Key={"pk": {"S": key[0]}, "sk": {"S": key[1]}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues={name: self._serialize(value) for name, value in values.items()},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            return self.plain(error.response.get("Item", {}))
        return None

    def side_by_side[T, R](self, call: Callable[[T], R], arguments: Sequence[T]) -> list[R]:
        """The results of calls that wait for the network together; the first error of one, when all others ended."""
        return list(self._pool.map(call, arguments))

    def plain(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._deserialize(value) for name, value in item.items()}

    def _statement(self, text: str, parameters: Iterable[Any]) -> dict[str, Any]:
        return {"Statement": text, "Parameters": [self._serialize(value) for value in parameters]}

    def _get(self, keys: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The items of these keys as the service gives them, and the keys that it did not get to."""
        asked = {self.name: {"Keys": keys, "ConsistentRead": True}}
        answer = self._dynamodb.batch_get_item(RequestItems=asked)
        left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
        return answer["Responses"].get(self.name, []), left

    def _call(self, statements: list[dict[str, Any]]) -> list[tuple[str, str]]:
        """Code and message of each statement's error, empty where there is none."""
        try:
            answer = self._dynamodb.batch_execute_statement(Statements=statements)
        except ClientError as error:
            described = error.response["Error"]
            return [(described["Code"], described.get("Message", ""))] * len(statements)
        except BotoCoreError as error:
            return [(type(error).__name__, str(error))] * len(statements)
        errors = [response.get("Error", {}) for response in answer["Responses"]]
        return [(error.get("Code", ""), error.get("Message", "")) for error in errors]
