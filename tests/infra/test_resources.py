"""What stands after a deployment, asked from each service: names, and the properties that matter."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from ecomm.settings import Settings, derive

from tests.conftest import ROOT
from tests.infra.conftest import Aws, Checkout

DEV = derive("us-east-1", "dev", "ecommerce")
BUCKETS = [DEV.raw_bucket, DEV.curated_bucket, DEV.artifacts_bucket]

pytestmark = pytest.mark.usefixtures("deployed")


def names_of(checkout: Checkout, stage: str) -> dict[str, str]:
    """All but the console's address, which no deployment makes."""
    written = json.loads(checkout.settings(stage).read_text())
    return {name: written[name] for name in Settings.__dataclass_fields__ if name != "console"}


def derived(settings: Settings, account: str = "000000000000") -> dict[str, str]:
    """The topic's address has the account in it, so that only a deployment knows it."""
    dash = "" if settings.stage == "dev" else f"-{settings.stage}"
    topic = f"arn:aws:sns:{settings.region}:{account}:ecomm-operations{dash}"
    return {
        **{name: value for name, value in asdict(settings).items() if name != "console"},
        "operations_topic_arn": topic,
    }


def test_names_of_dev_are_those_of_the_settings(deployed: tuple[Checkout, str]) -> None:
    assert names_of(deployed[0], "dev") == derived(DEV)


def test_names_of_another_stage_are_those_of_the_settings(checkout: Checkout) -> None:
    done = checkout.deploy("--yes", "--stage", "qa", "--prefix", "acme", "--region", "eu-central-1")
    assert done.returncode == 0, done.stderr
    assert names_of(checkout, "qa") == derived(derive("eu-central-1", "qa", "acme"))


@pytest.mark.parametrize("bucket", BUCKETS)
def test_bucket_is_encrypted_private_and_versioned(aws: Aws, bucket: str) -> None:
    s3 = aws("s3")
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    public = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert len(public) == 4
    assert all(public.values())
    ownership = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_bucket_denies_what_comes_without_tls(aws: Aws, bucket: str) -> None:
    (statement,) = json.loads(aws("s3").get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]


