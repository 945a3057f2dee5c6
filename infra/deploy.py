"""Deploys the stacks of one stage, to AWS or to the endpoint in AWS_ENDPOINT_URL (python -m infra.deploy --help)."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from infra import command
from infra.deployment import ONLY_ON_AWS, OPTIONAL, ROOT, STACKS, Deployment
from infra.screen import DIM, Screen

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
    return command.carry_out(lambda screen: _deploy(options, screen), options.region)


def _deploy(options: argparse.Namespace, screen: Screen) -> int:
    session = command.session(options.region)
    deployment = Deployment(
        session=session,
        screen=screen,
        stage=options.stage,
        prefix=options.prefix,
        dry_run=options.dry_run,
        yes=options.yes,
        parameters=options.parameter,
    )
    left_out = OPTIONAL + (ONLY_ON_AWS if command.endpoint() else ())
    stacks = options.stack or [stack for stack in STACKS if stack not in left_out]
    identity = deployment.client("sts").get_caller_identity()
    screen.line(command.where(identity, session.region_name, options.stage), DIM)
    deployment.run(stacks, options.outputs)
    return 0


def _options(given: list[str] | None) -> argparse.Namespace:
    parser = command.parser(
        "deploy", "Deploys the stacks of one stage, to AWS or to the endpoint in AWS_ENDPOINT_URL.", EXAMPLES
    )
    add = parser.add_argument
    add(
        "--stack",
        action="append",
        choices=STACKS,
        help=f"only this stack; may be repeated (all but {', '.join(OPTIONAL)}; on a local endpoint nor "
        f"{', '.join(ONLY_ON_AWS)})",
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
