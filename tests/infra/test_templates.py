"""The templates by themselves: what cfn-lint says, and what the roles may do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import cfnlint.decode
import pytest

from infra.deployment import STACKS, TEMPLATE_BYTES
from tests.conftest import ROOT

TEMPLATES = sorted((ROOT / "infra").glob("*.yaml"))
# Statements whose service knows no resource to name; each is held to a condition instead, where there is one.
ANY_RESOURCE = {
    ("batch", "GlueJobRole", "WriteMetrics"),
    ("streaming", "FlinkRole", "FindLogs"),
    ("streaming", "SimulatorPolicy", "SayThatItRuns"),
    ("studio", "StudioRole", "FindLogs"),
    ("detection", "AirflowDetectionPolicy", "SeeMappings"),
    ("detection", "AirflowDetectionPolicy", "ReadMetrics"),
    ("mwaa", "EnvironmentRole", "SeeThatNothingIsPublic"),
    ("mwaa", "EnvironmentRole", "FindLogs"),
    ("mwaa", "EnvironmentRole", "WriteMetrics"),
}
NO_CONDITION = {
    "lambda:ListEventSourceMappings",
    "cloudwatch:GetMetricData",
    "s3:GetAccountPublicAccessBlock",
    "logs:DescribeLogGroups",
}
# Resources that are not made by our templates: one of each an account.
SHARED = {
    "catalog",
    "database/default",
    "database/hive",
    "userDefinedFunction/*",
    "log-group:*",
    "log-group:/aws-glue/crawlers",
    "log-group:/aws-glue/crawlers:*",
    "log-group:/aws-glue-databrew/*",
    # In an account of MWAA's: the queue of each environment, and that queue's key.
    "airflow-celery-*",
    "key/*",
}


def resources(template: Path) -> dict[str, Any]:
    decoded, problems = cfnlint.decode.decode(str(template))
    assert not problems
    return dict(decoded["Resources"])


def statements() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every statement that gives a right: template, resource, statement."""
    for template in TEMPLATES:
        for name, resource in resources(template).items():
            properties = resource.get("Properties", {})
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
            if "PolicyDocument" in properties:
                documents.append(properties["PolicyDocument"])
            for document in documents:
                for statement in document["Statement"]:
                    if statement["Effect"] == "Allow":
                        yield template.stem, name, statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A resource of a statement as far as the template says it: `Fn::Sub`'s text, or the attribute it names."""
    if isinstance(value, dict):
        (argument,) = value.values()
        return ".".join(as_list(argument))
    return str(value)


def columns(template: Path, resource: str) -> list[tuple[str, str]]:
    descriptor = resources(template)[resource]["Properties"]["TableInput"]["StorageDescriptor"]
    return [(column["Name"], column["Type"]) for column in descriptor["Columns"]]


def test_columns_of_the_fact_are_those_of_the_contract_and_what_the_job_adds() -> None:
    contract = json.loads((ROOT / "include" / "contract" / "ecomm_user_activity.json").read_text())
    expected = [(column["name"], column["type"]) for column in contract["columns"]]
    assert columns(ROOT / "infra" / "batch.yaml", "UserActivityTable") == [*expected, ("repeated", "boolean")]


def test_columns_of_the_quarantine_are_those_that_the_job_writes() -> None:
    """tests/include/glue_scripts/test_conversion.py holds the job to the same."""
    names = ["source", "line_number", "line", "reason"]
    kinds = {"line_number": "bigint"}
    expected = [(name, kinds.get(name, "string")) for name in names]
    assert columns(ROOT / "infra" / "batch.yaml", "QuarantineTable") == expected


def test_there_is_a_template_for_every_stack() -> None:
    assert {template.stem for template in TEMPLATES} == set(STACKS)


def test_cfn_lint_finds_nothing() -> None:
    # -c I: informational rules too, such as stateful resources without a deletion policy.
    command = [str(Path(sys.executable).parent / "cfn-lint"), "-c", "I", "--", *map(str, TEMPLATES)]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_template_fits_into_a_request(template: Path) -> None:
    assert template.stat().st_size <= TEMPLATE_BYTES


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_template_names_no_account_and_no_region(template: Path) -> None:
    assert re.findall(r"\b\d{12}:|:\d{12}\b|\b(?:us|eu|ap|sa|ca|af|me)-[a-z]+-\d\b", template.read_text()) == []


