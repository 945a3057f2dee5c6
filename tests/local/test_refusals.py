"""What the platform can not run is an error that says so, never a success."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import Platform, start_platform, stop_platform
from tests.local.aws import settled


def client(platform: Platform, service: str) -> Any:
    return boto3.client(service, endpoint_url=platform.endpoint, config=Config(retries={"max_attempts": 0}))


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("glacier", lambda c: c.list_vaults()),
        ("quicksight", lambda c: c.list_dashboards(AwsAccountId="000000000000")),
        ("sagemaker", lambda c: c.list_models()),
        ("redshift", lambda c: c.describe_clusters()),
    ],
)
def test_a_service_that_is_not_there_is_named(platform: Platform, service: str, call: Callable[[Any], Any]) -> None:
    with pytest.raises(ClientError, match=rf"Unsupported.*service {service} is not part of the local platform"):
        call(client(platform, service))


@pytest.mark.parametrize(
    ("service", "call", "sentence"),
    [
        ("glue", lambda c: c.start_workflow_run(Name="nightly"), "StartWorkflowRun needs triggers and workflows"),
        (
            "glue",
            lambda c: c.create_trigger(Name="nightly", Type="ON_DEMAND", Actions=[{"JobName": "convert"}]),
            "CreateTrigger needs triggers and workflows",
        ),
        (
            "glue",
            lambda c: c.create_crawler(
                Name="nightly", Role="crawl", Targets={"S3Targets": [{"Path": "s3://b/"}]}, Schedule="cron(0 1 * * ? *)"
            ),
            "leave out the Schedule of nightly",
        ),
        (
            "logs",
            lambda c: c.put_metric_filter(
                logGroupName="/a",
                filterName="errors",
                filterPattern="ERROR",
                metricTransformations=[{"metricName": "errors", "metricNamespace": "shop", "metricValue": "1"}],
            ),
            "embedded metric format",
        ),
        ("sns", lambda c: c.publish(PhoneNumber="+15550100", Message="an attack"), "delivers nothing by sms"),
        (
            "sns",
            lambda c: c.subscribe(TopicArn=c.create_topic(Name="told")["TopicArn"], Protocol="sms", Endpoint="+1555"),
            "delivers nothing by sms",
        ),
        (
            "kafka",
            lambda c: c.create_cluster(
                ClusterName="events",
                KafkaVersion="3.5.1",
                NumberOfBrokerNodes=2,
                BrokerNodeGroupInfo={"ClientSubnets": ["a", "b"], "InstanceType": "kafka.m5.large"},
            ),
            "needs Kafka's brokers",
        ),
    ],
)
def test_what_would_never_run_is_refused(
    platform: Platform, service: str, call: Callable[[Any], Any], sentence: str
) -> None:
    with pytest.raises(ClientError, match=sentence):
        call(client(platform, service))


@pytest.mark.parametrize(
    ("kind", "properties", "sentence"),
    [
        ("AWS::Glue::Trigger", {"Type": "ON_DEMAND", "Actions": [{"JobName": "convert"}]}, "needs triggers"),
        (
            "AWS::Glue::Crawler",
            {
                "Role": "crawl",
                "DatabaseName": "raw",
                "Targets": {"S3Targets": [{"Path": "s3://b/"}]},
                "Schedule": {"ScheduleExpression": "cron(0 1 * * ? *)"},
            },
            "leave out the Schedule",
        ),
        ("AWS::Logs::MetricFilter", {"LogGroupName": "/a", "FilterPattern": "E", "MetricTransformations": []}, "needs"),
    ],
)
def test_a_stack_with_what_would_never_run_fails(
    platform: Platform, kind: str, properties: dict[str, Any], sentence: str
) -> None:
    stacks, name = client(platform, "cloudformation"), f"never-{kind.rpartition(':')[2]}"
    template = json.dumps({"Resources": {"Never": {"Type": kind, "Properties": properties}}})
    stacks.create_stack(StackName=name, TemplateBody=template)
    assert settled(platform, name)["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [
        event.get("ResourceStatusReason", "") for event in stacks.describe_stack_events(StackName=name)["StackEvents"]
    ]
    assert any(sentence in reason for reason in reasons), reasons


def test_a_database_server_needs_docker_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    without_docker = start_platform(tmp_path / "var")
    try:
        with pytest.raises(ClientError, match="CreateDBInstance needs Docker"):
            client(without_docker, "rds").create_db_instance(
                DBInstanceIdentifier="shop",
                Engine="postgres",
                DBInstanceClass="db.t3.micro",
                AllocatedStorage=20,
                MasterUsername="shop",
                MasterUserPassword="not-a-secret",
            )
    finally:
        stop_platform(without_docker)


def test_a_hadoop_cluster_does_not_pretend_to_run(platform: Platform) -> None:
    emr = client(platform, "emr")
    with pytest.raises(ClientError, match="RunJobFlow needs a Hadoop cluster"):
        emr.run_job_flow(Name="refused", Instances={"KeepJobFlowAliveWhenNoSteps": False})
    assert emr.list_clusters()["Clusters"] == []
