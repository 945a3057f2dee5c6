"""The package on its way to the Airflow environment: what is uploaded when, and what the environment is told of it.

The platform has no MWAA: the stack is a topic here that takes the same parameters.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.infra.conftest import Aws, Checkout

STORAGE = """\
Parameters:
  Stage: {Type: String}
Resources:
  AirflowBucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "airflow-${Stage}"
      VersioningConfiguration: {Status: Enabled}
Outputs:
  AirflowBucket: {Value: !Ref AirflowBucket}
"""
MWAA = """\
Parameters:
  Stage: {Type: String}
  PluginsVersion: {Type: String}
  RequirementsVersion: {Type: String}
Resources:
  Environment:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: !Sub "environment-${Stage}"
      DisplayName: !Ref PluginsVersion
"""
STACKS = ("--stack", "storage", "--stack", "mwaa")


@pytest.fixture
def repository(checkout: Checkout) -> Checkout:
    """With DAGs, plugins and requirements of its own."""
    checkout.template("storage").write_text(STORAGE)
    checkout.template("mwaa").write_text(MWAA)
    for path in ("dags/one.py", "dags/two.py", "plugins/ecomm/tasks.py", "simulator/clicks.py"):
        (checkout.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout.folder / path).write_text("first = True\n")
    shutil.copy(ROOT / "requirements.txt", checkout.folder)
    return checkout


def change(repository: Checkout, path: str) -> None:
    (repository.folder / path).write_text("second = True\n")


def dags(aws: Aws, stage: str) -> dict[str, bytes]:
    s3, bucket = aws("s3"), f"airflow-{stage}"
    found = s3.list_objects_v2(Bucket=bucket, Prefix="dags/").get("Contents", [])
    return {Path(entry["Key"]).stem: s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read() for entry in found}


def told(aws: Aws, stage: str) -> str:
    """The version of plugins.zip that the environment names."""
    topic = f"arn:aws:sns:us-east-1:000000000000:environment-{stage}"
    return str(aws("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"])


def stored(aws: Aws, stage: str) -> str:
    return str(aws("s3").head_object(Bucket=f"airflow-{stage}", Key="plugins.zip")["VersionId"])


def test_a_new_environment_finds_its_dags_and_is_told_the_versions(repository: Checkout, aws: Aws) -> None:
    stage = "born"
    done = repository.deploy("--yes", "--stage", stage, *STACKS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("dags/one.py: uploading") < done.stdout.index("CREATE_COMPLETE", done.stdout.index("mwaa"))
    assert dags(aws, stage).keys() == {"one", "two"}
    assert told(aws, stage) == stored(aws, stage)
    again = repository.deploy("--yes", "--stage", stage, *STACKS)
    assert f"ecomm-mwaa-{stage}: unchanged" in again.stdout
    assert ": uploading" not in again.stdout


def test_dags_follow_the_change_that_they_may_need(repository: Checkout, aws: Aws) -> None:
    stage = "grown"
    assert repository.deploy("--yes", "--stage", stage, *STACKS).returncode == 0
    before = told(aws, stage)
    change(repository, "dags/one.py")
    change(repository, "plugins/ecomm/tasks.py")
    (repository.folder / "dags" / "two.py").unlink()

    refused = repository.deploy("--stage", stage, *STACKS)
    assert refused.returncode == 1
    assert "There is no terminal to ask at." in refused.stderr
    assert dags(aws, stage) == {"one": b"first = True\n", "two": b"first = True\n"}
    assert told(aws, stage) == before

    done = repository.deploy("--yes", "--stage", stage, *STACKS)
    assert done.returncode == 0, done.stderr
    assert f"PluginsVersion: {before} → {stored(aws, stage)}\n" in done.stdout
    assert done.stdout.index("UPDATE_COMPLETE") < done.stdout.index("dags/one.py: uploading")
    assert f"s3://airflow-{stage}/dags/two.py: deleting" in done.stdout
    assert dags(aws, stage) == {"one": b"second = True\n"}
    assert told(aws, stage) == stored(aws, stage)


def test_a_dry_run_says_what_would_be_brought_and_brings_nothing(repository: Checkout, aws: Aws) -> None:
    stage = "shown"
    assert repository.deploy("--yes", "--stage", stage, "--stack", "storage").returncode == 0
    shown = repository.deploy("--dry-run", "--stage", stage, *STACKS)
    assert shown.returncode == 0, shown.stderr
    assert f"s3://airflow-{stage}/plugins.zip: to be uploaded" in shown.stdout
    assert "PluginsVersion: (of the file to be uploaded)" in shown.stdout
    assert "Contents" not in aws("s3").list_objects_v2(Bucket=f"airflow-{stage}")
