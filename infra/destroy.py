"""Deletes the stacks of one stage, the last first, and its buckets when told (python -m infra.destroy --help)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from infra import buckets, command
from infra.deployment import ONLY_ON_AWS, OPTIONAL, ROOT, STACKS
from infra.failures import DeployError
from infra.screen import BOLD, DIM, GREEN, YELLOW, Screen
from infra.stack import Stack

# What is lost with a stack, beyond what a deployment makes again.
LOST = {
    "streaming": "the clicks in the streams, and the snapshots of the Flink application",
    "detection": "all counts, the block list, and mails that wait",
    "mwaa": "the history of Airflow's runs",
}

EXAMPLES = """\
examples:
  python -m infra.destroy                          the stage dev; refused while its buckets hold data
  python -m infra.destroy --stage test --keep-data    the stacks; the buckets stay with all that is in them
  python -m infra.destroy --stage test --delete-data  the buckets too, with every version of every object
  python -m infra.destroy --stack mwaa             only the Airflow environment, which costs by the hour

There is no way back from --delete-data. Running it again goes on where it stopped.
"""


def main(given: list[str] | None = None) -> int:
    """Runs the command; 0 where nothing is left of what was to go, 1 with a sentence on stderr where not."""
    parser = command.parser("destroy", "Deletes the stacks of one stage, and its buckets when told.", EXAMPLES)
    add = parser.add_argument
    add("--stack", action="append", choices=STACKS, help="only this stack; may be repeated (all)")
    data = parser.add_mutually_exclusive_group()
    data.add_argument("--keep-data", action="store_true", help="leave the buckets, with what is in them")
    data.add_argument("--delete-data", action="store_true", help="delete what is in the buckets, with every version")
    add("--yes", action="store_true", help="delete without asking")
    options = parser.parse_args(given)
    return command.carry_out(lambda screen: Destruction(options, screen).run(), options.region)


class Destruction:
    """What is to go of one stage."""

    def __init__(self, options: argparse.Namespace, screen: Screen) -> None:
        self._session = command.session(options.region)
        self._options = options
        self._screen = screen
        self._s3 = self._session.client("s3")

    def run(self) -> int:
        """Raises DeployError where something is in the way, before anything is deleted, or where a person says no."""
        identity = self._session.client("sts").get_caller_identity()
        self._screen.line(command.where(identity, self._session.region_name, self._options.stage), DIM)
        stacks = self._stacks()
        found = {} if self._options.keep_data or self._options.stack else self._buckets()
        self._refuse_data(found)
        if not stacks and not found:
            self._screen.line(f"There is nothing of the stage {self._options.stage}.", GREEN)
            return 0
        self._agree(stacks, found)
        for name, stack in stacks.items():
            if (stack.status() or "").endswith("_IN_PROGRESS"):
                self._screen.line(f"{stack.name} is changing from an earlier run; waiting for it", YELLOW)
                stack.settle(self._screen.event)
            if stack.description():
                self._screen.line(f"{stack.name}: deleting", BOLD)
                stack.delete(self._screen.event)
            if name == "storage":
                self._settings().unlink(missing_ok=True)
        for bucket in found.values():
            self._screen.line(f"s3://{bucket}: deleting", BOLD)
            buckets.delete(self._s3, bucket)
        return 0

    def _settings(self) -> Path:
        return ROOT / "var" / "deploy" / f"{self._options.stage}.json"

    def _stacks(self) -> dict[str, Stack]:
        """Those there are, the last one deployed first. Raises DeployError where one that stays needs one that goes."""
        client = self._session.client("cloudformation")
        every = {name: Stack(client, f"ecomm-{name}-{self._options.stage}") for name in reversed(STACKS)}
        there = {name: stack for name, stack in every.items() if stack.description()}
        wanted = self._options.stack or STACKS
        staying: list[str] = []
        for name in there:
            if name not in wanted:
                staying.append(name)
            elif staying and name not in (*OPTIONAL, *ONLY_ON_AWS):  # which need the others, and are needed by none
                raise DeployError(
                    f"{', '.join(staying)} would be left without {name}; name what is to go with --stack too."
                )
        self._prefix = self._options.prefix or every["storage"].parameters().get("Prefix", buckets.DEFAULT_PREFIX)
        return {name: stack for name, stack in there.items() if name in wanted}

    def _buckets(self) -> dict[str, str]:
        """Those there are, by purpose: of the stack, or left by one."""
        every = buckets.names(self._prefix, self._session.region_name, self._options.stage)
        return {purpose: name for purpose, name in every.items() if buckets.owner(self._s3, name) == "us"}

    def _refuse_data(self, found: dict[str, str]) -> None:
        if self._options.delete_data:
            return
        holding = []
        for purpose, bucket in found.items():
            if held := buckets.data(self._s3, bucket, purpose):
                count, size, key = held
                objects = f"{count:,} object{'' if count == 1 else 's'}"
                holding.append(f"{bucket} holds {objects}, {size / 1e6:,.1f} MB, such as {key}.")
        if holding:
            raise DeployError(
                "\n".join(holding) + "\nNothing was deleted. Give --keep-data to leave the buckets as they are, or "
                "--delete-data to delete them with every version of every object."
            )

    def _agree(self, stacks: dict[str, Stack], found: dict[str, str]) -> None:
        for name, stack in stacks.items():
            self._screen.line(f"  {stack.name}" + (f", and with it {LOST[name]}" if name in LOST else ""))
        for bucket in found.values():
            self._screen.line(f"  s3://{bucket}, with every version of every object")
        if self._options.yes:
            return
        if not sys.stdin.isatty():
            raise DeployError("There is no terminal to ask at. Give --yes to delete all this.")
        if not self._screen.ask(f"Delete all this of the stage {self._options.stage}?"):
            raise DeployError("Nothing was deleted.")


if __name__ == "__main__":
    sys.exit(main())
