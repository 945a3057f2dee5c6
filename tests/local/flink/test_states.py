"""The life of an application: states, errors and snapshots as Managed Flink shows them."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local.flink.counting import BUCKET, CODE, ROLE, Counting, click

METRIC_SECONDS = 120


def refused(operation: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        operation(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_running_application_is_not_started_again(running: Counting) -> None:
    assert refused(running.flink.start_application, ApplicationName=running.name) == (
        "ResourceInUseException",
        "Application cannot be started in 'RUNNING' state",
    )
    found = running.flink.list_applications()["ApplicationSummaries"]
    assert (running.name, "RUNNING") in [(one["ApplicationName"], one["ApplicationStatus"]) for one in found]


def test_an_update_while_running_keeps_the_counts_so_far(running: Counting, later: Callable[[], int]) -> None:
    since, version = later(), running.detail()["ApplicationVersionId"]
    running.send([click(31, since + 100 * number) for number in range(4)])
    running.send([click(32, since)] * 11)
    running.wait_for([(32, since)], "early", since)
    assert running.update(idle_timeout="30 s", early_threshold="5") == ["UPDATING", "RUNNING"]
    assert running.detail()["ApplicationVersionId"] == version + 1
    assert running.snapshots()[-1]["SnapshotName"].startswith(f"UPDATEAPPLICATION-{running.name}-")
    running.send([click(31, since + 5000 + 100 * number) for number in range(2)])
    assert running.wait_for([(31, since)], "early", since).count(((31, since), 6)) == 1
    running.close(since + 10_000)
    assert set(running.wait_for([(31, since), (32, since)], "final", since)) == {((31, since), 6), ((32, since), 11)}


def test_a_stop_takes_a_snapshot_with_which_the_next_start_begins(running: Counting, later: Callable[[], int]) -> None:
    since = later()
    running.flink.create_application_snapshot(ApplicationName=running.name, SnapshotName=f"before-{since}")
    while running.snapshots()[-1]["SnapshotStatus"] == "CREATING":
        time.sleep(0.1)
    running.send([click(41, since)] * 3 + [click(42, since)] * 11)
    running.wait_for([(42, since)], "early", since)
    running.stop()
    taken = running.snapshots()[-1]
    assert (taken["SnapshotName"].partition("-")[0], taken["SnapshotStatus"]) == ("STOP", "READY")
    assert refused(running.flink.stop_application, ApplicationName=running.name) == (
        "ResourceInUseException",
        "Application cannot be Stopped in 'READY' state",
    )
    running.start()
    running.send([click(41, since + 9000)] * 2)
    running.close(since + 10_000)
    # Read once before the stop and not again, the clicks of before and after it make one count.
    assert sorted(running.wait_for([(41, since), (42, since)], "final", since)) == [((41, since), 5), ((42, since), 11)]
    # From the snapshot before them, they are all read a second time.
    running.stop(force=True)
    running.start(ApplicationRestoreType="RESTORE_FROM_CUSTOM_SNAPSHOT", SnapshotName=f"before-{since}")
    deadline = time.monotonic() + 120
    while running.rows("final", since).count(((41, since), 5)) < 2 and time.monotonic() < deadline:
        time.sleep(0.3)
    assert running.rows("final", since).count(((41, since), 5)) == 2


def test_snapshots_are_named_once_and_can_be_deleted(running: Counting) -> None:
    create = running.flink.create_application_snapshot
    create(ApplicationName=running.name, SnapshotName="named")
    assert refused(create, ApplicationName=running.name, SnapshotName="named")[0] == "ResourceInUseException"
    while (found := running.snapshots()[-1])["SnapshotStatus"] == "CREATING":
        time.sleep(0.1)
    assert found["SnapshotStatus"] == "READY"
    kept = running.platform.var / "aws/flink/snapshots" / running.name / "named"
    assert list(kept.rglob("_metadata"))
    running.flink.delete_application_snapshot(
        ApplicationName=running.name,
        SnapshotName="named",
        SnapshotCreationTimestamp=found["SnapshotCreationTimestamp"],
    )
    assert not kept.exists()
    assert "named" not in [snapshot["SnapshotName"] for snapshot in running.snapshots()]


def test_a_program_that_fails_is_told_in_its_operation_and_in_its_log(counting: Counting) -> None:
    broken = Counting(counting.platform, "broken")
    broken.create(early_threshold="many")
    operation = broken.flink.start_application(ApplicationName=broken.name)["OperationId"]
    assert broken.settled(seconds=150) == "READY"
    sentence = "PropertyError: Property early.threshold of group Detection is 'many'; give a whole number such as 10."
    assert broken.operation(operation)["OperationStatus"] == "FAILED"
    assert broken.failure(operation) == sentence
    assert sentence in broken.log()
    assert (
        refused(
            broken.flink.start_application,
            ApplicationName=broken.name,
            RunConfiguration={
                "ApplicationRestoreConfiguration": {
                    "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT",
                    "SnapshotName": "none",
                }
            },
        )[0]
        == "InvalidArgumentException"
    )
    s3 = boto3.client("s3", endpoint_url=broken.platform.endpoint)
    s3.put_object(Bucket=BUCKET, Key="other.zip", Body=b"no zip")
    location = {"S3ContentLocationUpdate": {"FileKeyUpdate": "other.zip"}}
    broken.flink.update_application(
        ApplicationName=broken.name,
        CurrentApplicationVersionId=1,
        ApplicationConfigurationUpdate={"ApplicationCodeConfigurationUpdate": {"CodeContentUpdate": location}},
    )
    operation = broken.flink.start_application(ApplicationName=broken.name)["OperationId"]
    assert broken.settled(seconds=150) == "READY"
    assert broken.failure(operation) == (f"s3://{BUCKET}/other.zip, the code of application broken, is not a zip file.")
    broken.flink.delete_application(ApplicationName=broken.name, CreateTimestamp=broken.detail()["CreateTimestamp"])
    assert refused(broken.detail)[0] == "ResourceNotFoundException"


def test_state_that_the_code_no_longer_has_is_left_only_where_that_is_allowed(
    counting: Counting, later: Callable[[], int]
) -> None:
    since, changed = later(), Counting(counting.platform, "changed", shards=1)
    changed.create()
    changed.start()
    changed.send([click(51, since)] * 3 + [click(52, since)] * 11)
    changed.wait_for([(52, since)], "early", since)
    changed.stop()
    changed.client("s3").put_object(Bucket=BUCKET, Key=changed.code, Body=without_early_counts())
    start = partial(changed.flink.start_application, ApplicationName=changed.name)
    operation = start()["OperationId"]
    assert changed.settled(seconds=150) == "READY"
    assert "Cannot map checkpoint/savepoint state" in changed.failure(operation)
    start(RunConfiguration={"FlinkRunConfiguration": {"AllowNonRestoredState": True}})
    assert changed.settled(seconds=150) == "RUNNING"
    # What was read and counted before is neither lost nor read again.
    changed.send([click(51, since + 9000)] * 2)
    changed.close(since + 10_000)
    assert set(changed.wait_for([(51, since), (52, since)], "final", since)) == {((51, since), 5), ((52, since), 11)}
    changed.stop(force=True)


def without_early_counts() -> bytes:
    """The application's zip with one statement less."""
    packed = BytesIO()
    with zipfile.ZipFile(CODE) as shipped, zipfile.ZipFile(packed, "w") as less:
        for member in shipped.infolist():
            less.writestr(member, shipped.read(member).replace(b'"final_counts", "early_counts"', b'"final_counts"'))
    return packed.getvalue()


