"""The application gets to the state that is wanted from whatever state it is in, or its own error is told."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from ecomm.detection.drill import check_application as drilled
from ecomm.errors import DataError
from ecomm.operators.flink_application import StartApplicationOperator, StopApplicationOperator
from ecomm.settings import settings

from tests.conftest import ROOT
from tests.plugins.conftest import Execute, World, context

ZIP = ROOT / "include" / "flink" / "target" / "flink-application.zip"
BROKEN = b"raise ValueError('The detection needs a threshold; set early.threshold.')\n"

Create = Callable[[bytes], str]


@pytest.fixture
def create(world: World) -> Iterator[Create]:
    """Creates an application with this code, its streams and its log; gives its name, which its log group ends with."""
    made = []

    def create_application(code: bytes) -> str:
        name = f"counts-{uuid4().hex[:8]}"
        aws = world.aws
        arns = []
        for number in (1, 2):
            aws.client("kinesis").create_stream(StreamName=f"{name}-{number}", ShardCount=1)
            found = aws.client("kinesis").describe_stream_summary(StreamName=f"{name}-{number}")
            arns.append(found["StreamDescriptionSummary"]["StreamARN"])
        group = f"/aws/kinesis-analytics/{name}"
        aws.client("logs").create_log_group(logGroupName=group)
        aws.client("logs").create_log_stream(logGroupName=group, logStreamName="application")
        aws.client("s3").put_object(Bucket=world.names.artifacts_bucket, Key=f"flink/{name}.zip", Body=code)
        aws.client("kinesisanalyticsv2").create_application(
            ApplicationName=name,
            RuntimeEnvironment="FLINK-2_2",
            ServiceExecutionRole="arn:aws:iam::000000000000:role/flink",
            CloudWatchLoggingOptions=[
                {"LogStreamARN": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:log-stream:application"}
            ],
            ApplicationConfiguration={
                "ApplicationCodeConfiguration": {
                    "CodeContentType": "ZIPFILE",
                    "CodeContent": {
                        "S3ContentLocation": {
                            "BucketARN": f"arn:aws:s3:::{world.names.artifacts_bucket}",
                            "FileKey": f"flink/{name}.zip",
                        }
                    },
                },
                "ApplicationSnapshotConfiguration": {"SnapshotsEnabled": True},
                "EnvironmentProperties": {"PropertyGroups": properties(*arns)},
                "FlinkApplicationConfiguration": {
                    "ParallelismConfiguration": {
                        "ConfigurationType": "CUSTOM",
                        "Parallelism": 1,
                        "ParallelismPerKPU": 1,
                        "AutoScalingEnabled": False,
                    }
                },
            },
        )
        made.append(name)
        return name

    yield create_application
    for name in made:
        stop(name, force=True).execute(context())


def properties(clicks: str, counts: str) -> list[dict[str, Any]]:
    groups = {group["PropertyGroupId"]: group["PropertyMap"] for group in EXAMPLE}
    groups["InputStream0"] |= {"stream.arn": clicks}
    groups["OutputStream0"] |= {"stream.arn": counts}
    return [{"PropertyGroupId": name, "PropertyMap": given} for name, given in groups.items()]


EXAMPLE: list[dict[str, Any]] = json.loads((ROOT / "include" / "flink" / "application_properties.json").read_text())


def start(name: str, **options: Any) -> StartApplicationOperator:
    group = f"/aws/kinesis-analytics/{name}"
    return StartApplicationOperator(task_id="start", application=name, log_group=group, **options)


def stop(name: str, **options: Any) -> StopApplicationOperator:
    group = f"/aws/kinesis-analytics/{name}"
    return StopApplicationOperator(task_id="stop", application=name, log_group=group, **options)


def status(world: World, name: str) -> str:
    found = world.aws.client("kinesisanalyticsv2").describe_application(ApplicationName=name)
    return str(found["ApplicationDetail"]["ApplicationStatus"])


def with_main(main: bytes) -> bytes:
    """The application's zip with another main.py."""
    content = io.BytesIO()
    with zipfile.ZipFile(ZIP) as whole, zipfile.ZipFile(content, "w") as archive:
        for name in whole.namelist():
            archive.writestr(name, main if name == "main.py" else whole.read(name))
    return content.getvalue()


def test_starts_and_stops_from_every_state(world: World, create: Create, execute: Execute) -> None:
    name = create(ZIP.read_bytes())
    assert stop(name).execute(context()) == {"application": name, "status": "READY", "snapshot": None}

    assert not start(name).waiting(name).stop_operation, "a killed task leaves it starting"
    started = execute(start(name), context())
    assert (started["status"], started["restored_from"]) == ("RUNNING", "SKIP_RESTORE_FROM_SNAPSHOT")
    assert start(name).execute(context()) == started, "one that runs is left alone"

    stopped = execute(stop(name), context())
    assert stopped["status"] == "READY"
    assert stopped["snapshot"]
    assert stop(name).execute(context()) == stopped, "one that is stopped is left alone"

    again = start(name).execute(context())
    assert (again["status"], again["restored_from"]) == ("RUNNING", "RESTORE_FROM_LATEST_SNAPSHOT")
    world.aws.client("kinesisanalyticsv2").stop_application(ApplicationName=name)
    named = start(name, snapshot=stopped["snapshot"]).execute(context())
    assert named["restored_from"] == stopped["snapshot"], "one that is stopping is waited for, then started"
    assert stop(name, force=True).execute(context())["status"] == "READY"


def test_an_application_that_fails_is_told_in_its_own_words(world: World, create: Create, execute: Execute) -> None:
    name = create(with_main(BROKEN))
    with pytest.raises(RuntimeError, match="The detection needs a threshold") as error:
        execute(start(name), context())
    assert f"group /aws/kinesis-analytics/{name}" in str(error.value)
    assert status(world, name) != "RUNNING"


def test_an_unknown_snapshot_is_refused_with_those_there_are(world: World, create: Create) -> None:
    name = create(ZIP.read_bytes())
    with pytest.raises(DataError, match=f"{name} has no snapshot 'yesterday'; it has none"):
        start(name, snapshot="yesterday").execute(context())
    assert status(world, name) == "READY"


@pytest.mark.parametrize(
    "look", [lambda: start("gone").execute(context()), lambda: stop("gone").execute(context()), lambda: drilled(True)]
)
def test_an_application_that_is_not_deployed_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch, look: Callable[[], Any]
) -> None:
    monkeypatch.setenv("ECOMM_FLINK_APPLICATION", "gone")
    settings.cache_clear()
    with pytest.raises(DataError, match=r"There is no Flink application gone; deploy the stacks \(make deploy\)"):
        look()
