"""The templates by themselves: what cfn-lint says, and what the roles may do."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cfnlint.decode
import pytest

from infra.deployment import STACKS, TEMPLATE_BYTES
from tests.conftest import ROOT

TEMPLATES = sorted((ROOT / "infra").glob("*.yaml"))
# Statements whose service knows no resource to name; each is held to a condition instead.
ANY_RESOURCE = {("batch", "GlueJobRole", "WriteMetrics")}


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
    """A resource of a statement as far as the template says it: `Fn::Sub`'s text, or the attribute's name."""
    if isinstance(value, dict):
        return str(next(iter(value.values())))
    return str(value)


def test_there_is_a_template_for_every_stack() -> None:
    assert {template.stem for template in TEMPLATES} == set(STACKS)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_cfn_lint_finds_nothing(template: Path) -> None:
    # -c I: informational rules too, such as stateful resources without a deletion policy.
    command = [str(Path(sys.executable).parent / "cfn-lint"), "-c", "I", "--", str(template)]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_template_fits_into_a_request(template: Path) -> None:
    assert template.stat().st_size <= TEMPLATE_BYTES


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_template_names_no_account_and_no_region(template: Path) -> None:
    assert not re.search(r"\d{12}(?!\d)(?<!107374182400)|[a-z]{2}-[a-z]+-\d\b", template.read_text())


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
                assert "Condition" in statement, where
                continue
            # A star may only end a name that begins with something of ours: a bucket, a database, a log group.
            assert re.fullmatch(r"(arn:[^*]+[A-Za-z}_:/]\*?|[A-Za-z.]+)", resource), (where, resource)
            assert not re.search(r":(log-group|table|workgroup|job|crawler|database)[:/]\*$|:::\*", resource), where


def test_a_statement_for_any_resource_says_why() -> None:
    for template, _, sid in ANY_RESOURCE:
        lines = (ROOT / "infra" / f"{template}.yaml").read_text().splitlines()
        place = next(number for number, line in enumerate(lines) if line.strip() == f"- Sid: {sid}")
        assert lines[place - 1].strip().startswith("# ")


def test_only_glue_takes_the_roles() -> None:
    trusted = [
        as_list(statement["Principal"]["Service"])
        for template in TEMPLATES
        for resource in resources(template).values()
        if resource["Type"] == "AWS::IAM::Role"
        for statement in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    ]
    assert trusted == [["glue.amazonaws.com"], ["glue.amazonaws.com"]]


def test_buckets_outlive_their_stack() -> None:
    buckets = [
        resource
        for resource in resources(ROOT / "infra" / "storage.yaml").values()
        if "Bucket" == resource["Type"][-6:]
    ]
    assert len(buckets) == 3
    for bucket in buckets:
        assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
