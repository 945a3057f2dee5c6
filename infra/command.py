"""What the commands deploy, destroy and doctor share: their options, their session, and how they end."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.failures import DeployError, StackError, explain
from infra.screen import RED, Screen

DEFAULT_REGION = "us-east-1"
INTERRUPTED = 130


def parser(name: str, description: str, examples: str) -> argparse.ArgumentParser:
    """With the options that say which deployment is meant: --stage, --region and --prefix."""
    made = argparse.ArgumentParser(
        prog=f"python -m infra.{name}",
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    made.add_argument("--stage", default="dev", help="which of several deployments in one account (dev)")
    made.add_argument("--region", default=region, help=f"that of the environment or the profile, else {DEFAULT_REGION}")
    made.add_argument("--prefix", help="first word of the buckets' names (what the stack has; ecommerce for a new one)")
    return made


def endpoint() -> str | None:
    """The address that replaces AWS's own; None on AWS."""
    return os.environ.get("AWS_ENDPOINT_URL")


def session(region: str | None) -> boto3.Session:
    """A session in the region named, else in that of the profile, else in the default one.

    Raises DeployError for a region that does not exist; a local endpoint serves any.
    """
    made = boto3.Session(region_name=region)
    if made.region_name is None:
        made = boto3.Session(region_name=DEFAULT_REGION)
    regions = [
        region
        for partition in made.get_available_partitions()
        for region in made.get_available_regions("cloudformation", partition)
    ]
    if not endpoint() and made.region_name not in regions:
        near = ", ".join(difflib.get_close_matches(made.region_name, regions, n=3))
        raise DeployError(f"AWS has no region {made.region_name!r}.{f' Near to it: {near}.' if near else ''}")
    return made


def where(identity: dict[str, str], region: str, stage: str) -> str:
    """A line that says in whose name what is done, and where."""
    at = f", at {endpoint()}" if endpoint() else ""
    return f"account {identity['Account']} as {identity['Arn']}, {region}, stage {stage}{at}"


def carry_out(work: Callable[[Screen], int], region: str | None) -> int:
    """The exit status of `work`; 1 with a sentence on stderr where it raises an error of ours or of AWS."""
    complaints = Screen(sys.stderr)
    try:
        return work(Screen(sys.stdout))
    except KeyboardInterrupt:
        complaints.line("Interrupted. What CloudFormation has begun goes on; the same command takes it up.", RED)
        return INTERRUPTED
    except StackError as error:
        complaints.line(str(error), RED)
        complaints.failures(error.failures)
    except DeployError as error:
        complaints.line(str(error), RED)
    except (BotoCoreError, ClientError) as error:
        complaints.line(explain(error, region or DEFAULT_REGION, endpoint()), RED)
    return 1
