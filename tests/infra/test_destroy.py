"""The destroy command: what it refuses, what it leaves, and that nothing is left where nothing is to stay."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from infra import buckets
from tests.infra.conftest import Aws, Checkout
from tests.infra.test_deploy import SMALL

type Destroy = Callable[..., subprocess.CompletedProcess[str]]
RAW = SMALL.replace("small", "raw-us-east-1").replace(
    "Type: AWS::S3::Bucket", "Type: AWS::S3::Bucket\n    DeletionPolicy: Retain"
)


@pytest.fixture
def destroy(checkout: Checkout) -> Destroy:
    return lambda *arguments: checkout.run("destroy", *arguments)


def deploy_bucket(checkout: Checkout, stage: str) -> str:
    """A storage stack of one versioned bucket, named as the raw one."""
    checkout.template("storage").write_text(
        RAW.replace("    Properties:\n", "    Properties:\n      VersioningConfiguration: {Status: Enabled}\n")
    )
    done = checkout.deploy("--yes", "--stack", "storage", "--stage", stage)
    assert done.returncode == 0, done.stderr
    return f"ecommerce-raw-us-east-1-{stage}"


def stacks(aws: Aws, stage: str) -> list[str]:
    found = [stack["StackName"] for stack in aws("cloudformation").describe_stacks()["Stacks"]]
    return [name for name in found if name.endswith(f"-{stage}")]


def names(aws: Aws) -> set[str]:
    return {bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"]}


def test_everything_of_a_stage_goes_in_reverse_and_nothing_of_another(
    checkout: Checkout, destroy: Destroy, aws: Aws, deployed: tuple[Checkout, str]
) -> None:
    assert checkout.deploy("--yes", "--stage", "gone").returncode == 0
    before = stacks(aws, "dev")
    done = destroy("--stage", "gone", "--yes")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line.endswith(": deleting")]
    assert said[:4] == [f"ecomm-{name}-gone: deleting" for name in ("detection", "streaming", "batch", "storage")]
    assert len(said) == 8
    assert stacks(aws, "gone") == []
    assert {name for name in names(aws) if name.endswith("-gone")} == set()
    assert not checkout.settings("gone").exists()
    assert stacks(aws, "dev") == before
    again = destroy("--stage", "gone", "--yes")
    assert (again.returncode, again.stdout.splitlines()[-1]) == (0, "There is nothing of the stage gone.")


def test_a_bucket_with_data_is_refused_before_anything_goes(checkout: Checkout, destroy: Destroy, aws: Aws) -> None:
    bucket = deploy_bucket(checkout, "data")
    aws("s3").put_object(Bucket=bucket, Key="ecomm_user_activity/2019.csv", Body=b"x" * 2_500_000)
    refused = destroy("--stage", "data", "--yes")
    assert refused.returncode == 1
    assert f"{bucket} holds" in refused.stderr
    assert "2.5 MB" in refused.stderr
    assert "Nothing was deleted. Give --keep-data to leave the buckets as they are, or --delete-data" in refused.stderr
    assert stacks(aws, "data") == ["ecomm-storage-data"]


def test_data_is_kept_when_told_and_found_again(checkout: Checkout, destroy: Destroy, aws: Aws) -> None:
    bucket = deploy_bucket(checkout, "kept2")
    aws("s3").put_object(Bucket=bucket, Key="one", Body=b"1")
    assert destroy("--stage", "kept2", "--yes", "--keep-data").returncode == 0
    assert stacks(aws, "kept2") == []
    assert aws("s3").get_object(Bucket=bucket, Key="one")["Body"].read() == b"1"
    assert destroy("--stage", "kept2", "--yes").returncode == 1
    assert destroy("--stage", "kept2", "--yes", "--delete-data").returncode == 0
    assert bucket not in names(aws)


def test_every_version_goes_when_told(checkout: Checkout, destroy: Destroy, aws: Aws) -> None:
    bucket = deploy_bucket(checkout, "all")
    for body in (b"1", b"2"):
        aws("s3").put_object(Bucket=bucket, Key="one", Body=body)
    aws("s3").delete_object(Bucket=bucket, Key="one")
    aws("s3").create_multipart_upload(Bucket=bucket, Key="unfinished")
    done = destroy("--stage", "all", "--yes", "--delete-data")
    assert done.returncode == 0, done.stderr
    assert f"  s3://{bucket}, with every version of every object\n" in done.stdout
    assert bucket not in names(aws)


def test_nothing_goes_without_a_yes(checkout: Checkout, destroy: Destroy, aws: Aws) -> None:
    deploy_bucket(checkout, "asked")
    refused = destroy("--stage", "asked", "--delete-data")
    assert refused.returncode == 1
    assert "There is no terminal to ask at. Give --yes to delete all this." in refused.stderr
    assert stacks(aws, "asked") == ["ecomm-storage-asked"]


def test_a_stack_that_another_needs_is_not_deleted_alone(deployed: tuple[Checkout, str], aws: Aws) -> None:
    refused = deployed[0].run("destroy", "--stack", "storage", "--yes")
    assert refused.returncode == 1
    assert (
        "detection, streaming, batch would be left without storage; name what is to go with --stack too"
        in refused.stderr
    )
    assert "ecomm-storage-dev" in stacks(aws, "dev")


def test_the_names_of_the_buckets_are_those_of_the_template(deployed: tuple[Checkout, str]) -> None:
    settings = json.loads(deployed[0].settings("dev").read_text())
    named = buckets.names("ecommerce", "us-east-1", "dev")
    assert named == {purpose: settings[f"{purpose}_bucket"] for purpose in named}
