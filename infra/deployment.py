"""The deployment of one stage: its stacks in order, the scripts between them, and the settings that follow."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra import assets, command, mwaa_upload
from infra.failures import DeployError, stuck
from infra.screen import BOLD, DIM, GREEN, YELLOW, Screen
from infra.stack import ChangeSet, Stack

ROOT = Path(__file__).resolve().parent.parent
# In the order of their needs: a stack takes the outputs of those before it as parameters of the same name.
STACKS = ("storage", "batch", "streaming", "detection", "mwaa", "studio")
# Deployed only when they are named.
OPTIONAL = ("studio",)
# What one machine has in another way: its Airflow is the one that `make up` starts.
ONLY_ON_AWS = ("mwaa",)
# What CloudFormation takes in a request; a larger template has to lie in S3.
TEMPLATE_BYTES = 51_200


@dataclass
class Deployment:
    """What is to be deployed where, and what the stacks so far gave.

    prefix: first word of the buckets' names; None for what the stack has, or the template's default.
    parameters: given values, by stack and parameter.
    outputs: of every stack so far, by their names in the templates.
    uploaded: by the parameter of a template, the key or version of what was uploaded for it.
    """

    session: boto3.Session
    screen: Screen
    stage: str
    prefix: str | None = None
    dry_run: bool = False
    yes: bool = False
    parameters: dict[str, dict[str, str]] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    uploaded: dict[str, str] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)

    def stack(self, name: str) -> Stack:
        return Stack(self.client("cloudformation"), f"ecomm-{name}-{self.stage}")

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.session.client(service, config=Config(retries={"mode": "standard"}))
        return self._clients[service]

    def run(self, stacks: list[str], file: Path) -> None:
        """Deploys the chosen stacks, in order, and writes the settings that follow from all there are to `file`.

        Raises DeployError where a stack does not get to what its template says; those before it are deployed then.
        """
        code = _code(stacks)  # complains before anything is changed
        for name in STACKS:
            if name in stacks:
                if name == "mwaa":
                    self._deploy_airflow()
                else:
                    self._deploy(name)
            stack = self.stack(name)
            self.outputs |= stack.outputs()
            self.prefix = stack.parameters().get("Prefix", self.prefix)
            if name == "storage" and "ArtifactsBucket" in self.outputs:
                self._upload(
                    self.outputs["ArtifactsBucket"], assets.glue_scripts(ROOT / "include") | dict(code.values())
                )
                self.uploaded |= {parameter: key for parameter, (key, _) in code.items()}
        if not self.dry_run:
            self._write_settings(file)

    def _deploy(self, name: str) -> None:
        stack, template = self.stack(name), _template(name)
        status = stack.status()
        if (status or "").endswith("_IN_PROGRESS"):
            self.screen.line(f"{stack.name} is {status} from an earlier run; waiting for it", YELLOW)
            status = stack.settle(self.screen.event)
        if way_out := stuck(stack.name, status):
            raise DeployError(f"{stack.name} is {status}, in which CloudFormation takes no change. {way_out}")
        if status == "ROLLBACK_COMPLETE":
            self.screen.line(f"{stack.name} is left from a creation that failed; it has to be deleted first", YELLOW)
            if self.dry_run:
                return
            self._agree(f"Delete {stack.name} and create it anew?", stack)
            stack.delete(self.screen.event)

        valid = self.client("cloudformation").validate_template(TemplateBody=template)
        now = stack.parameters()
        self._show_kept(name, valid["Parameters"], now)
        parameters = self._parameters(name, valid["Parameters"], now)
        if parameters is None:
            self.screen.line(
                f"{stack.name}: can be shown once the stacks before it exist; it takes their outputs", YELLOW
            )
            return
        change_set = stack.plan(
            template, valid.get("Capabilities", []), parameters, {"project": "ecomm", "stage": self.stage}
        )
        if change_set is None:
            self.screen.line(f"{stack.name}: unchanged", GREEN)
        else:
            self._carry_out(stack, change_set, now)

    def _parameters(
        self, name: str, declared: list[dict[str, Any]], now: dict[str, str]
    ) -> list[dict[str, Any]] | None:
        """The parameters of a change set: given values, then outputs of earlier stacks, then what the stack has.

        None in a dry run that does not know them all yet.
        """
        defaults = {entry["ParameterKey"]: entry.get("DefaultValue") for entry in declared}
        given = self.parameters.get(name, {})
        if unknown := given.keys() - defaults.keys():
            known = ", ".join(sorted(defaults))
            raise DeployError(f"infra/{name}.yaml has no parameter {', '.join(sorted(unknown))}; it has {known}.")
        fixed = {"Stage": self.stage} | ({"Prefix": self.prefix} if self.prefix else {})
        values = self.outputs | self.uploaded | given | fixed
        missing = [key for key, default in defaults.items() if key not in values | now and not default]
        if missing and self.dry_run:
            return None
        if missing:
            raise DeployError(
                f"The stack {name} needs {', '.join(missing)}, outputs of the stacks before it. Deploy those first."
            )
        return [
            {"ParameterKey": key, "ParameterValue": values[key]}
            if key in values
            else {"ParameterKey": key, "UsePreviousValue": True}
            for key in defaults
            if key in values | now
        ]

    def _show_kept(self, name: str, declared: list[dict[str, Any]], now: dict[str, str]) -> None:
        """Names the parameters that an earlier deployment set, and that this one leaves as they are."""
        for entry in declared:
            key, default = entry["ParameterKey"], entry.get("DefaultValue")
            asked = key in self.parameters.get(name, {}) or key in ("Stage", "Prefix")
            if default and not asked and now.get(key, default) != default:
                self.screen.line(f"  {key} stays {now[key]} (the template says {default})", DIM)

    def _carry_out(self, stack: Stack, change_set: ChangeSet, now: dict[str, str]) -> None:
        count = len(change_set.changes)
        changes = f"{count} change{'' if count == 1 else 's'}"
        self.screen.line(f"{stack.name}: {changes}", BOLD)
        changed = [(key, now.get(key), value) for key, value in change_set.parameters.items() if now.get(key) != value]
        self.screen.change_set(change_set.changes, changed)
        agreed = False
        try:
            if not self.dry_run:
                self._agree(f"Apply {changes} to {stack.name}?", stack)
                agreed = True
        finally:
            if not agreed:
                stack.discard(change_set)
        if agreed:
            stack.execute(change_set, self.screen.event)

    def _agree(self, question: str, stack: Stack) -> None:
        """Raises DeployError unless a person, or --yes, agrees."""
        if self.yes:
            return
        if not sys.stdin.isatty():
            raise DeployError("There is no terminal to ask at. Give --yes to apply changes, or --dry-run to see them.")
        if not self.screen.ask(question):
            raise DeployError(f"{stack.name} was left as it is.")

    def _deploy_airflow(self) -> None:
        """Builds the package, deploys the stack with the versions of its files as parameters, and brings the DAGs.

        An environment that runs gets its DAGs last: they may need the plugins that come with its change, to which a
        person may say no. A new one finds them there when it starts.
        """
        bucket = self.outputs.get("AirflowBucket")
        if bucket is None:
            self._deploy("mwaa")  # complains of it, or in a dry run goes on without
            return
        from infra import mwaa_package  # only who deploys the environment packs for it

        folder = ROOT / mwaa_upload.FOLDER
        mwaa_package.package(folder, self._settings())
        versioned, dags = mwaa_upload.files(folder)
        runs = self.stack("mwaa").status() not in (None, "ROLLBACK_COMPLETE")
        self._upload(bucket, versioned if runs else versioned | dags)
        self.uploaded |= mwaa_upload.versions(self.client("s3"), bucket)
        self._deploy("mwaa")
        if runs:
            self._upload(bucket, dags)
        for key in mwaa_upload.left_over(self.client("s3"), bucket, dags):
            self.screen.line(f"s3://{bucket}/{key}: {'to be deleted' if self.dry_run else 'deleting'}", BOLD)
            if not self.dry_run:
                self.client("s3").delete_object(Bucket=bucket, Key=key)

    def _upload(self, bucket: str, files: dict[str, Path]) -> None:
        """Uploads what is not in the bucket as it is here, or says what would be."""
        changed = assets.outdated(self.client("s3"), bucket, files)
        for key in files:
            if key not in changed:
                self.screen.line(f"s3://{bucket}/{key}: unchanged", GREEN)
        for key in changed:
            self.screen.line(f"s3://{bucket}/{key}: {'to be uploaded' if self.dry_run else 'uploading'}", BOLD)
        if not self.dry_run:
            assets.upload(self.client("s3"), bucket, changed)

    def _settings(self) -> dict[str, str | None]:
        """What plugins/ecomm/settings.py reads: region, stage, prefix, outputs (RawBucket as raw_bucket)."""
        named = {re.sub(r"(?<=.)(?=[A-Z])", "_", name).lower(): value for name, value in self.outputs.items()}
        return {"region": self.session.region_name, "stage": self.stage, "prefix": self.prefix} | named

    def _write_settings(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Airflow may read it at any moment, and must not see half of it.
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(self._settings(), indent=2) + "\n")
        draft.replace(file)
        self.screen.line(f"settings: {file}", DIM)


def _code(stacks: list[str]) -> dict[str, tuple[str, Path]]:
    """By the parameter of a stack's template, the key and the file of the code that it deploys."""
    code = {}
    if "streaming" in stacks:
        code["FlinkCode"] = assets.flink_application(ROOT / "include", for_aws=not command.endpoint())
    if "detection" in stacks:
        code["FunctionCode"] = assets.function(ROOT)
    return code


def _template(name: str) -> str:
    text = (ROOT / "infra" / f"{name}.yaml").read_text()
    if len(text.encode()) > TEMPLATE_BYTES:
        raise DeployError(
            f"infra/{name}.yaml has over {TEMPLATE_BYTES} bytes, more than CloudFormation takes. Split it."
        )
    return text
