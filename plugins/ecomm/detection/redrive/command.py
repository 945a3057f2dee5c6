"""The command: `make redrive`, or `python -m ecomm.detection.redrive.command`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ecomm.detection.redrive.failed_queue import HOLD_SECONDS, FailedQueue
from ecomm.detection.redrive.function import Function
from ecomm.detection.redrive.redriving import BrokenFunctionError, Redrive
from ecomm.detection.redrive.stream import Stream
from ecomm.settings import settings

INTERRUPTED = 130
# As long as a function may run.
_READ_SECONDS = 900
DESCRIPTION = """\
Sends what lies in the queue of failures through the function again, and says what became of each message.

  batches    that Lambda gave up: their records are read from the stream and given to the function
  payloads   that the function could not read: given to it once more, as it may have been mended
  mails      that the queue of mails gave up: go back to it

A message is deleted when what it says is done. What is done twice is stored and mailed once, so this may be interrupted
and run again at any time.
"""
EPILOG = """\
The stage is that of ECOMM_STAGE (dev); AWS_ENDPOINT_URL turns to the local platform.
Ends with 0 when the queue is empty, 1 when something stays in it, 130 after Ctrl-C.
"""


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make redrive",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and change nothing")
    parser.add_argument(
        "--discard",
        action="store_true",
        help="remove what cannot be mended, after printing it: payloads that stay unreadable, batches of which "
        "the stream has lost records, messages that are neither mail nor receipt, unknown messages",
    )
    options = parser.parse_args(given)
    names = settings()
    try:
        return _redrive(options.dry_run, options.discard)
    except ClientError as error:
        if error.response["Error"]["Code"].endswith(("NonExistentQueue", "QueueDoesNotExist")):
            _complain(f"There is no queue {names.failed_queue} or {names.mail_queue} in {names.region}. {_DEPLOY}")
        elif error.response["Error"]["Code"] == "ResourceNotFoundException":
            _complain(f"There is no function {names.detection_function} in {names.region}. {_DEPLOY}")
        else:
            _complain(f"AWS refused: {error}. What is not done stays in the queue; run this again.")
    except (BotoCoreError, RuntimeError) as error:
        _complain(f"{error} What is not done stays in the queue; run this again.")
    return 1


_DEPLOY = "Deploy the stage (`make deploy`), or name another with STAGE=…"


def _redrive(dry_run: bool, discard: bool) -> int:
    names = settings()
    sqs, kinesis, functions = (_client(service) for service in ("sqs", "kinesis", "lambda"))
    mails = sqs.get_queue_url(QueueName=names.mail_queue)["QueueUrl"]
    queue = FailedQueue(sqs, sqs.get_queue_url(QueueName=names.failed_queue)["QueueUrl"])
    redrive = Redrive(
        queue,
        Stream(kinesis),
        Function(functions, names.detection_function),
        lambda body: sqs.send_message(QueueUrl=mails, MessageBody=body),
        _say,
        dry_run=dry_run,
        discard=discard,
    )
    elsewhere = queue.held_by_others()
    try:
        tally = redrive.run()
    except KeyboardInterrupt:
        _say(redrive.tally.line(dry_run))
        _complain("Interrupted. What is not done is in the queue as before; run this again to go on.")
        return INTERRUPTED
    except BrokenFunctionError as error:
        _say(redrive.tally.line(dry_run))
        _complain(str(error))
        return 1
    _say(tally.line(dry_run))
    if elsewhere:
        _complain(
            f"About {elsewhere:,} more messages are in the hands of another process, or of a redrive that was killed; "
            f"those are back within {HOLD_SECONDS // 60} minutes. Run this again then."
        )
    if dry_run:
        _complain(f"Messages in the queue {names.failed_queue}: {tally.messages:,}.")
        return 1 if tally.messages or elsewhere else 0
    if tally.kept:
        _complain(
            f"Not everything could be done, so the queue {names.failed_queue} is not empty; each line above says why. "
            "Look at the function's log, mend what is wrong, and run this again; --discard removes what nothing mends."
        )
    return 1 if tally.kept or elsewhere else 0


def _client(service: str) -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": 6}, read_timeout=_READ_SECONDS)
    return boto3.client(service, region_name=settings().region, config=config)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
