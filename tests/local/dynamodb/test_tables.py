"""A template's table has all that the template says, and an update changes it in place."""

from __future__ import annotations

from typing import Any

from tests.conftest import Platform
from tests.local.aws import client, deploy, refusal, remove


def resources(**properties: Any) -> dict[str, Any]:
    table = {
        "TableName": "template-table",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in (("pk", "S"), ("sk", "S"), ("day", "S"), ("n", "N"))
        ],
        "GlobalSecondaryIndexes": [index("worst")],
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
        "DeletionProtectionEnabled": {"Ref": "Protected"},
        "Tags": [{"Key": "ecomm:stage", "Value": "dev"}],
    }
    return {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {**table, **properties}}}


def index(name: str) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "ALL"},
    }


def described(platform: Platform) -> tuple[dict[str, Any], str, str]:
    """The table, its time to live as attribute or status, and its recovery."""
    dynamodb = client(platform, "dynamodb")
    living = dynamodb.describe_time_to_live(TableName="template-table")["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName="template-table")["ContinuousBackupsDescription"]
    attribute = living["AttributeName"] if living["TimeToLiveStatus"] == "ENABLED" else living["TimeToLiveStatus"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return dynamodb.describe_table(TableName="template-table")["Table"], attribute, recovery


def test_a_table_is_made_changed_and_removed(platform: Platform) -> None:
    dynamodb = client(platform, "dynamodb")
    assert deploy(platform, "template-table", resources(), Protected="true") == {"Table": "template-table"}
    table, attribute, recovery = described(platform)
    assert (attribute, recovery) == ("expires_at", "ENABLED")
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert [(one["IndexName"], one["IndexStatus"]) for one in table["GlobalSecondaryIndexes"]] == [("worst", "ACTIVE")]
    tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    assert {"Key": "ecomm:stage", "Value": "dev"} in tags

    dynamodb.put_item(TableName="template-table", Item={"pk": {"S": "kept"}, "sk": {"S": "1"}})
    changed = resources(
        GlobalSecondaryIndexes=[index("worst"), index("second")],
        TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": "false"},
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
    )
    deploy(platform, "template-table", changed, Protected="false")
    table, attribute, recovery = described(platform)
    assert (attribute, recovery, table["DeletionProtectionEnabled"]) == ("DISABLED", "DISABLED", False)
    assert {one["IndexName"] for one in table["GlobalSecondaryIndexes"]} == {"worst", "second"}
    assert dynamodb.scan(TableName="template-table")["Count"] == 1

    remove(platform, "template-table")
    assert refusal(dynamodb.describe_table, TableName="template-table")[0] == "ResourceNotFoundException"
