"""The deploy command as a person runs it: what it shows, what it changes, and how it goes on after a stop."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.deploy import main
from tests.infra.conftest import Aws, Checkout
from tests.waiting import wait_until

# A stack that stays in progress until its gate is signalled.
GATE = {
    "Resources": {
        "Gate": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "CreationPolicy": {"ResourceSignal": {"Count": 1, "Timeout": "PT2M"}},
        }
    }
}
SMALL = """\
Parameters:
  Stage: {Type: String}
  Prefix: {Type: String, Default: ecommerce}
Resources:
  ArtifactsBucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "${Prefix}-small-${Stage}"
Outputs:
  ArtifactsBucket: {Value: !Ref ArtifactsBucket}
"""


def small(checkout: Checkout) -> None:
    """Makes the storage stack of the checkout a single bucket."""
    checkout.template("storage").write_text(SMALL)


def test_first_run_shows_changes_and_events(deployed: tuple[Checkout, str]) -> None:
    said = deployed[1]
    assert "ecomm-storage-dev: 8 changes" in said
    assert "ecomm-batch-dev: 17 changes" in said
    assert "  add         RawBucket              AWS::S3::Bucket\n" in said
    assert "  add         FlinkApplication " in said
    assert said.count("CREATE_COMPLETE") == 8 + 17 + 24 + 24 + 4
    assert "\033[" not in said


def test_second_run_changes_nothing(deployed: tuple[Checkout, str], aws: Aws) -> None:
    checkout, _ = deployed
    before = aws("cloudformation").describe_stacks(StackName="ecomm-batch-dev")["Stacks"][0]["LastUpdatedTime"]
    written = checkout.settings("dev").read_text()
    again = checkout.deploy("--yes")
    assert again.returncode == 0, again.stderr
    assert [line.split(": ")[-1] for line in again.stdout.splitlines()[1:6]] == ["unchanged"] * 5
    assert checkout.settings("dev").read_text() == written
    stack = aws("cloudformation").describe_stacks(StackName="ecomm-batch-dev")["Stacks"][0]
    assert stack["LastUpdatedTime"] == before
    names = [
        entry["ChangeSetName"]
        for entry in aws("cloudformation").list_change_sets(StackName="ecomm-batch-dev")["Summaries"]
    ]
    assert len(names) <= 1


def test_two_stages_have_nothing_in_common(deployed: tuple[Checkout, str], checkout: Checkout, aws: Aws) -> None:
    """As two people in one account, who both deploy everything and choose nothing but the stage."""

    # These have no names of their own: they lie in a database, in a log group, in an application.
    within = {"AWS::Glue::Table", "AWS::Logs::LogStream", "AWS::KinesisAnalyticsV2::ApplicationCloudWatchLoggingOption"}

    def made(stage: str) -> set[tuple[str, str]]:
        names = [f"ecomm-{name}-{stage}" for name in ("storage", "batch", "streaming", "detection")]
        return {
            (resource["ResourceType"], resource["PhysicalResourceId"])
            for name in names
            for resource in aws("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
        }

    assert checkout.deploy("--yes", "--stage", "beside").returncode == 0
    assert len(made("beside")) == len(made("dev")) == 8 + 17 + 24 + 24
    assert {kind for kind, _ in made("beside") & made("dev")} <= within
    assert deployed[0].deploy("--yes").stdout.count(": unchanged\n") >= 4


def test_a_changed_parameter_is_shown_applied_and_kept(checkout: Checkout, aws: Aws) -> None:
    stage = ("--stage", "param")
    assert checkout.deploy("--yes", *stage).returncode == 0
    changed = checkout.deploy("--yes", *stage, "--parameter", "batch.MaxWorkers=8")
    assert changed.returncode == 0, changed.stderr
    assert "ecomm-batch-param: 1 change\n  MaxWorkers: 5 → 8\n" in changed.stdout
    assert "  change      GlueJob  AWS::Glue::Job  NumberOfWorkers\n" in changed.stdout
    assert int(aws("glue").get_job(JobName="ecomm-csv-to-parquet-param")["Job"]["NumberOfWorkers"]) == 8
    later = checkout.deploy("--yes", *stage)
    assert "  MaxWorkers stays 8 (the template says 5)\necomm-batch-param: unchanged\n" in later.stdout
    assert int(aws("glue").get_job(JobName="ecomm-csv-to-parquet-param")["Job"]["NumberOfWorkers"]) == 8


def test_a_prefix_stays_with_the_stack(checkout: Checkout) -> None:
    small(checkout)
    assert checkout.deploy("--yes", "--stack", "storage", "--stage", "kept", "--prefix", "acme").returncode == 0
    later = checkout.deploy("--yes", "--stack", "storage", "--stage", "kept")
    assert "ecomm-storage-kept: unchanged" in later.stdout
    settings = json.loads(checkout.settings("kept").read_text())
    assert (settings["prefix"], settings["artifacts_bucket"]) == ("acme", "acme-small-kept")


def test_only_a_changed_script_is_uploaded(checkout: Checkout, aws: Aws) -> None:
    small(checkout)
    other = checkout.script.with_name("other.py")
    other.write_text("print('other')\n")
    command = ("--yes", "--stack", "storage", "--stage", "script")
    assert checkout.deploy(*command).returncode == 0
    checkout.script.write_text("print('second')\n")
    again = checkout.deploy(*command)
    assert "s3://ecommerce-small-script/glue_scripts/csv_to_parquet.py: uploading" in again.stdout
    assert "glue_scripts/other.py: unchanged" in again.stdout
    stored = aws("s3").get_object(Bucket="ecommerce-small-script", Key="glue_scripts/csv_to_parquet.py")
    assert stored["Body"].read() == b"print('second')\n"


def test_settings_go_where_asked(checkout: Checkout, tmp_path: Path) -> None:
    small(checkout)
    file = tmp_path / "elsewhere" / "deployment.json"
    done = checkout.deploy("--yes", "--stack", "storage", "--stage", "file", "--outputs", str(file))
    assert done.returncode == 0, done.stderr
    assert json.loads(file.read_text()) == {
        "region": "us-east-1",
        "stage": "file",
        "prefix": "ecommerce",
        "artifacts_bucket": "ecommerce-small-file",
    }
    assert not checkout.settings("file").exists()


def test_dry_run_changes_nothing(checkout: Checkout, aws: Aws) -> None:
    done = checkout.deploy("--dry-run", "--stage", "dry")
    assert done.returncode == 0, done.stderr
    assert "  add         CuratedBucket" in done.stdout
    assert "ecomm-batch-dry: can be shown once the stacks before it exist" in done.stdout
    stacks = aws("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks if stack["StackName"].endswith("-dry")] == []
    assert not checkout.settings("dry").exists()


def test_a_failed_creation_is_explained_and_the_next_run_goes_on(checkout: Checkout, aws: Aws) -> None:
    template = checkout.template("batch")
    good = template.read_text()
    template.write_text(good.replace("DatabaseName: !Ref CuratedDatabase", "DatabaseName: nowhere"))
    failed = checkout.deploy("--yes", "--stage", "broken")
    assert failed.returncode == 1
    assert "ecomm-batch-broken ended as ROLLBACK_COMPLETE. Nothing that it made is left." in failed.stderr
    assert "  MalformedTable (AWS::Glue::Table): " in failed.stderr
    assert "nowhere" in failed.stderr
    assert "Traceback" not in failed.stderr

    template.write_text(good)
    repaired = checkout.deploy("--yes", "--stage", "broken")
    assert repaired.returncode == 0, repaired.stderr
    assert "ecomm-batch-broken is left from a creation that failed; it has to be deleted first" in repaired.stdout
    tables = aws("glue").get_tables(DatabaseName="db_ecommerce_curated_broken")["TableList"]
    assert len(tables) == 3


def test_a_failed_change_is_taken_back_and_explained(checkout: Checkout, aws: Aws) -> None:
    assert checkout.deploy("--yes", "--stage", "back").returncode == 0
    template = checkout.template("batch")
    same_name = "{CatalogId: !Ref AWS::AccountId, DatabaseInput: {Name: !Ref RawDatabase}}"
    second = f"Resources:\n  Second: {{Type: AWS::Glue::Database, Properties: {same_name}}}\n"
    template.write_text(template.read_text().replace("Resources:\n", second, 1))
    failed = checkout.deploy("--yes", "--stage", "back", "--parameter", "batch.MaxWorkers=9")
    assert failed.returncode == 1
    assert "ecomm-batch-back ended as UPDATE_ROLLBACK_COMPLETE. It is as it was before." in failed.stderr
    assert "  Second (AWS::Glue::Database): " in failed.stderr
    assert "→ Something outside of this stack has the name." in failed.stderr
    assert int(aws("glue").get_job(JobName="ecomm-csv-to-parquet-back")["Job"]["NumberOfWorkers"]) == 5


def test_a_taken_bucket_name_is_explained(checkout: Checkout, aws: Aws) -> None:
    aws("s3").create_bucket(Bucket="ecommerce-raw-us-east-1-taken")
    failed = checkout.deploy("--yes", "--stage", "taken")
    assert failed.returncode == 1
    assert "RawBucket (AWS::S3::Bucket): " in failed.stderr
    assert "ecommerce-raw-us-east-1-taken" in failed.stderr
    assert "→ Names of buckets are unique among all of AWS. Choose another first word with --prefix" in failed.stderr
    assert checkout.deploy("--yes", "--stage", "taken", "--prefix", "acme", "--stack", "storage").returncode == 0


def test_a_template_that_is_none_is_explained(checkout: Checkout) -> None:
    checkout.template("storage").write_text("Resources: {Bucket: {Type: [}}\n")
    failed = checkout.deploy("--yes", "--stage", "none")
    assert failed.returncode == 1
    assert "Template format error" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        (
            ["--stage", "quiet"],
            {},
            "There is no terminal to ask at. Give --yes to apply changes, or --dry-run to see them.",
        ),
        (["--yes", "--stage", "Not-A-Stage"], {}, "must be 2 to 12 lower case letters or digits"),
        (
            ["--yes", "--stage", "alone", "--stack", "batch"],
            {},
            "The stack batch needs RawBucket, CuratedBucket, Artifacts",
        ),
        (
            ["--yes", "--parameter", "storage.Days=1"],
            {},
            "infra/storage.yaml has no parameter Days; it has DerivedHistory",
        ),
        (["--yes"], {"AWS_ACCESS_KEY_ID": None}, "wants credentials, any: export AWS_ACCESS_KEY_ID=local"),
        (["--yes"], {"AWS_PROFILE": "nobody"}, "The config profile (nobody) could not be found."),
        (
            ["--yes"],
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            "Nothing answers at http://127.0.0.1:9. Start the local",
        ),
        (
            ["--yes", "--region", "us-esat-1"],
            {"AWS_ENDPOINT_URL": None},
            "AWS has no region 'us-esat-1'. Near to it: us-",
        ),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence(
    complaint: Callable[..., str], arguments: list[str], variables: dict[str, str | None], sentence: str
) -> None:
    assert sentence in complaint(arguments, variables)


@pytest.fixture
def complaint(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs the command inside the test's own process, which is faster, and returns what it says when it fails."""

    def run(arguments: list[str], variables: dict[str, str | None]) -> str:
        for name in variables:
            monkeypatch.delenv(name, raising=False)
        for name, value in checkout.environment(**variables).items():
            monkeypatch.setenv(name, value)
        assert main(arguments) == 1
        return capsys.readouterr().err

    return run


