"""Datasets and jobs through the API and through templates, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Platform
from tests.local.aws import client, deploy, refusal, remove
from tests.local.databrew.conftest import ROLE, Profiles

S3 = {"S3InputDefinition": {"Bucket": "bucket", "Key": "k.csv"}}


def test_a_dataset_is_described_listed_changed_and_deleted(profiles: Profiles) -> None:
    databrew, name = profiles.databrew, profiles.name
    databrew.create_dataset(Name=name, Input=S3, Format="CSV", Tags={"a": "1"})
    found = databrew.describe_dataset(Name=name)
    assert (found["Input"], found["Source"], found["Tags"]) == (S3, "S3", {"a": "1"})
    assert found["ResourceArn"] == f"arn:aws:databrew:us-east-1:000000000000:dataset/{name}"
    assert name in [dataset["Name"] for dataset in databrew.list_datasets()["Datasets"]]
    other = {"S3InputDefinition": {"Bucket": "bucket", "Key": "other/"}}
    databrew.update_dataset(Name=name, Input=other)
    assert databrew.describe_dataset(Name=name)["Input"] == other
    profiles.create_job()
    assert refusal(databrew.delete_dataset, Name=name)[0] == "ConflictException"
    databrew.delete_job(Name=name)
    databrew.delete_dataset(Name=name)
    assert refusal(databrew.describe_dataset, Name=name) == (
        "ResourceNotFoundException",
        f"Dataset {name} was not found.",
    )


def test_a_job_is_described_listed_and_changed(profiles: Profiles) -> None:
    profiles.create("k.csv", Timeout=30)
    databrew, name = profiles.databrew, profiles.name
    found = databrew.describe_job(Name=name)
    assert (found["Type"], found["Timeout"], found["MaxCapacity"]) == ("PROFILE", 30, 5)
    assert found["JobSample"] == {"Mode": "FULL_DATASET"}
    jobs = databrew.list_jobs(DatasetName=name)["Jobs"]
    assert [job["Name"] for job in jobs] == [name]
    databrew.update_profile_job(Name=name, OutputLocation={"Bucket": "elsewhere"}, RoleArn=ROLE)
    changed = databrew.describe_job(Name=name)
    assert changed["Outputs"][0]["Location"] == {"Bucket": "elsewhere"}
    assert (changed["JobSample"], changed["Timeout"]) == ({"Mode": "CUSTOM_ROWS", "Size": 20_000}, 2880)
    assert refusal(databrew.describe_job_run, Name=name, RunId="db_1")[0] == "ResourceNotFoundException"


def test_lists_come_in_pages(profiles: Profiles) -> None:
    profiles.put("k.csv", "a\n1\n")
    profiles.create("k.csv")
    runs = [profiles.ended(profiles.start())["RunId"] for _ in range(3)]
    pages = profiles.databrew.get_paginator("list_job_runs").paginate(
        Name=profiles.name, PaginationConfig={"PageSize": 2}
    )
    assert [[run["RunId"] for run in page["JobRuns"]] for page in pages] == [runs[:0:-1], runs[:1]]
    code, sentence = refusal(profiles.databrew.list_job_runs, Name=profiles.name, NextToken="x")
    assert (code, sentence) == ("ValidationException", "The NextToken 'x' is not one that was given out.")


COLUMNS: Any = lambda **statistics: {"ColumnStatisticsConfigurations": [{"Statistics": statistics}]}  # noqa: E731


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"Configuration": COLUMNS(IncludedStatistics=["KURTOSIS"])}, "does not compute the statistic KURTOSIS"),
        ({"Configuration": COLUMNS(IncludedStatistics=["LUCK"])}, "There is no statistic LUCK here"),
        (
            {
                "Configuration": COLUMNS(
                    Overrides=[{"Statistic": "MINIMUM_VALUES", "Parameters": {"sampleSize": "none"}}]
                )
            },
            "The sampleSize 'none' of MINIMUM_VALUES is neither a number above 0 nor ALL.",
        ),
        ({"Configuration": {"ProfileColumns": [{"Regex": "("}]}}, "'(' is no regular expression"),
        ({"Configuration": {"EntityDetectorConfiguration": {"EntityTypes": ["DATE"]}}}, "no personal data"),
        ({"ValidationConfigurations": [{"RulesetArn": "arn:aws:databrew:::ruleset/a"}]}, "validates no rulesets"),
        ({"EncryptionMode": "NONE"}, "satisfy enum value set: [SSE-KMS, SSE-S3]"),
    ],
    ids=["uncomputed", "unknown", "size", "regex", "entities", "rulesets", "enum"],
)
def test_a_job_that_cannot_run_here_is_refused(profiles: Profiles, settings: dict[str, Any], sentence: str) -> None:
    profiles.databrew.create_dataset(Name=profiles.name, Input=S3)
    with pytest.raises(profiles.databrew.exceptions.ValidationException) as refused:
        profiles.create_job(**settings)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        ({"Input": {"S3InputDefinition": {"Bucket": "bucket"}}}, "give a bucket and a key"),
        ({"Input": {"DataCatalogInputDefinition": {"DatabaseName": "d", "TableName": "t"}}}, "reads datasets from S3"),
        ({"Input": S3, "Format": "PARQUET"}, "profiles CSV, not PARQUET"),
        ({"Input": S3, "PathOptions": {"FilesLimit": {"MaxFiles": 1}}}, "knows no PathOptions"),
        ({"Input": {"S3InputDefinition": {"Bucket": "bucket", "Key": "<(>"}}}, "The key '<(>' does not read"),
    ],
)
def test_a_dataset_that_cannot_be_read_here_is_refused(
    profiles: Profiles, dataset: dict[str, Any], sentence: str
) -> None:
    code, said = refusal(profiles.databrew.create_dataset, Name=profiles.name, **dataset)
    assert code == "ValidationException"
    assert sentence in said


def test_what_else_databrew_does_is_refused(profiles: Profiles) -> None:
    code, sentence = refusal(profiles.databrew.list_recipes)
    assert (code, sentence.startswith("ListRecipes is not part of the local platform")) == ("ValidationException", True)
    assert refusal(profiles.databrew.start_job_run, Name="nobody")[0] == "ResourceNotFoundException"
    profiles.create("k.csv")
    assert refusal(profiles.create_job)[0] == "ConflictException"


def resources(**job: Any) -> dict[str, Any]:
    return {
        "Dataset": {
            "Type": "AWS::DataBrew::Dataset",
            "Properties": {"Name": "of-a-stack", "Format": "CSV", "Input": S3},
        },
        "Job": {
            "Type": "AWS::DataBrew::Job",
            "Properties": {
                "Name": "of-a-stack",
                "Type": "PROFILE",
                "DatasetName": {"Ref": "Dataset"},
                "RoleArn": ROLE,
                "OutputLocation": {"Bucket": "bucket", "Key": "profiles/"},
                "JobSample": {"Mode": "FULL_DATASET"},
                "Tags": [{"Key": "a", "Value": "1"}],
                **job,
            },
        },
    }


def test_a_stack_makes_changes_and_deletes_them(platform: Platform) -> None:
    databrew = client(platform, "databrew")
    configuration = {"DatasetStatisticsConfiguration": {"IncludedStatistics": ["NONE"]}}
    named = deploy(platform, "databrew", resources(Timeout={"Ref": "Minutes"}), Minutes="7")
    assert named == {"Dataset": "of-a-stack", "Job": "of-a-stack"}
    job = databrew.describe_job(Name="of-a-stack")
    assert (job["Timeout"], job["Tags"], job["DatasetName"]) == (7, {"a": "1"}, "of-a-stack")
    deploy(platform, "databrew", resources(ProfileConfiguration=configuration))
    job = databrew.describe_job(Name="of-a-stack")
    assert (job["Timeout"], job["ProfileConfiguration"]) == (2880, configuration)
    remove(platform, "databrew")
    assert "of-a-stack" not in [job["Name"] for job in databrew.list_jobs()["Jobs"]]
    assert "of-a-stack" not in [dataset["Name"] for dataset in databrew.list_datasets()["Datasets"]]


def test_a_recipe_job_in_a_template_is_refused(platform: Platform) -> None:
    with pytest.raises(AssertionError):
        deploy(platform, "databrew-recipe", resources(Type="RECIPE"))
    events = client(platform, "cloudformation").describe_stack_events(StackName="databrew-recipe")["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events]
    assert any("AWS::DataBrew::Job: the local platform runs jobs of the type PROFILE only." in said for said in reasons)
    remove(platform, "databrew-recipe")
