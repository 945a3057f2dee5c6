"""Functions and mappings as stacks declare them, over updates, restarts and deletion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.conftest import start_platform, stop_platform
from tests.local.function.conftest import RECORDER, ROLE, Aws, Calls, zipped

# Parameters are text, whatever they mean.
PARAMETERS = {
    name: {"Type": "String", "Default": default}
    for name, default in {
        "Size": "7",
        "Window": "0",
        "Retries": "-1",
        "Age": "3600",
        "Bisect": "true",
        "Enabled": "true",
        "Reserved": "2",
        "Memory": "256",
        "Code": "one.zip",
        "Mark": "1",
    }.items()
}


def template(out: Path, named: str) -> str:
    def parameter(name: str) -> dict[str, str]:
        return {"Ref": name}

    function = {
        "FunctionName": named,
        "Runtime": "python3.13",
        "Handler": "handler.handle",
        "Role": ROLE,
        "Code": {"S3Bucket": "code", "S3Key": parameter("Code")},
        "MemorySize": parameter("Memory"),
        "Timeout": 10,
        "ReservedConcurrentExecutions": parameter("Reserved"),
        "Environment": {"Variables": {"OUT": str(out), "MARK": parameter("Mark")}},
    }
    mapping = {
        "EventSourceArn": {"Fn::GetAtt": ["Stream", "Arn"]},
        "FunctionName": {"Ref": "Function"},
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": parameter("Size"),
        "MaximumBatchingWindowInSeconds": parameter("Window"),
        "MaximumRetryAttempts": parameter("Retries"),
        "MaximumRecordAgeInSeconds": parameter("Age"),
        "BisectBatchOnFunctionError": parameter("Bisect"),
        "Enabled": parameter("Enabled"),
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["Queue", "Arn"]}}},
    }
    resources = {
        "Stream": {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": named, "ShardCount": 1}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": named}},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
        "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
    }
    return json.dumps({"Parameters": PARAMETERS, "Resources": resources})


def test_a_stack_is_created_updated_kept_and_deleted(tmp_path: Path) -> None:
    running = start_platform(tmp_path / "var")
    aws = Aws(running.endpoint, tmp_path)
    calls = Calls(tmp_path / "out.jsonl")
    try:
        s3 = aws.client("s3")
        s3.create_bucket(Bucket="code")
        s3.put_object(Bucket="code", Key="one.zip", Body=zipped(RECORDER))
        s3.put_object(Bucket="code", Key="two.zip", Body=zipped("def handle(e, c): return 'two'"))
        deploy(aws, "create", tmp_path)
        mapping = the_mapping(aws)
        expected = {
            "BatchSize": 7,
            "MaximumRetryAttempts": -1,
            "MaximumRecordAgeInSeconds": 3600,
            "BisectBatchOnFunctionError": True,
        }
        assert {name: mapping[name] for name in expected} == expected
        assert aws.client("lambda").get_function(FunctionName="templated")["Concurrency"] == {
            "ReservedConcurrentExecutions": 2
        }
        aws.put("templated", *map(str, range(20)))
        calls.wait_for(20)
        assert max(len(batch) for batch in calls.batches) <= 7

        deploy(aws, "update", tmp_path, Enabled="false", Size="9", Mark="2")
        aws.wait_for_state(mapping["UUID"], "Disabled")
        assert the_mapping(aws)["BatchSize"] == 9
        aws.put("templated", "while disabled")
        stop_platform(running)
        running = start_platform(tmp_path / "var")
        aws = Aws(running.endpoint, tmp_path)
        assert the_mapping(aws)["State"] == "Disabled"
        assert "while disabled" not in calls.data
        deploy(aws, "update", tmp_path, Size="9", Mark="2")
        assert calls.wait_for(21)[-1] == "while disabled"
        configuration = aws.client("lambda").get_function_configuration(FunctionName="templated")
        assert configuration["Environment"]["Variables"]["MARK"] == "2"
        deploy(aws, "update", tmp_path, Code="two.zip")
        assert aws.invoke("templated") == "two"

        aws.client("cloudformation").delete_stack(StackName="s")
        aws.client("cloudformation").get_waiter("stack_delete_complete").wait(
            StackName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        assert aws.client("lambda").list_event_source_mappings()["EventSourceMappings"] == []
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            aws.invoke("templated")
    finally:
        stop_platform(running)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"Code": "none.zip"}, "NoSuchKey"), ({"Size": "20000"}, "less than or equal to 10000")],
    ids=["code", "size"],
)
def test_a_stack_that_cannot_be_carried_out_says_why(
    aws: Aws, name: str, tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    s3, stacks = aws.client("s3"), aws.client("cloudformation")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="one.zip", Body=zipped(RECORDER))
    with pytest.raises(WaiterError):
        # Names of its own, so that nothing of another stack is in the way.
        deploy(aws, "create", tmp_path, name, **change)
    reasons = [
        event.get("ResourceStatusReason", "") for event in stacks.describe_stack_events(StackName="s")["StackEvents"]
    ]
    assert any(reason in each for each in reasons), reasons
    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def deploy(aws: Aws, what: str, folder: Path, named: str = "templated", **parameters: str) -> None:
    """Creates or updates the stack `s` and waits. Raises WaiterError where that fails."""
    stacks = aws.client("cloudformation")
    getattr(stacks, f"{what}_stack")(
        StackName="s",
        TemplateBody=template(folder / "out.jsonl", named),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    stacks.get_waiter(f"stack_{what}_complete").wait(StackName="s", WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def the_mapping(aws: Aws) -> Any:
    (found,) = aws.client("lambda").list_event_source_mappings(FunctionName="templated")["EventSourceMappings"]
    return found