@pytest.mark.parametrize("parameter", ["batch", "batch.MaxWorkers", "nothing.MaxWorkers=1", "batch.Stage=test"])
def test_a_parameter_that_can_not_be_read_is_refused(capsys: pytest.CaptureFixture[str], parameter: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--parameter", parameter])
    assert f"--parameter {parameter!r}" in capsys.readouterr().err


def test_help_shows_examples(checkout: Checkout) -> None:
    shown = checkout.deploy("--help")
    assert shown.returncode == 0
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:4566 python -m infra.deploy --yes" in shown.stdout


@pytest.mark.parametrize(("answer", "applied"), [("n\n", False), ("\n", False), ("y\n", True)])
def test_a_person_is_asked_in_colour(checkout: Checkout, aws: Aws, answer: str, applied: bool) -> None:
    small(checkout)
    stage = f"asked{ord(answer[0])}"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        checkout.command("--stack", "storage", "--stage", stage),
        cwd=checkout.folder,
        env=checkout.environment(NO_COLOR=None),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = read_until(ours, b"[y/N] ")
    assert b"\033[32madd" in said
    os.write(ours, answer.encode())
    said = read_until(ours, b"settings: " if applied else b"was left as it is.")
    assert process.wait(timeout=120) == (0 if applied else 1)
    os.close(ours)
    stacks = [stack["StackName"] for stack in aws("cloudformation").describe_stacks()["Stacks"]]
    assert (f"ecomm-storage-{stage}" in stacks) is applied


def read_until(descriptor: int, end: bytes) -> bytes:
    said = b""
    while end not in said:
        said += os.read(descriptor, 4096)
    return said


def test_an_operation_under_way_is_waited_for(checkout: Checkout, aws: Aws) -> None:
    small(checkout)
    cloudformation = aws("cloudformation")
    name = "ecomm-storage-gate"
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(GATE))
    process = subprocess.Popen(
        checkout.command("--yes", "--stack", "storage", "--stage", "gate"),
        cwd=checkout.folder,
        env=checkout.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    said = process.stdout.readline() + process.stdout.readline()
    assert f"{name} is CREATE_IN_PROGRESS from an earlier run; waiting for it" in said
    cloudformation.signal_resource(StackName=name, LogicalResourceId="Gate", UniqueId="1", Status="SUCCESS")
    said += process.communicate(timeout=120)[0]
    assert process.returncode == 0
    assert "  add         ArtifactsBucket  AWS::S3::Bucket" in said
    assert "  remove      Gate" in said


def test_an_interruption_leaves_the_stack_to_the_next_run(checkout: Checkout, aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    name = "ecomm-storage-stop"
    checkout.template("storage").write_text(
        SMALL.replace("Resources:\n", "Resources:\n  Gate: " + json.dumps(GATE["Resources"]["Gate"]) + "\n")
    )
    process = subprocess.Popen(
        checkout.command("--yes", "--stack", "storage", "--stage", "stop"),
        cwd=checkout.folder,
        env=checkout.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(
        lambda: any(
            stack["StackName"] == name and stack["StackStatus"] == "CREATE_IN_PROGRESS"
            for stack in cloudformation.describe_stacks()["Stacks"]
        )
    )
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert said == "Interrupted. What CloudFormation has begun goes on; the same command takes it up.\n"
    cloudformation.signal_resource(StackName=name, LogicalResourceId="Gate", UniqueId="1", Status="SUCCESS")
    done = checkout.deploy("--yes", "--stack", "storage", "--stage", "stop")
    assert done.returncode == 0, done.stderr
    assert f"{name}: unchanged" in done.stdout
    assert checkout.settings("stop").exists()
