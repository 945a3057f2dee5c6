"""The command `stream-data-app-simulation.py`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import options as defaults
from .attacks import KINDS, parse_plants
from .errors import SimulatorError
from .events import COLUMNS
from .kinesis import Answer, explain
from .options import Options
from .simulation import EndedEarlyError, stream_data_simulator
from .summary import Summary

INTERRUPTED = 130

DESCRIPTION = """\
Sends the rows of the data set to a Kinesis stream as JSON, each with the time of its sending as txn_timestamp.
A row is sent under user_id 9200000000000 plus its own and in a session of this run and pass, so that every table can
tell replayed clicks from those of customers.
AWS credentials and region are those of the AWS CLI; AWS_ENDPOINT_URL names another endpoint, as the local platform.
"""
EPILOG = """\
examples:
  the sample, once, flat out:
    python simulator/stream-data-app-simulation.py
  a local month at 500 events a second, with a burst after a minute and its label in a file:
    python simulator/stream-data-app-simulation.py --source 2019-Nov.csv.zip --rate 500 \\
      --plant loud-user@60 --labels labels.jsonl
  three hours of clicks in three minutes, stamped as if the hours had passed:
    python simulator/stream-data-app-simulation.py --source 2019-Oct.csv --speed 60 --replay-time

environment:
  kinesis_stream_name      the stream, where --stream is not given
  streaming_partition_key  the column of the partition key, where --partition-key is not given

attacks (--plant):
  loud-user    131 times the same cart within 7 seconds       flood        1,000 new users within 10 seconds
  slow-bot     a view every 7 to 13 minutes of the data, day and night
  scraper      product after product, 50 views a minute of the data
  card-tester  200 small purchases, 5 to 15 seconds of the data apart

exit status: 0 all sent; 1 failed or not all sent; 2 wrong arguments; 130 interrupted (what was read is sent first; a
second interrupt gives up what is waiting)
"""


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    arguments = _parser().parse_args(words)
    try:
        summary = _simulate(arguments)
    except BrokenPipeError:
        # The reader of the responses has what it wanted (head); Python would complain once more when it closes them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (SimulatorError, BotoCoreError, ClientError, OSError) as error:
        sys.stderr.write(f"{_sentence(error)}\n")
        if not isinstance(error, EndedEarlyError):
            return 1
        _report(error.summary, arguments.summary)
        return INTERRUPTED if error.summary.interrupted else 1
    _report(summary, arguments.summary)
    return INTERRUPTED if summary.interrupted else 0


def _simulate(arguments: argparse.Namespace) -> Summary:
    stop, abort = threading.Event(), threading.Event()
    _stop_on_signals(stop, abort)
    show = _print_responses if arguments.print_responses else None
    return stream_data_simulator(_options(arguments), stop=stop, abort=abort, show=show, progress=True)


def _sentence(error: Exception) -> str:
    if isinstance(error, BotoCoreError | ClientError):
        return explain(error) or f"AWS refused: {error}"
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'} cannot be used: {error.strerror}."
    return str(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stream-data-app-simulation.py",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--source", help="s3://bucket/key or a path, of a CSV or a zip with one (default: the deployed sample)")
    add("--stream", help=f"the stream's name (default: {defaults.DEFAULT_STREAM})")
    add("--partition-key", choices=tuple(COLUMNS), metavar="COLUMN", help="default: category_id")
    add("--iterations", type=_count, default=1, metavar="N", help="passes over the file (default: 1)")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=_positive, metavar="R", help="events a second (default: flat out)")
    pace.add_argument("--speed", type=_positive, metavar="X", help="the data's own gaps, X times as fast")
    add(
        "--replay-time",
        nargs="?",
        type=_moment,
        const="now",
        metavar="FROM",
        help="txn_timestamp follows the data's own spacing from now on, or from a moment such as 2026-11-24T00:00:00Z",
    )
    add(
        "--ordered",
        action="store_true",
        help="keep the order within a partition key; slower, most of all with few keys",
    )
    add("--aggregate", action="store_true", help="many events a record (KPL); not for a stream that Flink reads")
    add(
        "--in-flight",
        type=_count,
        default=defaults.DEFAULT_IN_FLIGHT,
        metavar="N",
        help="requests at once (default: %(default)s)",
    )
    add(
        "--tries",
        type=_count,
        default=defaults.DEFAULT_TRIES,
        metavar="N",
        help="tries of a record (default: %(default)s)",
    )
    add(
        "--plant",
        type=_plants,
        default={},
        metavar="KINDS",
        help=f"plant {', '.join(KINDS)} or all; KIND@SECONDS says when",
    )
    add("--labels", type=_output, metavar="FILE", help="write what was planted, as JSON lines")
    add("--seed", type=int, default=defaults.DEFAULT_SEED, help="another seed, other attackers (default: %(default)s)")
    add("--unsent", type=_output, metavar="FILE", help="keep events that could not be sent, as JSON lines")
    add("--summary", type=_output, metavar="FILE", help="write the closing account as JSON")
    add("--print-responses", action="store_true", help="print the response of each record")
    return parser


def _options(arguments: argparse.Namespace) -> Options:
    given = {name: value for name in ("source", "stream", "partition_key") if (value := getattr(arguments, name))}
    return Options(
        **given,
        iterations=arguments.iterations,
        rate=arguments.rate,
        speed=arguments.speed,
        replay_from=arguments.replay_time,
        ordered=arguments.ordered,
        aggregate=arguments.aggregate,
        in_flight=arguments.in_flight,
        tries=arguments.tries,
        plants=arguments.plant,
        labels=arguments.labels,
        seed=arguments.seed,
        unsent=arguments.unsent,
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def _moment(text: str) -> datetime:
    if text == "now":
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment; write it as 2026-11-24T00:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _output(text: str) -> Path:
    """Asked before anything is sent, since the file is written after it."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} cannot be written: it is a folder")
    if not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{path} cannot be written: there is no folder {path.parent}; make it first")
    return path


def _plants(text: str) -> dict[str, float]:
    try:
        return parse_plants(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _stop_on_signals(stop: threading.Event, abort: threading.Event) -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        # No exception: it could strike where a batch is between two hands.
        (abort if stop.is_set() else stop).set()

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)


def _print_responses(answers: Sequence[Answer], metadata: dict[str, Any]) -> None:
    """A line for each record, as put_record would have answered."""
    sys.stdout.writelines(f"{answer | {'ResponseMetadata': metadata}}\n" for answer in answers)


def _report(summary: Summary, path: Path | None) -> None:
    sys.stdout.write(f"{summary}\n")
    sys.stdout.flush()
    if path is not None:
        path.write_text(json.dumps(summary.as_dict(), indent=2) + "\n")
