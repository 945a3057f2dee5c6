"""A bucket with datasets and profile jobs on the platform, each test's named after itself."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.conftest import Platform
from tests.local.aws import client
from tests.waiting import wait_until

ROLE = "arn:aws:iam::000000000000:role/profile"
ENDED = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT")
EVERYTHING = {"JobSample": {"Mode": "FULL_DATASET"}, "LogSubscription": "ENABLE"}


class Profiles:
    """Datasets and jobs of one name on one platform."""

    def __init__(self, platform: Platform, name: str) -> None:
        self.databrew = client(platform, "databrew")
        self.s3 = client(platform, "s3")
        self.logs = client(platform, "logs")
        self.name = self.bucket = name
        self.s3.create_bucket(Bucket=name)

    def put(self, key: str, body: str | bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def create(self, key: str, *, options: dict[str, Any] | None = None, **settings: Any) -> None:
        """A dataset of this key (CSV with these options) and a job with these settings."""
        location = {"Bucket": self.bucket, "Key": key}
        formats = {"FormatOptions": {"Csv": options}} if options else {}
        self.databrew.create_dataset(Name=self.name, Input={"S3InputDefinition": location}, Format="CSV", **formats)
        self.create_job(**settings)

    def create_job(self, **settings: Any) -> None:
        output = {"Bucket": self.bucket, "Key": "profiles/"}
        given = {**EVERYTHING, **settings}
        self.databrew.create_profile_job(
            Name=self.name, DatasetName=self.name, RoleArn=ROLE, OutputLocation=output, **given
        )

    def start(self) -> str:
        return str(self.databrew.start_job_run(Name=self.name)["RunId"])

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self.databrew.describe_job_run(Name=self.name, RunId=run_id))

    def ended(self, run_id: str) -> dict[str, Any]:
        return wait_until(lambda: run if (run := self.run(run_id))["State"] in ENDED else None)

    def profile(self) -> dict[str, Any]:
        """The result of a run that has to succeed."""
        run = self.ended(self.start())
        assert run["State"] == "SUCCEEDED", run.get("ErrorMessage")
        location = run["Outputs"][0]["Location"]
        return dict(json.loads(self.s3.get_object(Bucket=location["Bucket"], Key=location["Key"])["Body"].read()))

    def columns(self) -> dict[str, dict[str, Any]]:
        return {column["name"]: column for column in self.profile()["columns"]}

    def lines(self, run_id: str) -> list[str]:
        group = self.run(run_id)["LogGroupName"]
        events = self.logs.get_log_events(logGroupName=group, logStreamName=run_id, startFromHead=True)["events"]
        return [event["message"] for event in events]


def many_rows() -> str:
    """So many different values that a profile of them takes seconds."""
    return "a,b,c\n" + "".join(f"{number},{number * 7919 % 1_000_003}.5,user-{number}\n" for number in range(700_000))


@pytest.fixture
def profiles(platform: Platform, request: pytest.FixtureRequest) -> Profiles:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_")).strip("-")
    return Profiles(platform, name[:60].strip("-"))
