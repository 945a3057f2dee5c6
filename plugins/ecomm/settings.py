"""Every name of the deployed platform, in one place, derived from region and stage.

A value comes from, in this order: an `ECOMM_<NAME>` variable; the stack outputs that the deploy command wrote (the file
named by `ECOMM_DEPLOYMENT`, else `include/deployment.json` of the package); the rule of its field.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ecomm.resources import INCLUDE


@dataclass(frozen=True)
class Settings:
    """Names of one stage in one region; the user's own names where the stage is `dev`.

    prefix: first word of the buckets' names, which are global on AWS. operations_topic_arn: who is told of failures;
    only a deployment knows it. console: where links to what runs on AWS begin.
    """

    region: str
    stage: str
    prefix: str
    raw_bucket: str
    curated_bucket: str
    artifacts_bucket: str
    raw_database: str
    curated_database: str
    sample_crawler: str
    uncompressed_crawler: str
    profile_job: str
    glue_job: str
    athena_workgroup: str
    clicks_stream: str
    counts_stream: str
    flink_application: str
    flink_log_group: str
    archive_stream: str
    detection_function: str
    detection_log_group: str
    alert_copies_queue: str
    mail_queue: str
    failed_queue: str
    operations_topic_arn: str
    console: str


def derive(region: str, stage: str, prefix: str) -> Settings:
    """The names that follow from region, stage and prefix alone; the templates in infra/ follow the same rules."""

    def bucket(purpose: str) -> str:
        return f"{prefix}-{purpose}-{region}-{stage}"

    # The names of the user's page are those of the stage `dev`; any other stage adds its own name, so that two stages
    # can live in one account.
    dash, underscore = ("", "") if stage == "dev" else (f"-{stage}", f"_{stage}")
    return Settings(
        region=region,
        stage=stage,
        prefix=prefix,
        raw_bucket=bucket("raw"),
        curated_bucket=bucket("curated"),
        artifacts_bucket=bucket("artifacts"),
        raw_database=f"db-ecommerce-raw{dash}",
        curated_database=f"db_ecommerce_curated{underscore}",
        sample_crawler=f"ecomm-user-activity-crawler-1{dash}",
        uncompressed_crawler=f"ecomm-user-activity-crawler-2{dash}",
        profile_job=f"ecomm-user-activity-profile{dash}",
        glue_job=f"ecomm-csv-to-parquet{dash}",
        athena_workgroup=f"ecomm-analytics{dash}",
        clicks_stream=f"ecommerce-raw-user-activity-stream-1{dash}",
        counts_stream=f"ecommerce-raw-user-activity-stream-2{dash}",
        flink_application=f"ecomm-user-activity-counts{dash}",
        flink_log_group=f"/aws/kinesis-analytics/ecomm-user-activity-counts{dash}",
        archive_stream=f"ecomm-user-activity-archive{dash}",
        detection_function=f"ecomm-detect-high-event-volume{dash}",
        detection_log_group=f"/aws/lambda/ecomm-detect-high-event-volume{dash}",
        alert_copies_queue=f"ecomm-alert-copies{dash}",
        mail_queue=f"ecomm-alert-mails{dash}",
        failed_queue=f"ecomm-detect-high-event-volume-failed{dash}",
        operations_topic_arn="",
        console=f"https://{region}.console.aws.amazon.com",
    )


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    given = _deployed() | {
        name.removeprefix("ECOMM_").lower(): value for name, value in os.environ.items() if name.startswith("ECOMM_")
    }
    derived = derive(
        region=given.get("region", os.environ.get("AWS_DEFAULT_REGION", "us-east-1")),
        stage=given.get("stage", "dev"),
        prefix=given.get("prefix", "ecommerce"),
    )
    names = derived.__dataclass_fields__
    return Settings(**{name: given.get(name, getattr(derived, name)) for name in names})


def _deployed() -> dict[str, str]:
    path = Path(os.environ.get("ECOMM_DEPLOYMENT", INCLUDE / "deployment.json"))
    return json.loads(path.read_text()) if path.is_file() else {}
