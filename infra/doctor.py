"""Says what is missing before anything is created, each with the way out (python -m infra.doctor --help)."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra import assets, buckets, command, lake_formation, quotas
from infra.deployment import ONLY_ON_AWS, OPTIONAL, ROOT, STACKS
from infra.failures import DeployError, explain, stuck
from infra.screen import DIM, GREEN, RED, YELLOW, Screen
from infra.stack import Stack

EXAMPLES = """\
examples:
  python -m infra.doctor                        what the stage dev needs, in the account of the credentials
  python -m infra.doctor --prefix acme          whether the buckets could be named acme-raw-<region>-dev and so on

It only looks: nothing is created and nothing is changed. 1 where something is missing.
"""


# By boto3's name of it.
SERVICES = {
    "databrew": "AWS Glue DataBrew",
    "kinesisanalyticsv2": "Managed Service for Apache Flink",
    "mwaa": "Amazon MWAA",
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at. good: None where it could not be told. way_out: what to do where it is not good."""

    what: str
    good: bool | None
    way_out: str = ""


def main(given: list[str] | None = None) -> int:
    """Runs the command; 1 where something is missing."""
    parser = command.parser("doctor", "Says what is missing before anything is created.", EXAMPLES)
    options = parser.parse_args(given)
    return command.carry_out(lambda screen: _examine(options, screen), options.region)


def _examine(options: argparse.Namespace, screen: Screen) -> int:
    missing = 0
    for finding in findings(options):
        mark, colour = {True: ("ok", GREEN), False: ("missing", RED), None: ("unknown", YELLOW)}[finding.good]
        screen.line(f"{screen.paint(f'{mark:<8}', colour)} {finding.what}")
        if not finding.good and finding.way_out:
            screen.line(f"         → {finding.way_out}")
        missing += finding.good is False
    if missing:
        screen.line(f"{missing} missing; nothing was created.", RED)
        return 1
    screen.line("Nothing is missing: make deploy" + (f" STAGE={options.stage}" if options.stage != "dev" else ""), DIM)
    return 0


def findings(options: argparse.Namespace) -> Iterator[Finding]:
    """All of them, the account's only where there are credentials for one."""
    yield from _tools()
    yield from _builds()
    session = command.session(options.region)
    if not command.endpoint():
        yield from _services(session)
    try:
        identity = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        yield Finding("credentials", False, explain(error, session.region_name, command.endpoint()))
        return
    yield Finding(command.where(identity, session.region_name, options.stage), True)
    yield from _stacks(session, options.stage)
    yield from _buckets(session, options)
    yield from _quotas(session, options.stage)
    if not command.endpoint():
        yield from _catalog(session)


def _tools() -> Iterator[Finding]:
    checked = subprocess.run(
        [str(ROOT / "setup" / "check_prerequisites.sh")], capture_output=True, text=True, check=False
    )
    yield Finding("Python, Java 17 and Maven", checked.returncode == 0, checked.stderr.strip())


def _builds() -> Iterator[Finding]:
    application = partial(assets.flink_application, ROOT / "include", for_aws=not command.endpoint())
    for what, find in (
        ("the Flink application's zip", application),
        ("the function's zip", partial(assets.function, ROOT)),
    ):
        try:
            find()
        except DeployError as error:
            yield Finding(what, False, str(error))
        else:
            yield Finding(what, True)


def _services(session: boto3.Session) -> Iterator[Finding]:
    """Those that AWS does not have everywhere; a local endpoint has all it has in any region."""
    region = session.region_name
    partition = session.get_partition_for_region(region)
    for service, name in SERVICES.items():
        there = session.get_available_regions(service, partition)
        yield Finding(
            f"{name} in {region}",
            True if region in there else None,
            "boto3 knows none there. Unless AWS's list of services by region does, use another --region: "
            f"{', '.join(there)}.",
        )


def _catalog(session: boto3.Session) -> Iterator[Finding]:
    what = "new databases and tables are controlled by IAM alone"
    try:
        alone = lake_formation.leaves_it_to_iam(session.client("lakeformation"))
    except (BotoCoreError, ClientError) as error:
        yield Finding(f"{what}: {explain(error, session.region_name, None)}", None)
        return
    yield Finding(
        what,
        alone,
        "Lake Formation of this account wants grants of its own, which the crawlers, Athena and the DAGs do not have. "
        "Choose IAM's control for new databases and tables in its console (Data Catalog settings), then deploy.",
    )


def _stacks(session: boto3.Session, stage: str) -> Iterator[Finding]:
    for name in STACKS:
        stack = Stack(session.client("cloudformation"), f"ecomm-{name}-{stage}")
        status = stack.status()
        if status:
            yield Finding(
                f"the stack {stack.name} is {status}", not stuck(stack.name, status), stuck(stack.name, status) or ""
            )


def _buckets(session: boto3.Session, options: argparse.Namespace) -> Iterator[Finding]:
    """Whether each name is free, or taken by the stack of this stage."""
    storage = Stack(session.client("cloudformation"), f"ecomm-storage-{options.stage}")
    deployed = set(storage.outputs().values())
    prefix = options.prefix or storage.parameters().get("Prefix", buckets.DEFAULT_PREFIX)
    for name in buckets.names(prefix, session.region_name, options.stage).values():
        owner = buckets.owner(session.client("s3"), name)
        if owner == "nobody" or name in deployed:
            whose = "free" if owner == "nobody" else "that of the stack"
            yield Finding(f"the bucket name {name} is {whose}", True)
        elif owner == "us":
            yield Finding(
                f"the bucket {name} is there, and not the stack's",
                False,
                f"It was left by a deployment before: python -m infra.destroy --stage {options.stage} --delete-data "
                "deletes it; or import it into the stack, or choose other names with --prefix.",
            )
        else:
            yield Finding(
                f"the bucket name {name} is taken by another account",
                False,
                "Names of buckets are unique among all of AWS. Choose another first word: --prefix acme.",
            )


def _quotas(session: boto3.Session, stage: str) -> Iterator[Finding]:
    """What the stacks that are not there yet need of what the account has left."""
    wanted = [name for name in STACKS if name not in OPTIONAL + (ONLY_ON_AWS if command.endpoint() else ())]
    new = [name for name in wanted if Stack(session.client("cloudformation"), f"ecomm-{name}-{stage}").status() is None]
    for quota in quotas.QUOTAS:
        if quota.stack not in new:
            continue
        try:
            left = quota.left(session)
        except (BotoCoreError, ClientError) as error:
            yield Finding(f"{quota.what}: {explain(error, session.region_name, command.endpoint())}", None)
            continue
        yield Finding(
            f"{quota.what}: {left:g} left of the quota, {quota.needed} needed",
            left >= quota.needed,
            f"Ask for a higher quota in the console of Service Quotas ({quota.service}), or use another --region.",
        )


if __name__ == "__main__":
    sys.exit(main())
