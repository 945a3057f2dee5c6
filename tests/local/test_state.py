"""State survives a stop and a kill: of every service that the pipeline uses, and of what a service knows of itself."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.state import StateKeeper
from tests.conftest import Platform, start_platform, stop_platform

WAIT_SECONDS = 120
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "OnlyTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::kept/*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}
TABLE: dict[str, Any] = {
    "Name": "t",
    "PartitionKeys": [{"Name": "p_year", "Type": "string"}],
    "StorageDescriptor": {"Columns": [{"Name": "n", "Type": "bigint"}], "Location": "s3://kept/t/"},
}
PARTITION = {"Values": ["2019"], "StorageDescriptor": {**TABLE["StorageDescriptor"], "Location": "s3://kept/t/v7/"}}


class Clients:
    def __init__(self, platform: Platform) -> None:
        self._endpoint = platform.endpoint

    def __getattr__(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self._endpoint)


def create_everything(aws: Clients) -> None:
    aws.s3.create_bucket(Bucket="kept")
    aws.s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    aws.s3.put_bucket_policy(Bucket="kept", Policy=json.dumps(POLICY))
    aws.s3.put_bucket_encryption(
        Bucket="kept",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    aws.s3.put_bucket_lifecycle_configuration(
        Bucket="kept",
        LifecycleConfiguration={
            "Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}]
        },
    )
    aws.s3.create_bucket(Bucket="empty")
    aws.s3.put_object(Bucket="kept", Key="t/v7/part", Body=b"first", Metadata={"of": "me"})
    aws.s3.put_object(Bucket="kept", Key="t/v7/part", Body=b"second", Metadata={"of": "me"})
    aws.glue.create_database(DatabaseInput={"Name": "db-kept"})
    aws.glue.create_table(DatabaseName="db-kept", TableInput=TABLE)
    aws.glue.create_partition(DatabaseName="db-kept", TableName="t", PartitionInput=PARTITION)
    aws.glue.create_crawler(
        Name="crawler-kept", Role="r", DatabaseName="db-kept", Targets={"S3Targets": [{"Path": "s3://kept/t/"}]}
    )
    aws.glue.create_job(Name="job-kept", Role="r", Command={"Name": "glueetl", "ScriptLocation": "s3://kept/j.py"})
    aws.athena.create_work_group(
        Name="group-kept",
        Configuration={
            "ResultConfiguration": {"OutputLocation": "s3://kept/results/"},
            "BytesScannedCutoffPerQuery": 10_000_000,
        },
    )
    aws.athena.create_prepared_statement(
        StatementName="statement_kept", WorkGroup="group-kept", QueryStatement="SELECT ? + 1"
    )
    aws.iam.create_role(RoleName="role-kept", AssumeRolePolicyDocument=json.dumps(TRUST))
    aws.logs.create_log_group(logGroupName="/kept")
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic-kept"}}}}
    aws.cloudformation.create_stack(StackName="stack-kept", TemplateBody=json.dumps(template))
    aws.cloudformation.get_waiter("stack_create_complete").wait(
        StackName="stack-kept", WaiterConfig={"Delay": 1, "MaxAttempts": WAIT_SECONDS}
    )


def check_everything(aws: Clients) -> None:
    assert {bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]} == {"kept", "empty"}
    assert aws.s3.get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"
    assert json.loads(aws.s3.get_bucket_policy(Bucket="kept")["Policy"]) == POLICY
    assert aws.s3.get_bucket_encryption(Bucket="kept")["ServerSideEncryptionConfiguration"]["Rules"]
    (rule,) = aws.s3.get_bucket_lifecycle_configuration(Bucket="kept")["Rules"]
    assert (rule["Filter"], rule["Expiration"]) == ({"Prefix": "x/"}, {"Days": 3})
    found = aws.s3.get_object(Bucket="kept", Key="t/v7/part")
    assert (found["Body"].read(), found["Metadata"]) == (b"second", {"of": "me"})
    versions = aws.s3.list_object_versions(Bucket="kept")["Versions"]
    bodies = [
        aws.s3.get_object(Bucket="kept", Key=version["Key"], VersionId=version["VersionId"])["Body"].read()
        for version in versions
    ]
    assert sorted(bodies) == [b"first", b"second"]
    table = aws.glue.get_table(DatabaseName="db-kept", Name="t")["Table"]
    assert table["StorageDescriptor"]["Columns"] == [{"Name": "n", "Type": "bigint"}]
    (partition,) = aws.glue.get_partitions(DatabaseName="db-kept", TableName="t")["Partitions"]
    assert (partition["Values"], partition["StorageDescriptor"]["Location"]) == (["2019"], "s3://kept/t/v7/")
    assert aws.glue.get_crawler(Name="crawler-kept")["Crawler"]["State"] == "READY"
    assert aws.glue.get_job(JobName="job-kept")["Job"]["Command"]["ScriptLocation"] == "s3://kept/j.py"
    group = aws.athena.get_work_group(WorkGroup="group-kept")["WorkGroup"]["Configuration"]
    assert group["BytesScannedCutoffPerQuery"] == 10_000_000
    statement = aws.athena.get_prepared_statement(StatementName="statement_kept", WorkGroup="group-kept")
    assert statement["PreparedStatement"]["QueryStatement"] == "SELECT ? + 1"
    assert aws.iam.get_role(RoleName="role-kept")["Role"]["AssumeRolePolicyDocument"] == TRUST
    assert [group["logGroupName"] for group in aws.logs.describe_log_groups()["logGroups"]] == ["/kept"]
    (stack,) = aws.cloudformation.describe_stacks(StackName="stack-kept")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert [topic["TopicArn"].rpartition(":")[2] for topic in aws.sns.list_topics()["Topics"]] == ["topic-kept"]


def wait_until_saved(var: Path, service: str, text: str) -> float:
    """The seconds until the state on disk says it."""
    begun = time.monotonic()
    path = var / "aws" / "state" / f"{service}.json"
    while time.monotonic() - begun < WAIT_SECONDS:
        if path.exists() and text in path.read_text():
            return time.monotonic() - begun
        time.sleep(0.02)
    raise AssertionError(f"{text} was not saved in {path}.")


def test_everything_survives_a_stop_and_then_a_kill(tmp_path: Path) -> None:
    running = start_platform(tmp_path)
    try:
        create_everything(Clients(running))
        stop_platform(running)
        running = start_platform(tmp_path)
        check_everything(Clients(running))
        Clients(running).glue.create_database(DatabaseInput={"Name": "db-late"})
        Clients(running).iam.delete_role(RoleName="role-kept")
        wait_until_saved(tmp_path, "glue", "db-late")
        Clients(running).iam.create_role(RoleName="role-kept", AssumeRolePolicyDocument=json.dumps(TRUST))
        wait_until_saved(tmp_path, "iam", "role-kept")
        stop_platform(running, signal.SIGKILL)
        running = start_platform(tmp_path)
        check_everything(Clients(running))
        assert Clients(running).glue.get_database(Name="db-late")["Database"]["Name"] == "db-late"
    finally:
        stop_platform(running)


def test_what_is_deleted_stays_deleted_after_a_kill(tmp_path: Path) -> None:
    running = start_platform(tmp_path)
    try:
        aws = Clients(running)
        aws.glue.create_database(DatabaseInput={"Name": "gone"})
        aws.glue.create_database(DatabaseInput={"Name": "stays"})
        wait_until_saved(tmp_path, "glue", "gone")
        aws.glue.delete_database(Name="gone")
        deadline = time.monotonic() + WAIT_SECONDS
        while "gone" in (tmp_path / "aws/state/glue.json").read_text():
            assert time.monotonic() < deadline, "The deletion was not saved."
            time.sleep(0.02)
        stop_platform(running, signal.SIGKILL)
        running = start_platform(tmp_path)
        assert [found["Name"] for found in Clients(running).glue.get_databases()["DatabaseList"]] == ["stays"]
        with pytest.raises(ClientError, match="EntityNotFound"):
            Clients(running).glue.get_database(Name="gone")
    finally:
        stop_platform(running)


# ---- the keeper ---------------------------------------------------------------------------------------------------


class Service:
    def __init__(self, *values: Any) -> None:
        self.values = list(values)
        self.looks = 0

    def __call__(self) -> Any:
        self.looks += 1
        value = self.values[0] if len(self.values) == 1 else self.values.pop(0)
        if isinstance(value, Exception):
            raise value
        return value


def keep(folder: Path, seconds: float, **services: Service) -> list[str]:
    """Runs a keeper for a while; the files it wrote, in order."""
    written: list[str] = []

    def encode(name: str, state: Any) -> str:
        if state == "unspeakable":
            raise TypeError("not for JSON")
        written.append(f"{name}={state}")
        return json.dumps(state)

    async def run() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, stop.set)
        await StateKeeper(folder, lambda: services, encode).run(stop)

    asyncio.run(run())
    return written


def test_state_is_written_when_it_changes_and_only_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy machine that holds a write up is no reason to look less often here.
    for share in ("LARGEST_SHARE", "LARGEST_SHARE_OF_WRITING"):
        monkeypatch.setattr(f"local.state.{share}", 1e9)
    file = tmp_path / "a.json"
    writings = set()

    class Watched(Service):
        def __call__(self) -> Any:
            if file.exists():
                writings.add((file.stat().st_mtime_ns, file.read_text()))
            return super().__call__()

    watched = Watched(1, 1, 1, 2)
    keep(tmp_path, 4, a=watched, nothing=Service(None))
    assert watched.looks > 4
    assert sorted(text for _, text in writings) == ["1", "2"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_one_service_in_trouble_does_not_keep_the_others_from_being_saved(tmp_path: Path) -> None:
    changing = Service(RuntimeError("dictionary changed size during iteration"), 5)
    keep(tmp_path, 1, a=Service("unspeakable"), b=changing, c=Service(3))
    assert (tmp_path / "b.json").read_text() == "5"
    assert (tmp_path / "c.json").read_text() == "3"
    assert not (tmp_path / "a.json").exists()


def test_a_service_that_changes_at_the_end_is_saved_all_the_same(tmp_path: Path) -> None:
    changing = Service(*[RuntimeError("dictionary changed size during iteration")] * 3, 5)
    keep(tmp_path, 0.1, a=changing)
    assert (tmp_path / "a.json").read_text() == "5"


def test_a_service_that_is_slow_to_copy_is_asked_less_often(tmp_path: Path) -> None:
    class Slow(Service):
        def __call__(self) -> Any:
            time.sleep(0.1)
            return super().__call__()

    quick, slow = Service(1), Slow(1)
    keep(tmp_path, 3, quick=quick, slow=slow)
    assert slow.looks == 2  # the first and the last
    assert quick.looks > 2
