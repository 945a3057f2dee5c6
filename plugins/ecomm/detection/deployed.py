"""The deployed alarm: what the function is set to, its table, and why it may be silent."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ecomm.aws import client
from ecomm.errors import DataError
from ecomm.operators.flink_application import describe
from ecomm.settings import settings

# Keys that DynamoDB reads, and that it writes, in a call.
_READ, _WRITTEN = 100, 25
# Lambda's own words for what went wrong, and the function's.
_FAILURE = re.compile(r"\[ERROR\]|\"level\":\"ERROR\"|Error: |Task timed out|Runtime\.")
# Of a log line in a sentence.
_LINE_CHARACTERS = 300


@dataclass(frozen=True)
class Detection:
    """The function's own settings, which name all that belongs to it."""

    function: str
    table: str
    topic: str
    threshold: int

    def require_mapping(self) -> None:
        """Raises DataError where nothing brings the counts to the function."""
        stream = settings().counts_stream
        for mapping in self._mappings():
            if mapping["EventSourceArn"].endswith(f":stream/{stream}"):
                if mapping["State"] in ("Enabled", "Enabling", "Creating", "Updating"):
                    return
                raise DataError(
                    f"The mapping of {stream} to {self.function} is {mapping['State']}: the function gets no counts. "
                    f"Enable it: aws lambda update-event-source-mapping --uuid {mapping['UUID']} --enabled"
                )
        raise DataError(f"No mapping brings {stream} to {self.function}; deploy the stack detection (make deploy).")

    def require_addresses(self) -> list[str]:
        """The addresses that get the mails; raises DataError where there are none."""
        pages = client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self.topic)
        found = [entry for page in pages for entry in page["Subscriptions"] if entry["Protocol"] == "email"]
        confirmed = [entry["Endpoint"] for entry in found if entry["SubscriptionArn"].startswith("arn:")]
        if confirmed:
            return confirmed
        name = self.topic.rpartition(":")[2]
        if found:
            waiting = ", ".join(entry["Endpoint"] for entry in found)
            raise DataError(f"Nobody gets the alerts: {waiting} did not confirm the mail that SNS sent for {name}.")
        raise DataError(
            f"Nobody gets the alerts: the topic {name} has no subscription by e-mail. Give it one: "
            "make deploy DEPLOY_OPTIONS='--parameter detection.AlertEmail=you@example.com'"
        )

    def item(self, subject: str, name: str) -> dict[str, Any] | None:
        """An item of a user's partition, or None."""
        answer = client("dynamodb").get_item(
            TableName=self.table, Key={"pk": {"S": subject}, "sk": {"S": name}}, ConsistentRead=True
        )
        return _plain(answer["Item"]) if "Item" in answer else None

    def alerted(self, users: Sequence[int]) -> list[int]:
        """Those of the users who have an episode."""
        found = []
        for first in range(0, len(users), _READ):
            keys = [{"pk": {"S": f"user#{user}"}, "sk": {"S": "episode"}} for user in users[first : first + _READ]]
            while keys:
                answer = client("dynamodb").batch_get_item(
                    RequestItems={self.table: {"Keys": keys, "ConsistentRead": True}}
                )
                found += [int(_plain(item)["user_id"]) for item in answer["Responses"].get(self.table, [])]
                keys = answer.get("UnprocessedKeys", {}).get(self.table, {}).get("Keys", [])
        return found

    def final_counts(self, users: Sequence[int], window_start: str) -> dict[int, int]:
        """Final counts of the window by user; the start as the table has it."""
        counts = {}
        for user in users:
            item = self.item(f"user#{user}", f"window#{window_start}")
            if item is None or item["kind"] != "final":
                # Looked for until all are there: the first that is missing is enough to know.
                break
            counts[user] = int(item["num_actions_per_watermark"])
        return counts

    def allow(self, users: Sequence[int], reason: str, until: datetime) -> None:
        """Puts the users on the allow-list for a time: their counts are stored, and nothing is alerted."""
        self._write(
            [
                {
                    "PutRequest": {
                        "Item": {
                            "pk": {"S": "allowed"},
                            "sk": {"S": f"user#{user}"},
                            "reason": {"S": reason},
                            "expires_at": {"N": str(int(until.timestamp()))},
                        }
                    }
                }
                for user in users
            ]
        )

    def forget(self, users: Sequence[int], since: datetime) -> int:
        """Deletes all items of the users, and their mails that wait since then; returns how many items there were."""
        dynamodb = client("dynamodb")
        keys = []
        for user in users:
            pages = dynamodb.get_paginator("query").paginate(
                TableName=self.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"user#{user}"}},
                ProjectionExpression="pk, sk",
            )
            keys += [item for page in pages for item in page["Items"]]
        minutes = range(int(since.timestamp()) // 60, int(datetime.now(UTC).timestamp()) // 60 + 1)
        waiting = [
            {"pk": {"S": f"digest#{minute}"}, "sk": {"S": f"user#{user}"}} for minute in minutes for user in users
        ]
        self._write([{"DeleteRequest": {"Key": key}} for key in [*waiting, *keys]])
        return len(keys)

    def _write(self, requests: Sequence[dict[str, Any]]) -> None:
        for batch in itertools.batched(requests, _WRITTEN):
            unprocessed = list(batch)
            while unprocessed:
                answer = client("dynamodb").batch_write_item(RequestItems={self.table: unprocessed})
                unprocessed = answer.get("UnprocessedItems", {}).get(self.table, [])

    def _mappings(self) -> list[dict[str, Any]]:
        pages = client("lambda").get_paginator("list_event_source_mappings").paginate(FunctionName=self.function)
        return [mapping for page in pages for mapping in page["EventSourceMappings"]]


def detection() -> Detection:
    """Raises DataError where the function is not deployed, or not as infra/detection.yaml has it."""
    name = settings().detection_function
    functions = client("lambda")
    try:
        configuration = functions.get_function_configuration(FunctionName=name)
    except functions.exceptions.ResourceNotFoundException as error:
        raise DataError(f"There is no function {name}; deploy the stacks (make deploy).") from error
    given = configuration.get("Environment", {}).get("Variables", {})
    try:
        return Detection(name, given["TABLE_NAME"], given["TOPIC_ARN"], int(given["ALERT_THRESHOLD"]))
    except (KeyError, ValueError) as error:
        raise DataError(f"The function {name} lacks the variable {error}; deploy the stack detection again.") from error


def explain_silence(found: Detection, sent: dict[str, Any], seconds: float) -> str:
    """Why an attack may not have been alerted: the first part of the way from the click to the mail that is amiss."""
    what = f"No alert about user {sent['attacker']} came within {seconds:.0f} s."
    names = settings()
    status = describe(names.flink_application)["ApplicationStatus"]
    if status != "RUNNING":
        return f"{what} The application {names.flink_application} is {status}: no click is counted. Start it again."
    try:
        found.require_mapping()
    except DataError as error:
        return f"{what} {error}"
    if failure := _error_of_function(datetime.fromisoformat(sent["sent"])):
        return f"{what} The function {found.function} fails: {failure} Its log group is {names.detection_log_group}."
    return (
        f"{what} Flink runs and the function reports no error, so the count has not reached it: look at the age of the "
        f"iterators of both streams, and at the mapping's last result (docs/runbook.md, section 5)."
    )


def _error_of_function(since: datetime) -> str:
    """The last error in the function's log, in one line; empty where there is none."""
    pages = (
        client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=settings().detection_log_group, startTime=int(since.timestamp() * 1000))
    )
    lines = [event["message"].strip() for page in pages for event in page["events"]]
    lines = [line for line in lines if _FAILURE.search(line)]
    if not lines:
        return ""
    line = re.sub(r"\s+", " ", _reason(lines[-1]))[:_LINE_CHARACTERS]
    return line if line.endswith(".") else f"{line}."


def _reason(line: str) -> str:
    """A structured line's reason, which says more than its message."""
    try:
        entry = json.loads(line)
        return str(entry.get("reason") or entry["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return line


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeDeserializer

    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
