"""A dataset and a profile job of a test's own, over the raw bucket of its world."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.conftest import ROOT
from tests.plugins.conftest import World

ROLE = "arn:aws:iam::000000000000:role/profile"


class _Template(yaml.SafeLoader):
    """Of CloudFormation's functions, what they are given is enough here."""


_Template.add_multi_constructor(
    "!",
    lambda loader, _, node: getattr(loader, f"construct_{node.id}")(node),
)


def create_profile_job(world: World, **changes: Any) -> str:
    """The dataset and the job of the template, but in this world's buckets; the job's name."""
    with (ROOT / "infra/batch.yaml").open() as file:
        resources = yaml.load(file, _Template)["Resources"]
    dataset, job = resources["ProfileDataset"]["Properties"], resources["ProfileJob"]["Properties"]
    name = re.sub("^raw", "profile", world.names.raw_bucket)
    key = dataset["Input"]["S3InputDefinition"]["Key"]
    databrew = world.aws.client("databrew")
    databrew.create_dataset(
        Name=name,
        Format=dataset["Format"],
        FormatOptions=dataset["FormatOptions"],
        Input={"S3InputDefinition": {"Bucket": world.names.raw_bucket, "Key": key}},
    )
    settings = {
        "JobSample": job["JobSample"],
        "LogSubscription": job["LogSubscription"],
        "Configuration": job["ProfileConfiguration"],
        "OutputLocation": {"Bucket": world.names.artifacts_bucket, "Key": job["OutputLocation"]["Key"]},
        **changes,
    }
    databrew.create_profile_job(Name=name, DatasetName=name, RoleArn=ROLE, **settings)
    return name
