"""The command `dataset-generator.py`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from . import DEFAULT_MONTHS, DEFAULT_ROWS, DEFAULT_SEED, HEADER, blocks
from .calibration import NOVEMBER, OCTOBER
from .output import output, with_progress

FAILED, INTERRUPTED = 1, 130

DESCRIPTION = """\
Writes a made-up e-commerce data set with the habits of the real one, as docs/generator.md describes it. The same rows,
seed and months give the same bytes. Needs nothing but Python.
"""
EPILOG = f"""\
examples:
  November in the size of two million rows, zipped:
    python simulator/dataset-generator.py --rows 2000000 --months 2019-11 --output 2019-Nov.csv.zip
  both months as large as the real ones (about 15 GB):
    python simulator/dataset-generator.py --rows {OCTOBER.rows + NOVEMBER.rows} --output both.csv

exit status: 0 all written; 1 failed; 2 wrong arguments; 130 interrupted. A file appears when it is complete.
"""


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    arguments = _arguments(words)
    encoded = (block.encode() for block in chain([HEADER], with_progress(arguments.blocks, arguments.rows)))
    try:
        if arguments.output == "-":
            sys.stdout.buffer.writelines(encoded)
            sys.stdout.buffer.flush()
        else:
            with output(Path(arguments.output)) as file:
                file.writelines(encoded)
    except BrokenPipeError:
        # The reader has what it wanted (head); without this Python complains once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; the data set is not complete.\n")
        return INTERRUPTED
    except OSError as error:
        sys.stderr.write(f"The data set could not be written: {error}.\n")
        return FAILED
    return 0


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, with the rows to come as `blocks`; ends the program with a sentence where one is wrong."""
    parser = argparse.ArgumentParser(
        prog="dataset-generator.py",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=DEFAULT_ROWS, help="events to write (default: %(default)s)")
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, help="another seed, another data set (default: %(default)s)"
    )
    parser.add_argument(
        "--months", default=",".join(DEFAULT_MONTHS), help="months with commas between them (default: %(default)s)"
    )
    parser.add_argument("--output", required=True, help="a file ending in .csv or .zip, or - for standard output")
    parser.add_argument("--force", action="store_true", help="overwrite the file if it is there")
    arguments = parser.parse_args(words)
    try:
        arguments.blocks = blocks(arguments.rows, arguments.seed, arguments.months.split(","))
    except ValueError as error:
        parser.error(str(error))
    if arguments.output != "-":
        _check_path(parser, Path(arguments.output), arguments.force)
    return arguments


def _check_path(parser: argparse.ArgumentParser, path: Path, force: bool) -> None:
    if path.suffix not in {".csv", ".zip"}:
        parser.error(f"--output {path} ends neither in .csv nor in .zip.")
    if path.is_dir():
        parser.error(f"--output {path} is a folder; name a file in it.")
    if not path.absolute().parent.is_dir():
        parser.error(f"The folder {path.parent} does not exist; make it first.")
    if path.exists() and not force:
        parser.error(f"{path} exists already; give --force to overwrite it.")