@pytest.mark.parametrize(
    ("bucket", "history_days", "expiring"),
    [
        (DEV.raw_bucket, 30, {}),
        (DEV.curated_bucket, 7, {}),
        (DEV.artifacts_bucket, 7, {"athena-results/": 14, "spark-logs/": 30, "glue-temporary/": 7}),
    ],
)
def test_bucket_forgets_what_nothing_needs(aws: Aws, bucket: str, history_days: int, expiring: dict[str, int]) -> None:
    rules = {rule["ID"]: rule for rule in aws("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    assert all(rule["Status"] == "Enabled" for rule in rules.values())
    assert rules["abandoned-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rules["history"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == history_days
    assert rules["history"]["Expiration"]["ExpiredObjectDeleteMarker"] is True
    days = {
        _prefix(rule): rule["Expiration"]["Days"] for rule in rules.values() if "Days" in rule.get("Expiration", {})
    }
    assert days == expiring


def _prefix(rule: dict[str, Any]) -> str:
    return str(rule.get("Prefix") or rule.get("Filter", {}).get("Prefix"))


def test_script_lies_where_the_job_looks_for_it(aws: Aws, deployed: tuple[Checkout, str]) -> None:
    location = aws("glue").get_job(JobName=DEV.glue_job)["Job"]["Command"]["ScriptLocation"]
    assert location == f"s3://{DEV.artifacts_bucket}/glue_scripts/csv_to_parquet.py"
    stored = aws("s3").get_object(Bucket=DEV.artifacts_bucket, Key="glue_scripts/csv_to_parquet.py")
    assert stored["Body"].read() == deployed[0].script.read_bytes()


@pytest.mark.parametrize(
    ("crawler", "folder"),
    [
        (DEV.sample_crawler, "ecomm_user_activity_sample"),
        (DEV.uncompressed_crawler, "ecomm_user_activity_uncompressed"),
    ],
)
def test_crawler_reads_its_folder_into_one_table(aws: Aws, crawler: str, folder: str) -> None:
    found = aws("glue").get_crawler(Name=crawler)["Crawler"]
    assert [target["Path"] for target in found["Targets"]["S3Targets"]] == [f"s3://{DEV.raw_bucket}/{folder}/"]
    assert found["DatabaseName"] == DEV.raw_database
    assert found["SchemaChangePolicy"] == {
        "UpdateBehavior": "UPDATE_IN_DATABASE",
        "DeleteBehavior": "DELETE_FROM_DATABASE",
    }
    assert json.loads(found["Configuration"])["Grouping"]["TableLevelConfiguration"] == 2


def test_job_is_glue_6_and_runs_once_at_a_time(aws: Aws) -> None:
    job = aws("glue").get_job(JobName=DEV.glue_job)["Job"]
    assert (job["GlueVersion"], job["WorkerType"], job["NumberOfWorkers"]) == ("6.0", "G.1X", 5)
    assert (job["Timeout"], job["MaxRetries"]) == (60, 0)
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
    arguments = job["DefaultArguments"]
    assert arguments["--SOURCE"] == f"s3://{DEV.raw_bucket}/ecomm_user_activity_uncompressed/"
    assert arguments["--CLUSTER_BY"] == "category_id"


def test_logs_of_the_job_are_kept_for_a_while(aws: Aws) -> None:
    job = aws("glue").get_job(JobName=DEV.glue_job)["Job"]
    prefix = job["DefaultArguments"]["--custom-logGroup-prefix"]
    groups = aws("logs").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
    kept = {group["logGroupName"]: group["retentionInDays"] for group in groups}
    assert kept == {f"{prefix}/output": 30, f"{prefix}/error": 30}


def test_roles_of_crawlers_and_job_are_those_of_the_stack(aws: Aws) -> None:
    glue, iam = aws("glue"), aws("iam")
    roles = {
        glue.get_crawler(Name=DEV.sample_crawler)["Crawler"]["Role"],
        glue.get_job(JobName=DEV.glue_job)["Job"]["Role"],
    }
    assert len(roles) == 2
    for arn in roles:
        assert iam.get_role(RoleName=arn.split("/")[-1])["Role"]["Arn"] == arn


def test_workgroup_limits_a_query_and_lets_tables_choose_their_place(aws: Aws) -> None:
    workgroup = aws("athena").get_work_group(WorkGroup=DEV.athena_workgroup)["WorkGroup"]
    configuration = workgroup["Configuration"]
    assert workgroup["State"] == "ENABLED"
    assert configuration["BytesScannedCutoffPerQuery"] == 100 * 2**30
    assert configuration["EnforceWorkGroupConfiguration"] is False
    assert configuration["PublishCloudWatchMetricsEnabled"] is True
    assert configuration["EngineVersion"]["SelectedEngineVersion"] == "Athena engine version 3"
    results = configuration["ResultConfiguration"]
    assert results["OutputLocation"] == f"s3://{DEV.artifacts_bucket}/athena-results/"
    assert results["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}


@pytest.mark.parametrize("table", ["ecomm_user_activity", "ecomm_user_activity_quarantine"])
def test_table_is_parquet_by_month(aws: Aws, table: str) -> None:
    found = aws("glue").get_table(DatabaseName=DEV.curated_database, Name=table)["Table"]
    assert [(key["Name"], key["Type"]) for key in found["PartitionKeys"]] == [
        ("p_year", "string"),
        ("p_month", "string"),
    ]
    assert found["TableType"] == "EXTERNAL_TABLE"
    assert found["StorageDescriptor"]["Location"] == f"s3://{DEV.curated_bucket}/{table}/"
    assert "parquet" in found["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]


def test_malformed_records_are_a_table_of_json_lines(aws: Aws) -> None:
    found = aws("glue").get_table(DatabaseName=DEV.curated_database, Name="ecomm_user_activity_malformed")["Table"]
    descriptor = found["StorageDescriptor"]
    assert descriptor["Location"] == f"s3://{DEV.raw_bucket}/ecomm_user_activity_malformed/"
    assert descriptor["SerdeInfo"]["SerializationLibrary"] == "org.openx.data.jsonserde.JsonSerDe"
    assert [column["Name"] for column in descriptor["Columns"]] == ["day", "object", "line", "reason", "record"]


@pytest.mark.parametrize("stream", [DEV.clicks_stream, DEV.counts_stream])
def test_stream_is_on_demand_with_four_shards(aws: Aws, stream: str) -> None:
    summary = aws("kinesis").describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert (summary["StreamStatus"], summary["OpenShardCount"], summary["RetentionPeriodHours"]) == ("ACTIVE", 4, 24)


def test_stream_1_says_that_flink_reads_it(aws: Aws) -> None:
    tags = aws("kinesis").list_tags_for_stream(StreamName=DEV.clicks_stream)["Tags"]
    assert {"Key": "ecomm:reader", "Value": "flink"} in tags


def test_application_has_the_streams_and_the_code(aws: Aws, deployed: tuple[Checkout, str]) -> None:
    found = aws("kinesisanalyticsv2").describe_application(ApplicationName=DEV.flink_application)["ApplicationDetail"]
    assert (found["RuntimeEnvironment"], found["ApplicationStatus"]) == ("FLINK-2_2", "READY")
    configuration = found["ApplicationConfigurationDescription"]
    code = configuration["ApplicationCodeConfigurationDescription"]["CodeContentDescription"]
    key = code["S3ApplicationCodeLocationDescription"]["FileKey"]
    stored = aws("s3").get_object(Bucket=DEV.artifacts_bucket, Key=key)["Body"].read()
    assert stored == deployed[0].application.read_bytes()
    groups = {
        group["PropertyGroupId"]: group["PropertyMap"]
        for group in configuration["EnvironmentPropertyDescriptions"]["PropertyGroupDescriptions"]
    }
    assert groups["InputStream0"]["stream.arn"].endswith(f":stream/{DEV.clicks_stream}")
    assert groups["OutputStream0"]["stream.arn"].endswith(f":stream/{DEV.counts_stream}")
    example = json.loads((ROOT / "include/flink/application_properties.json").read_text())
    (detection,) = (group["PropertyMap"] for group in example if group["PropertyGroupId"] == "Detection")
    assert groups["Detection"] == detection
    assert configuration["ApplicationSnapshotConfigurationDescription"] == {"SnapshotsEnabled": True}
    (log,) = found["CloudWatchLoggingOptionDescriptions"]
    assert log["LogStreamARN"].endswith(f":log-group:{DEV.flink_log_group}:log-stream:application")


def test_archive_writes_json_lines_by_day_and_hour(aws: Aws) -> None:
    found = aws("firehose").describe_delivery_stream(DeliveryStreamName=DEV.archive_stream)
    description = found["DeliveryStreamDescription"]
    assert description["DeliveryStreamType"] == "KinesisStreamAsSource"
    destination = description["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert destination["CompressionFormat"] == "GZIP"
    assert destination["Prefix"].startswith(
        "ecomm_user_activity_archive/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day="
    )
    hints = destination["BufferingHints"]
    assert (int(hints["IntervalInSeconds"]), int(hints["SizeInMBs"])) == (60, 64)
    (processor,) = destination["ProcessingConfiguration"]["Processors"]
    assert processor["Type"] == "AppendDelimiterToRecord"


ALARMS = [
    "ecomm-alert-mails-late",
    "ecomm-archive-late",
    "ecomm-clicks-late",
    "ecomm-clicks-malformed",
    "ecomm-clicks-not-counted",
    "ecomm-clicks-read-late",
    "ecomm-clicks-throttled",
    "ecomm-counts-throttled",
    "ecomm-detection-errors",
    "ecomm-detection-failures",
    "ecomm-detection-late",
    "ecomm-detection-throttled",
    "ecomm-flink-checkpoints-failing",
    "ecomm-flink-down",
    "ecomm-no-clicks",
]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_the_operator_and_takes_it_back(aws: Aws, name: str) -> None:
    (alarm,) = aws("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert [arn.split(":")[-1] for arn in alarm["AlarmActions"] + alarm["OKActions"]] == ["ecomm-operations"] * 2
    # An application or a simulator that is stopped has no metrics, and that is no fault.
    assert alarm["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize(
    ("name", "growth"),
    [
        ("ecomm-flink-checkpoints-failing", "DIFF(failed)"),
        ("ecomm-clicks-late", "DIFF(late)"),
        ("ecomm-clicks-malformed", "DIFF(malformed)"),
    ],
)
def test_alarms_on_what_grows_use_its_growth(aws: Aws, name: str, growth: str) -> None:
    (alarm,) = aws("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert [query["Expression"] for query in alarm["Metrics"] if query.get("ReturnData")] == [growth]


def test_the_airflow_environment_is_tried_only_when_asked_for_and_refused_on_this_machine(
    deployed: tuple[Checkout, str], aws: Aws
) -> None:
    checkout = deployed[0]
    for name in ("dags/one.py", "plugins/one.py", "include/one.sql", "simulator/one.py"):
        (checkout.folder / name).parent.mkdir(exist_ok=True)
        (checkout.folder / name).write_text("")
    (checkout.folder / "requirements.txt").write_text("")
    stacks = aws("cloudformation").describe_stacks()["Stacks"]
    assert "ecomm-mwaa-dev" not in [stack["StackName"] for stack in stacks]
    refused = checkout.deploy("--yes", "--stack", "mwaa")
    assert refused.returncode == 1
    assert "AWS::MWAA::Environment" in refused.stderr
    kept = aws("s3").list_objects_v2(Bucket="ecommerce-airflow-us-east-1-dev")["Contents"]
    assert [found["Key"] for found in kept] == ["dags/one.py", "plugins.zip", "requirements.txt"]


def test_the_notebook_is_tried_only_when_asked_for_and_refused_on_this_machine(
    deployed: tuple[Checkout, str], aws: Aws
) -> None:
    stacks = aws("cloudformation").describe_stacks()["Stacks"]
    assert "ecomm-studio-dev" not in [stack["StackName"] for stack in stacks]
    refused = deployed[0].deploy("--yes", "--stack", "studio")
    assert refused.returncode == 1
    assert "ZEPPELIN-FLINK-3_0 (SQL and Studio applications) is not implemented" in refused.stderr
