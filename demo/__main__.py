"""The command: python -m demo --help."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from demo import DemoError, needs, sources
from demo.machine import Machine
from demo.pipeline import run
from demo.progress import Progress, make_console
from demo.watch import Watch
from local.config import Config

INTERRUPTED = 130
INTERRUPTION = """\
Interrupted. All that was started goes on, DAG runs too. The same command again follows them; `make down` stops them.\
"""
EPILOG = """\
environment:
  DATASET         as --dataset; several files with spaces between them, quoted where they hold spaces
  STAGE           as --stage
  LOCAL_AWS_PORT, AIRFLOW_PORT, FLINK_PORT, LOCAL_VAR
                  where the local AWS, Airflow and Flink's UI listen, and the folder of their state
                  (4566, 8080, 8081, var)

Airflow and the local AWS go on running afterwards; `make down` stops them, `make up` brings them back.
"""


def main(words: Sequence[str] | None = None) -> int:
    """0 when the KPIs are there, 1 with a sentence on standard error when not, 130 when interrupted."""
    arguments = _arguments(words)
    started: Machine | None = None
    try:
        given = arguments.dataset or sources.named(os.environ.get("DATASET", ""), Path.cwd())
        files = sources.located(given, Path.cwd())
        machine = Machine(arguments.stage, Config.from_environment())
        progress = Progress(make_console())
        for sentence in needs.check(files, machine.config):
            progress.note(sentence)
        machine.enter()
        started = machine
        run(machine, files, progress)
    except (DemoError, BotoCoreError, ClientError) as error:
        return _complain(_death(started) or str(error), 1)
    except OSError as error:
        return _complain(f"{error.filename or 'The demo'}: {error.strerror or error}.", 1)
    except KeyboardInterrupt:
        return _complain(INTERRUPTION, INTERRUPTED)
    return 0


def _death(machine: Machine | None) -> str | None:
    """Why a service died: the cause of whatever error followed from it."""
    return Watch(machine.config, lambda _: None).death() if machine else None


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Runs the batch pipeline on this machine, from rows to KPIs, through Airflow's API.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--dataset",
        nargs="+",
        metavar="FILE",
        help="CSV files or zips of them, or s3:// addresses (default: rows that the project generates)",
    )
    parser.add_argument("--stage", default=os.environ.get("STAGE", "dev"), help="of the deployment (%(default)s)")
    return parser.parse_args(words)


def _complain(sentence: str, code: int) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"\n{sentence}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
