"""Stacks of the local platform: every property reaches its service, changes are found, failures are taken back."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.conftest import Platform, start_platform, stop_platform

WAIT_SECONDS = 120


class Aws:
    """Clients of one platform, and stacks through change sets as a deploy command makes them."""

    def __init__(self, platform: Platform) -> None:
        self.endpoint = platform.endpoint
        self.cloudformation = self.client("cloudformation")

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.endpoint)

    def change(self, stack: str, kind: str, resources: dict[str, Any], **parameters: str) -> dict[str, Any]:
        """The change set as described once CloudFormation has made it or refused it."""
        template = {
            "Parameters": {name: {"Type": "String"} for name in parameters},
            "Resources": resources,
            "Outputs": {name: {"Value": {"Ref": name}} for name in resources},
        }
        arn = self.cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=f"set-{time.time_ns()}",
            ChangeSetType=kind,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )["Id"]
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            described: dict[str, Any] = self.cloudformation.describe_change_set(ChangeSetName=arn)
            if described["Status"] in ("CREATE_COMPLETE", "FAILED"):
                return described
            time.sleep(0.05)
        raise AssertionError(f"The change set of {stack} was not made.")

    def deploy(self, stack: str, kind: str, resources: dict[str, Any], **parameters: str) -> dict[str, Any]:
        described = self.change(stack, kind, resources, **parameters)
        assert described["Status"] == "CREATE_COMPLETE", described.get("StatusReason")
        self.cloudformation.execute_change_set(ChangeSetName=described["ChangeSetId"])
        return self.settled(described["StackId"])

    def settled(self, stack: str) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            described: dict[str, Any] = self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
            if not described["StackStatus"].endswith("_IN_PROGRESS"):
                return described
            time.sleep(0.05)
        raise AssertionError(f"{stack} did not come to rest.")


@pytest.fixture
def aws(platform: Platform) -> Aws:
    return Aws(platform)


BUCKET = {
    "Type": "AWS::S3::Bucket",
    "Properties": {
        "BucketName": "cfn-bucket",
        "VersioningConfiguration": {"Status": "Enabled"},
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "LifecycleConfiguration": {
            "Rules": [
                {
                    "Id": "old",
                    "Status": "Enabled",
                    "Prefix": "results/",
                    "ExpirationInDays": 7,
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
                }
            ]
        },
        "Tags": [{"Key": "owner", "Value": "data"}],
    },
}
STATEMENT = {
    "Sid": "OnlyTls",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::cfn-bucket", "arn:aws:s3:::cfn-bucket/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def test_bucket_has_every_property(aws: Aws) -> None:
    policy = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": "Bucket"},
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [STATEMENT]},
        },
    }
    stack = aws.deploy("cfn-buckets", "CREATE", {"Bucket": BUCKET, "Policy": policy})
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}["Bucket"] == "cfn-bucket"
    s3 = aws.client("s3")
    assert s3.get_bucket_versioning(Bucket="cfn-bucket")["Status"] == "Enabled"
    encryption = s3.get_bucket_encryption(Bucket="cfn-bucket")["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert all(s3.get_public_access_block(Bucket="cfn-bucket")["PublicAccessBlockConfiguration"].values())
    ownership = s3.get_bucket_ownership_controls(Bucket="cfn-bucket")["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert json.loads(s3.get_bucket_policy(Bucket="cfn-bucket")["Policy"])["Statement"] == [STATEMENT]
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket="cfn-bucket")["Rules"]
    assert rule["Expiration"] == {"Days": 7}
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 3}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert {"Key": "owner", "Value": "data"} in s3.get_bucket_tagging(Bucket="cfn-bucket")["TagSet"]


def test_bucket_settings_follow_an_update_and_vanish_with_their_property(aws: Aws) -> None:
    rules = [
        {"Id": "small", "Status": "Enabled", "Prefix": "a/", "ObjectSizeLessThan": "1000", "ExpirationInDays": "5"},
        {"Id": "cold", "Status": "Disabled", "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 90}]},
    ]
    before = {"BucketName": "cfn-settings", "VersioningConfiguration": {"Status": "Enabled"}}
    after = {
        **before,
        "VersioningConfiguration": {"Status": "Suspended"},
        "LifecycleConfiguration": {"Rules": rules},
        "Tags": [{"Key": "a", "Value": "b"}],
    }

    def bucket(properties: dict[str, Any]) -> dict[str, Any]:
        return {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}

    aws.deploy("cfn-settings", "CREATE", bucket(before))
    assert aws.deploy("cfn-settings", "UPDATE", bucket(after))["StackStatus"] == "UPDATE_COMPLETE"
    s3 = aws.client("s3")
    assert s3.get_bucket_versioning(Bucket="cfn-settings")["Status"] == "Suspended"
    small, cold = s3.get_bucket_lifecycle_configuration(Bucket="cfn-settings")["Rules"]
    assert (small["Filter"]["And"]["Prefix"], small["Filter"]["And"]["ObjectSizeLessThan"]) == ("a/", 1000)
    assert (cold["Status"], cold["Transitions"]) == ("Disabled", [{"StorageClass": "GLACIER", "Days": 90}])
    assert aws.deploy("cfn-settings", "UPDATE", bucket(before))["StackStatus"] == "UPDATE_COMPLETE"
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket="cfn-settings")


def test_a_property_that_would_do_nothing_is_refused(aws: Aws) -> None:
    properties = {"BucketName": "cfn-logging", "LoggingConfiguration": {"LogFilePrefix": "log/"}}
    stack = aws.deploy("cfn-logging", "CREATE", {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}})
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    events = aws.cloudformation.describe_stack_events(StackName="cfn-logging")["StackEvents"]
    assert any("does not carry out LoggingConfiguration" in event.get("ResourceStatusReason", "") for event in events)


def test_a_bucket_with_objects_is_not_deleted(aws: Aws) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "cfn-full"}}
    stack = aws.deploy("cfn-full", "CREATE", {"Bucket": bucket})
    s3 = aws.client("s3")
    s3.put_object(Bucket="cfn-full", Key="a", Body=b"1")
    aws.cloudformation.delete_stack(StackName="cfn-full")
    assert aws.settled(stack["StackId"])["StackStatus"] == "DELETE_FAILED"
    assert s3.get_object(Bucket="cfn-full", Key="a")["Body"].read() == b"1"
    s3.delete_object(Bucket="cfn-full", Key="a")
    aws.cloudformation.delete_stack(StackName="cfn-full")
    assert aws.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_catalog_has_every_property(aws: Aws) -> None:
    database = {
        "Type": "AWS::Glue::Database",
        "Properties": {"CatalogId": "000000000000", "DatabaseInput": {"Name": "cfn-db", "Description": "Raw rows"}},
    }
    columns = [{"Name": "n", "Type": "bigint", "Comment": "A number"}]
    table_input = {
        "Name": "cfn_table",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet"},
        "PartitionKeys": [{"Name": "p_year", "Type": "string"}],
        "StorageDescriptor": {
            "Location": "s3://cfn-data/t/",
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
                "Parameters": {"serialization.format": "1"},
            },
            "Columns": columns,
        },
    }
    table = {
        "Type": "AWS::Glue::Table",
        "Properties": {"CatalogId": "000000000000", "DatabaseName": {"Ref": "Database"}, "TableInput": table_input},
    }
    assert (
        aws.deploy("cfn-catalog", "CREATE", {"Database": database, "Table": table})["StackStatus"] == "CREATE_COMPLETE"
    )
    glue = aws.client("glue")
    assert glue.get_database(Name="cfn-db")["Database"]["Description"] == "Raw rows"
    found = glue.get_table(DatabaseName="cfn-db", Name="cfn_table")["Table"]
    assert {name: found[name] for name in table_input} == table_input
    columns.append({"Name": "m", "Type": "string"})
    assert (
        aws.deploy("cfn-catalog", "UPDATE", {"Database": database, "Table": table})["StackStatus"] == "UPDATE_COMPLETE"
    )
    found = glue.get_table(DatabaseName="cfn-db", Name="cfn_table")["Table"]
    assert [column["Name"] for column in found["StorageDescriptor"]["Columns"]] == ["n", "m"]


def test_crawler_job_and_workgroup_have_every_property(aws: Aws) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    read = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::cfn-data/*"}],
    }
    job = {
        "Name": "cfn-job",
        "Description": "Converts",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "GlueVersion": "6.0",
        "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": "s3://cfn-data/job.py"},
        "DefaultArguments": {"--SOURCE": "s3://cfn-data/in/"},
        "ExecutionProperty": {"MaxConcurrentRuns": 2},
        "MaxRetries": 0,
        "NumberOfWorkers": 2,
        "Timeout": 15,
        "WorkerType": "G.1X",
    }
    workgroup = {
        "EnforceWorkGroupConfiguration": True,
        "BytesScannedCutoffPerQuery": 10_000_000,
        "PublishCloudWatchMetricsEnabled": True,
        "EngineVersion": {"SelectedEngineVersion": "Athena engine version 3"},
        "ResultConfiguration": {
            "OutputLocation": "s3://cfn-data/results/",
            "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
        },
    }
    resources = {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "cfn-role",
                "AssumeRolePolicyDocument": trust,
                "Policies": [{"PolicyName": "read", "PolicyDocument": read}],
                "ManagedPolicyArns": [{"Ref": "Managed"}],
            },
        },
        "Managed": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"ManagedPolicyName": "cfn-managed", "PolicyDocument": read},
        },
        "Inline": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": "more", "PolicyDocument": read, "Roles": [{"Ref": "Role"}]},
        },
        "Crawler": {
            "Type": "AWS::Glue::Crawler",
            "Properties": {
                "Name": "cfn-crawler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "DatabaseName": "cfn-crawled",
                "TablePrefix": "raw_",
                "Targets": {"S3Targets": [{"Path": "s3://cfn-data/in/", "Exclusions": ["**/_*"]}]},
                "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"},
                "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
            },
        },
        "Job": {"Type": "AWS::Glue::Job", "Properties": job},
        "Group": {
            "Type": "AWS::Athena::WorkGroup",
            "Properties": {"Name": "cfn-group", "State": "ENABLED", "WorkGroupConfiguration": workgroup},
        },
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/cfn/logs", "RetentionInDays": 30}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "cfn-topic", "DisplayName": "Alerts"}},
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"Description": "cfn key", "KeyPolicy": trust}},
    }
    assert aws.deploy("cfn-batch", "CREATE", resources)["StackStatus"] == "CREATE_COMPLETE"
    iam, glue = aws.client("iam"), aws.client("glue")
    role = iam.get_role(RoleName="cfn-role")["Role"]
    assert role["AssumeRolePolicyDocument"] == trust
    assert set(iam.list_role_policies(RoleName="cfn-role")["PolicyNames"]) == {"read", "more"}
    assert iam.get_role_policy(RoleName="cfn-role", PolicyName="more")["PolicyDocument"] == read
    (attached,) = iam.list_attached_role_policies(RoleName="cfn-role")["AttachedPolicies"]
    assert attached["PolicyName"] == "cfn-managed"
    found_job = glue.get_job(JobName="cfn-job")["Job"]
    assert {name: found_job[name] for name in job} == {**job, "Role": role["Arn"]}
    crawler = glue.get_crawler(Name="cfn-crawler")["Crawler"]
    assert crawler["Targets"]["S3Targets"] == [{"Path": "s3://cfn-data/in/", "Exclusions": ["**/_*"]}]
    assert (crawler["TablePrefix"], crawler["DatabaseName"]) == ("raw_", "cfn-crawled")
    assert crawler["SchemaChangePolicy"] == {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"}
    assert crawler["RecrawlPolicy"] == {"RecrawlBehavior": "CRAWL_EVERYTHING"}
    group = aws.client("athena").get_work_group(WorkGroup="cfn-group")["WorkGroup"]["Configuration"]
    assert {name: group[name] for name in workgroup if name != "EngineVersion"} == {
        name: value for name, value in workgroup.items() if name != "EngineVersion"
    }
    assert group["EngineVersion"]["SelectedEngineVersion"] == "Athena engine version 3"
    (logs,) = aws.client("logs").describe_log_groups(logGroupNamePrefix="/cfn/logs")["logGroups"]
    assert logs["retentionInDays"] == 30
    topics = [topic["TopicArn"] for topic in aws.client("sns").list_topics()["Topics"]]
    assert any(topic.endswith(":cfn-topic") for topic in topics)
    keys = aws.client("kms").list_keys()["Keys"]
    assert "cfn key" in {
        aws.client("kms").describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Description"] for key in keys
    }


def log_group(name: Any, days: int = 7) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, "RetentionInDays": days}}


def test_the_same_template_has_no_changes(aws: Aws) -> None:
    aws.deploy("cfn-same", "CREATE", {"Logs": log_group("/cfn/same")})
    described = aws.change("cfn-same", "UPDATE", {"Logs": log_group("/cfn/same")})
    assert described["Status"] == "FAILED"
    assert "didn't contain changes" in described["StatusReason"]


def test_a_change_says_what_it_will_do_and_does_only_that(aws: Aws) -> None:
    before = {"Kept": log_group("/cfn/kept"), "Old": log_group("/cfn/old")}
    after = {"Kept": log_group("/cfn/kept", days=30), "New": log_group({"Ref": "Name"})}
    aws.deploy("cfn-change", "CREATE", before)
    described = aws.change("cfn-change", "UPDATE", after, Name="/cfn/new")
    changes = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in described["Changes"]}
    assert {name: change["Action"] for name, change in changes.items()} == {
        "Kept": "Modify",
        "Old": "Remove",
        "New": "Add",
    }
    aws.cloudformation.execute_change_set(ChangeSetName=described["ChangeSetId"])
    assert aws.settled("cfn-change")["StackStatus"] == "UPDATE_COMPLETE"
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix="/cfn/")["logGroups"]
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
    assert (kept["/cfn/kept"], kept["/cfn/new"]) == (30, 7)
    assert "/cfn/old" not in kept


def test_a_failed_change_is_taken_back_with_its_reason(aws: Aws) -> None:
    aws.client("glue").create_database(DatabaseInput={"Name": "cfn-taken"})
    aws.deploy("cfn-failing", "CREATE", {"Logs": log_group("/cfn/failing")})
    taken = {
        "Type": "AWS::Glue::Database",
        "DependsOn": "Logs",
        "Properties": {"CatalogId": "000000000000", "DatabaseInput": {"Name": "cfn-taken"}},
    }
    stack = aws.deploy("cfn-failing", "UPDATE", {"Logs": log_group("/cfn/failing", days=30), "Database": taken})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    events = aws.cloudformation.describe_stack_events(StackName="cfn-failing")["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"] in ("CREATE_FAILED", "UPDATE_FAILED")]
    assert {event["LogicalResourceId"]: "already exists" in event["ResourceStatusReason"] for event in failed} == {
        "Database": True
    }
    (logs,) = aws.client("logs").describe_log_groups(logGroupNamePrefix="/cfn/failing")["logGroups"]
    assert logs["retentionInDays"] == 7
    assert aws.client("glue").get_database(Name="cfn-taken")["Database"]["Name"] == "cfn-taken"


def test_a_deleted_stack_takes_its_resources_with_it(aws: Aws) -> None:
    stack = aws.deploy("cfn-gone", "CREATE", {"Logs": log_group("/cfn/gone")})
    aws.cloudformation.delete_stack(StackName="cfn-gone")
    assert aws.settled(stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert aws.client("logs").describe_log_groups(logGroupNamePrefix="/cfn/gone")["logGroups"] == []
    with pytest.raises(ClientError, match="does not exist"):
        aws.cloudformation.describe_stacks(StackName="cfn-gone")


def held(group: str) -> dict[str, Any]:
    """A wait condition that nobody fulfils holds the operation after the log groups are made."""
    return {
        "Logs": log_group(f"/cfn/{group}", days=30),
        "More": log_group(f"/cfn/{group}-more"),
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Wait": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "DependsOn": ["Logs", "More"],
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "600"},
        },
    }


def under_way(saved: Path) -> list[set[str]]:
    """The resources made so far of each stack that was at work when the state was saved."""
    stacks = json.loads(saved.read_text())["payload"]["stacks"]["data"].values() if saved.exists() else ()
    return [set(stack["_resources"]) for stack in stacks if stack["StackStatus"].endswith("_IN_PROGRESS")]


def test_operations_cut_off_by_a_kill_are_taken_back_at_the_next_start(tmp_path: Path) -> None:
    running = start_platform(tmp_path)
    try:
        aws = Aws(running)
        aws.deploy("cut-update", "CREATE", {"Logs": log_group("/cfn/cut-update")})
        for stack, kind in (("cut-create", "CREATE"), ("cut-update", "UPDATE")):
            change = aws.change(stack, kind, held(stack))
            aws.cloudformation.execute_change_set(ChangeSetName=change["ChangeSetId"])
        saved = tmp_path / "aws/state/cloudformation.json"
        deadline = time.monotonic() + WAIT_SECONDS
        while sum({"Logs", "More"} <= made for made in under_way(saved)) < 2:
            assert time.monotonic() < deadline, "The operations under way were not saved."
            time.sleep(0.05)
        stop_platform(running, signal.SIGKILL)
        running = start_platform(tmp_path)
        aws = Aws(running)
        assert aws.settled("cut-create")["StackStatus"] == "ROLLBACK_COMPLETE"
        assert aws.settled("cut-update")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        for stack in ("cut-create", "cut-update"):
            events = aws.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
            assert any("The platform stopped" in event.get("ResourceStatusReason", "") for event in events)
        groups = aws.client("logs").describe_log_groups(logGroupNamePrefix="/cfn/cut")["logGroups"]
        assert {group["logGroupName"]: group["retentionInDays"] for group in groups} == {"/cfn/cut-update": 7}
        assert aws.change("cut-update", "UPDATE", held("cut-update"))["Status"] == "CREATE_COMPLETE"
    finally:
        stop_platform(running)
