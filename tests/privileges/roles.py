"""What the deployed roles and policies allow, and whether a recorded call is among it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.conftest import Platform
from tests.local.aws import client

# The policies of the Airflow environment's role, which is not made on this machine.
AIRFLOW_POLICIES = ("AirflowBatchPolicy", "AirflowStreamingPolicy", "AirflowDetectionPolicy")
# Who acts under a policy that no role of the stacks has.
ROLES_OF = {
    "airflow": AIRFLOW_POLICIES,
    "flink": ("FlinkRole",),
    "simulator": ("SimulatorPolicy",),
    "operator": ("OperatorPolicy",),
}


@dataclass(frozen=True)
class Statement:
    """One that allows, of a role or policy by its logical id; resources in the order of the template."""

    role: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    namespace: str

    def matching(self, call: dict[str, str]) -> int | None:
        """The place of the resource by which the call is allowed; None where it is not."""
        if call["action"] not in self.actions or (self.namespace and call["namespace"] != self.namespace):
            return None
        for place, pattern in enumerate(self.resources):
            if fnmatchcase(call["resource"], pattern):
                return place
        return None


class Roles:
    """Of every stage that is deployed on the platform."""

    def __init__(self, platform: Platform) -> None:
        self._iam = client(platform, "iam")
        self._cloudformation = client(platform, "cloudformation")
        self.statements: list[Statement] = []
        # By a role's name, its logical id.
        self.names: dict[str, str] = {}
        for stack in self._cloudformation.get_paginator("describe_stacks").paginate().search("Stacks"):
            self._read(stack["StackName"])

    def of(self, principal: str) -> tuple[str, ...]:
        """The logical ids of what the principal acts under; none where it is nobody of the stacks."""
        return ROLES_OF.get(principal) or ((self.names[principal],) if principal in self.names else ())

    def allowing(self, call: dict[str, str]) -> Iterator[tuple[Statement, int]]:
        """The statements that allow the call, each with the place of the resource."""
        roles = self.of(call["principal"])
        for statement in self.statements:
            if statement.role in roles and (place := statement.matching(call)) is not None:
                yield statement, place

    def _read(self, stack: str) -> None:
        for resource in self._cloudformation.describe_stack_resources(StackName=stack)["StackResources"]:
            logical, name = resource["LogicalResourceId"], resource.get("PhysicalResourceId", "")
            if resource["ResourceType"] == "AWS::IAM::Role":
                self.names[name] = logical
                for policy in self._iam.list_role_policies(RoleName=name)["PolicyNames"]:
                    document = self._iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                    self.statements += _statements(logical, document)
            elif resource["ResourceType"] == "AWS::IAM::ManagedPolicy":
                version = self._iam.get_policy(PolicyArn=name)["Policy"]["DefaultVersionId"]
                found = self._iam.get_policy_version(PolicyArn=name, VersionId=version)["PolicyVersion"]
                self.statements += _statements(logical, found["Document"])


def _statements(role: str, document: dict[str, Any]) -> Iterator[Statement]:
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        conditions = statement.get("Condition", {})
        namespace = conditions.get("StringEquals", {}).get("cloudwatch:namespace", "")
        assert conditions in ({}, {"StringEquals": {"cloudwatch:namespace": namespace}}), statement
        yield Statement(role, statement["Sid"], _tuple(statement["Action"]), _tuple(statement["Resource"]), namespace)


def _tuple(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
