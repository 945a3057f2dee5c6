"""Deploys the stacks of one stage, to AWS or to the endpoint in AWS_ENDPOINT_URL (python -m infra.deploy --help)."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra import assets
from infra.deployment import OPTIONAL, ROOT, STACKS, Deployment
from infra.failures import DeployError, StackError, explain
from infra.screen import DIM, RED, Screen

DEFAULT_REGION = "us-east-1"
INTERRUPTED = 130

EXAMPLES = """\
examples:
  python -m infra.deploy                                      the stage dev, in the account of the credentials
  python -m infra.deploy --stage test --region eu-west-1      another stage, elsewhere
  python -m infra.deploy --prefix acme                        buckets named acme-raw-<region>-dev and so on
  python -m infra.deploy --dry-run                            show what would change, and change nothing
  python -m infra.deploy --stack batch --parameter batch.MaxWorkers=10
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 python -m infra.deploy --yes

A parameter keeps its value until another one is given; a new stack takes the template's defaults.
Running it again changes nothing; a run that was interrupted is taken up where it stopped.
"""


def main(given: list[str] | None = None) -> int:
    """Runs the command; 0 where everything is as asked, 1 with a sentence on stderr where not."""
    options = _options(given)
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    region = options.region or DEFAULT_REGION
    screen = Screen(sys.stdout)
    complaints = Screen(sys.stderr)
    try:
        session = _session(options.region, endpoint)
        region = session.region_name
        deployment = Deployment(
            session=session,
            screen=screen,
            stage=options.stage,
            prefix=options.prefix,
            dry_run=options.dry_run,
            yes=options.yes,
            parameters=options.parameter,
        )
        stacks = options.stack or [stack for stack in STACKS if stack not in OPTIONAL]
        if "streaming" in stacks and not endpoint:
            assets.require_connector(assets.flink_application(ROOT / "include")[1])
        identity = deployment.client("sts").get_caller_identity()
        where = f"{region}, stage {options.stage}" + (f", at {endpoint}" if endpoint else "")
        screen.line(f"account {identity['Account']} as {identity['Arn']}, {where}", DIM)
        deployment.run(stacks, options.outputs)
    except KeyboardInterrupt:
        complaints.line("Interrupted. What CloudFormation has begun goes on; the same command takes it up.", RED)
        return INTERRUPTED
    except StackError as error:
        complaints.line(str(error), RED)
        complaints.failures(error.failures)
        return 1
    except DeployError as error:
        complaints.line(str(error), RED)
        return 1
    except (BotoCoreError, ClientError) as error:
        complaints.line(explain(error, region, endpoint), RED)
        return 1
    return 0


def _session(region: str | None, endpoint: str | None) -> boto3.Session:
    """A session in the region named, else in that of the profile, else in the default one.

    Raises DeployError for a region that does not exist; a local endpoint serves any.
    """
    session = boto3.Session(region_name=region)
    if session.region_name is None:
        session = boto3.Session(region_name=DEFAULT_REGION)
    regions = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("cloudformation", partition)
    ]
    if not endpoint and session.region_name not in regions:
        near = ", ".join(difflib.get_close_matches(session.region_name, regions, n=3))
        raise DeployError(f"AWS has no region {session.region_name!r}.{f' Near to it: {near}.' if near else ''}")
    return session


def _options(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.deploy",
        description="Deploys the stacks of one stage, to AWS or to the endpoint in AWS_ENDPOINT_URL.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    add = parser.add_argument
    add("--stage", default="dev", help="which of several deployments in one account (dev)")
    add("--region", default=region, help=f"that of the environment or the profile, else {DEFAULT_REGION}")
    add("--prefix", help="first word of the buckets' names (what the stack has; ecommerce for a new one)")
    add(
        "--stack",
        action="append",
        choices=STACKS,
        help=f"only this stack; may be repeated (all but {', '.join(OPTIONAL)})",
    )
    add("--parameter", action="append", default=[], metavar="STACK.KEY=VALUE", help="of a template; may be repeated")
    add("--outputs", type=Path, metavar="FILE", help="where the settings go (var/deploy/<stage>.json)")
    add("--dry-run", action="store_true", help="show what would change, and change nothing")
    add("--yes", action="store_true", help="apply without asking")
    options = parser.parse_args(given)
    options.parameter = _parameters(parser, options.parameter)
    options.outputs = options.outputs or ROOT / "var" / "deploy" / f"{options.stage}.json"
    return options


def _parameters(parser: argparse.ArgumentParser, texts: list[str]) -> dict[str, dict[str, str]]:
    parameters: dict[str, dict[str, str]] = {stack: {} for stack in STACKS}
    for text in texts:
        match = re.fullmatch(r"(\w+)\.(\w+)=(.*)", text, re.DOTALL)
        if not match or match[1] not in STACKS:
            parser.error(f"--parameter {text!r} is not STACK.KEY=VALUE with one of the stacks {', '.join(STACKS)}")
        if match[2] in ("Stage", "Prefix"):
            parser.error(f"--parameter {text!r}: all stacks share it; use --{match[2].lower()}")
        parameters[match[1]][match[2]] = match[3]
    return parameters


if __name__ == "__main__":
    sys.exit(main())