def test_what_cannot_run_is_refused_at_the_start(counting: Counting) -> None:
    for name, runtime, configuration in (
        ("no-code", "FLINK-2_2", dict[str, Any]()),
        ("old", "FLINK-1_20", {}),
    ):
        counting.flink.create_application(
            ApplicationName=name,
            RuntimeEnvironment=runtime,
            ServiceExecutionRole=ROLE,
            ApplicationConfiguration=configuration,
        )
        code, sentence = refused(counting.flink.start_application, ApplicationName=name)
        assert code == "InvalidApplicationConfigurationException"
        assert name in sentence


def test_log_and_metrics_reach_cloudwatch(running: Counting) -> None:
    log = running.log()
    assert any("JobMaster" in line for line in log)
    assert any("Job has been submitted with JobID" in line for line in log)
    deadline = time.monotonic() + METRIC_SECONDS
    while not running.metric("lastCheckpointDuration") and time.monotonic() < deadline:
        time.sleep(0.5)
    assert running.metric("lastCheckpointDuration") > 0
    assert running.metric("uptime") > 0
    assert running.metric("currentOutputWatermark") > 1_590_000_000_000


TEMPLATE = f"""
Parameters:
  Interval: {{Type: Number}}
Resources:
  Counting:
    Type: AWS::KinesisAnalyticsV2::Application
    Properties:
      ApplicationName: templated
      RuntimeEnvironment: FLINK-2_2
      ServiceExecutionRole: {ROLE}
      ApplicationConfiguration:
        ApplicationSnapshotConfiguration: {{SnapshotsEnabled: "true"}}
        FlinkApplicationConfiguration:
          CheckpointConfiguration:
            ConfigurationType: CUSTOM
            CheckpointingEnabled: "true"
            CheckpointInterval: !Ref Interval
            MinPauseBetweenCheckpoints: 500
"""