# Properties that name something else than the resource itself, or only within its stack.
NAMES_OF_OTHERS = {"DatabaseName", "DisplayName", "LogStreamName", "MetricName", "PolicyName", "ServiceName"}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_names_follow_the_stage(template: Path) -> None:
    """So that two stages have none in common; a name that the template leaves to CloudFormation can not clash."""
    for name, resource in resources(template).items():
        properties = resource.get("Properties", {})
        properties |= properties.get("DatabaseInput", {})
        for key, value in properties.items():
            refers = isinstance(value, dict) and value.keys() & {"Ref", "Fn::GetAtt"}
            if re.search(r"(^|[a-z])Name$", key) and key not in NAMES_OF_OTHERS and not refers:
                assert "${Stage}" in json.dumps(value), (name, key, value)


def test_roles_name_their_actions() -> None:
    given = [(where, action) for *where, statement in statements() for action in as_list(statement["Action"])]
    assert len(given) > 50
    assert [entry for entry in given if not re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", entry[1])] == []
    assert [where for *where, statement in statements() if {"NotAction", "NotResource"} & statement.keys()] == []


def test_roles_name_their_resources() -> None:
    for template, name, statement in statements():
        for resource in map(text, as_list(statement["Resource"])):
            where = (template, name, statement["Sid"])
            if resource == "*":
                assert where in ANY_RESOURCE, where
                assert "Condition" in statement or statement["Action"] in NO_CONDITION, where
                continue
            if not resource.startswith("arn:"):
                continue
            own = re.sub(r"\$\{AWS::\w+\}", "own", resource).split(":", 5)[5]
            assert own in SHARED or re.search(r"\$\{\w+\}", own), (where, resource)
            assert "*" not in own[:-1], (where, resource)


# S3 names a right after what it gives rather than after the call.
S3_RIGHTS = {
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "ListObjectsV2": "ListBucket",
}


# Rights are under another name than boto3's for these services.
IAM_NAMES = {"kinesisanalyticsv2": "kinesisanalytics"}
# A command of the operator's, who has a policy of his own.
REDRIVE = ROOT / "plugins" / "ecomm" / "detection" / "redrive"
# A right is that of the single call; Lambda's is named after what it runs.
CALL_RIGHTS = {
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "lambda:Invoke": "lambda:InvokeFunction",
}


def calls_of_the_dags() -> set[str]:
    """The rights that the calls written in plugins/ need, as service:Action."""
    rights = set()
    for path in (ROOT / "plugins").rglob("*.py"):
        if path.is_relative_to(REDRIVE):
            continue
        source = path.read_text()
        # `s3 = client("s3")` and what is called on it later, or `client("s3").…` at once.
        named = dict(re.findall(r"""\b(\w+) = client\("(\w+)"\)$""", source, re.MULTILINE))
        for match in re.finditer(r"""(?:client\("(\w+)"\)|\b(\w+))\s*\.(?:get_paginator\("(\w+)"\)|(\w+)\()""", source):
            service: str | None = match[1] or named.get(match[2])
            operation = boto3.client(service).meta.method_to_api_mapping.get(match[3] or match[4]) if service else None
            if service and operation:
                right = S3_RIGHTS.get(operation, operation) if service == "s3" else operation
                rights.add(f"{IAM_NAMES.get(service, service)}:{right}")
    return rights


def test_the_dags_may_do_what_they_call() -> None:
    allowed = {
        action
        for _, name, statement in statements()
        if name in ("AirflowBatchPolicy", "AirflowStreamingPolicy", "AirflowDetectionPolicy")
        for action in as_list(statement["Action"])
    }
    called = calls_of_the_dags()
    assert {"s3:PutObject", "glue:GetTables", "glue:StartJobRun", "kinesisanalytics:StartApplication"} <= called
    assert called - allowed == set()


def calls_of_the_redrive() -> set[str]:
    rights = set()
    for path in REDRIVE.glob("*.py"):
        pattern = r"""\b_?(sqs|kinesis|functions)\.(?:get_paginator\("(\w+)"\)|(\w+)\()"""
        for name, paged, called in re.findall(pattern, path.read_text()):
            service = {"functions": "lambda"}.get(name, name)
            right = f"{service}:{boto3.client(service).meta.method_to_api_mapping[paged or called]}"
            rights.add(CALL_RIGHTS.get(right, right))
    return rights


def test_the_operator_may_do_what_the_redrive_calls_and_nothing_else() -> None:
    allowed = {
        action
        for _, name, statement in statements()
        if name == "OperatorPolicy"
        for action in as_list(statement["Action"])
    }
    assert calls_of_the_redrive() == allowed


def test_log_groups_are_listed_of_a_whole_region() -> None:
    """CloudWatch Logs asks for the right on all of them, so that one group's address allows nothing."""
    listing = [
        text(resource).rpartition(":log-group:")[2]
        for *_, statement in statements()
        if "logs:DescribeLogGroups" in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]
    assert len(listing) >= 3
    assert set(listing) == {"*"}


def test_the_notebook_brings_the_connector_of_its_tables() -> None:
    """Managed Flink adds it to a notebook that its console makes, and to no other."""
    notebook = resources(ROOT / "infra" / "studio.yaml")["Notebook"]["Properties"]
    zeppelin = notebook["ApplicationConfiguration"]["ZeppelinApplicationConfiguration"]
    brought = [artifact["MavenReference"]["ArtifactId"] for artifact in zeppelin["CustomArtifactsConfiguration"]]
    (note,) = (ROOT / "include" / "studio").glob("*.zpln")
    connectors = set(re.findall(r"'connector' = '(\w+)'", note.read_text()))
    assert brought == [f"flink-sql-connector-{name}" for name in connectors]


def test_a_statement_for_any_resource_says_why() -> None:
    for template, _, sid in ANY_RESOURCE:
        lines = (ROOT / "infra" / f"{template}.yaml").read_text().splitlines()
        place = next(number for number, line in enumerate(lines) if line.strip() == f"- Sid: {sid}")
        assert lines[place - 1].strip().startswith("# ")


def test_a_role_is_taken_by_its_service_only() -> None:
    trusted = {
        name: statement["Principal"]["Service"]
        for template in TEMPLATES
        for name, resource in resources(template).items()
        if resource["Type"] == "AWS::IAM::Role"
        for statement in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    }
    assert trusted == {
        "CrawlerRole": "glue.amazonaws.com",
        "ProfileRole": "databrew.amazonaws.com",
        "GlueJobRole": "glue.amazonaws.com",
        "FlinkRole": "kinesisanalytics.amazonaws.com",
        "ArchiveRole": "firehose.amazonaws.com",
        "StudioRole": "kinesisanalytics.amazonaws.com",
        "FunctionRole": "lambda.amazonaws.com",
        "EnvironmentRole": ["airflow.amazonaws.com", "airflow-env.amazonaws.com"],
        "FlowLogRole": "vpc-flow-logs.amazonaws.com",
    }


def test_what_the_scanner_is_told_to_leave_out_says_why() -> None:
    for template in TEMPLATES:
        for name, resource in resources(template).items():
            for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
                assert re.fullmatch(r"CKV2?_AWS_\d+", skip["id"]), (template.stem, name)
                assert len(skip["comment"]) > 30, (template.stem, name, skip["id"])


def test_the_versions_of_airflow_are_those_that_the_package_is_tested_with() -> None:
    """Of the images whose requirements are pinned, and whose default is what runs on this machine."""
    decoded, _ = cfnlint.decode.decode(str(ROOT / "infra" / "mwaa.yaml"))
    version = decoded["Parameters"]["AirflowVersion"]
    images = {path.stem.removeprefix("mwaa-") for path in (ROOT / "requirements").glob("mwaa-*.txt")}
    assert set(version["AllowedValues"]) == images
    assert f"apache-airflow=={version['Default']}\n" in (ROOT / "requirements" / "airflow.txt").read_text()
    classes = decoded["Parameters"]["EnvironmentClass"]["AllowedValues"]
    assert classes == ["mw1.micro", "mw1.small", "mw1.medium", "mw1.large"]


def test_buckets_and_their_policies_outlive_the_stack() -> None:
    for resource in resources(ROOT / "infra" / "storage.yaml").values():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_runbook_has_a_line_for_every_alarm_and_the_alarm_its_section() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    alarms = [
        resource["Properties"]
        for template in TEMPLATES
        for resource in resources(template).values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    assert len(alarms) > 15
    for alarm in alarms:
        _, name, _ = alarm["AlarmName"]["Fn::If"]
        section = re.search(r" Runbook, section (\d)\.$", alarm["AlarmDescription"])
        assert section, name
        assert f"\n## {section[1]}. " in runbook, name
        assert f"\n| `{name}` | " in runbook