def test_a_template_s_text_becomes_numbers_and_switches(counting: Counting) -> None:
    stacks = counting.client("cloudformation")
    for operation, waiter, interval in (
        (stacks.create_stack, "stack_create_complete", 3000),
        (stacks.update_stack, "stack_update_complete", 4000),
    ):
        parameters = [{"ParameterKey": "Interval", "ParameterValue": str(interval)}]
        operation(StackName="templated", TemplateBody=TEMPLATE, Parameters=parameters)
        stacks.get_waiter(waiter).wait(StackName="templated", WaiterConfig={"Delay": 1})
        detail = counting.flink.describe_application(ApplicationName="templated")["ApplicationDetail"]
        found = detail["ApplicationConfigurationDescription"]
        assert found["ApplicationSnapshotConfigurationDescription"] == {"SnapshotsEnabled": True}
        checkpoints = found["FlinkApplicationConfigurationDescription"]["CheckpointConfigurationDescription"]
        assert checkpoints == {
            "ConfigurationType": "CUSTOM",
            "CheckpointingEnabled": True,
            "CheckpointInterval": interval,
            "MinPauseBetweenCheckpoints": 500,
        }
    assert (detail["ApplicationStatus"], detail["ApplicationVersionId"]) == ("READY", 2)


def test_a_stack_s_update_restarts_the_running_application(counting: Counting, later: Callable[[], int]) -> None:
    since, stacked = later(), Counting(counting.platform, "stacked", shards=1)
    stacked.create_streams()
    stacks = stacked.client("cloudformation")
    deploy(stacked, stacks.create_stack)
    stacks.get_waiter("stack_create_complete").wait(StackName="stacked", WaiterConfig={"Delay": 1})
    stacked.start()
    stacked.send([click(31, since + 100 * number) for number in range(4)] + [click(32, since)] * 11)
    stacked.wait_for([(32, since)], "early", since)

    deploy(stacked, stacks.update_stack, early_threshold="5")
    states = states_of_update(stacked, stacks)
    assert ("UPDATE_IN_PROGRESS", "UPDATING") in states
    # CloudFormation waits for the application, which is another version with the state of the one before.
    assert states[-1] == ("UPDATE_COMPLETE", "RUNNING")
    detail = stacked.detail()
    assert detail["ApplicationVersionId"] == 2
    described = detail["ApplicationConfigurationDescription"]
    assert described["ApplicationSystemRollbackConfigurationDescription"] == {"RollbackEnabled": True}
    assert stacked.snapshots()[-1]["SnapshotName"].startswith("UPDATEAPPLICATION-stacked-")
    stacked.send([click(31, since + 5000 + 100 * number) for number in range(2)])
    assert stacked.wait_for([(31, since)], "early", since).count(((31, since), 6)) == 1

    deploy(stacked, stacks.update_stack, early_threshold="many")
    assert states_of_update(stacked, stacks)[-1] == ("UPDATE_ROLLBACK_COMPLETE", "RUNNING")
    reasons = [one.get("ResourceStatusReason", "") for one in events(stacks)]
    assert any("Property early.threshold of group Detection is 'many'" in reason for reason in reasons)
    stacked.close(since + 10_000)
    rows = stacked.wait_for([(31, since), (32, since)], "final", since)
    assert set(rows) == {((31, since), 6), ((32, since), 11)}
    stacks.delete_stack(StackName="stacked")
    stacks.get_waiter("stack_delete_complete").wait(StackName="stacked", WaiterConfig={"Delay": 1})


def deploy(application: Counting, operation: Callable[..., Any], **detection: str) -> None:
    """Creates or updates a stack of the application alone."""
    configuration = application.configuration(**detection)
    properties = {
        "ApplicationName": application.name,
        "RuntimeEnvironment": "FLINK-2_2",
        "ServiceExecutionRole": ROLE,
        # Which AWS does by itself; here it is kept and shown.
        "ApplicationConfiguration": configuration
        | {"ApplicationSystemRollbackConfiguration": {"RollbackEnabled": True}},
    }
    template = {"Resources": {"It": {"Type": "AWS::KinesisAnalyticsV2::Application", "Properties": properties}}}
    operation(StackName=application.name, TemplateBody=json.dumps(template))


def states_of_update(application: Counting, stacks: Any) -> list[tuple[str, str]]:
    """Of the stack and of the application, until the stack's is one that lasts."""
    states: list[tuple[str, str]] = []
    while not states or states[-1][0].endswith("IN_PROGRESS"):
        (stack,) = stacks.describe_stacks(StackName=application.name)["Stacks"]
        states.append((stack["StackStatus"], application.detail()["ApplicationStatus"]))
        time.sleep(0.05)
    return states


def events(stacks: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stacks.describe_stack_events(StackName="stacked")["StackEvents"]
    return found
