"""Shows the end of what a run on AWS has logged in the log of the task that waited for it."""

from __future__ import annotations

import logging

from ecomm.aws import client

log = logging.getLogger(__name__)


def show_end(group: str, stream: str, source: str, lines: int) -> None:
    """Logs the last lines of a CloudWatch stream, each after the word `source`; a warning where it cannot be read."""
    logs = client("logs")
    try:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=lines)["events"]
    except logs.exceptions.ClientError as error:
        log.warning("The log %s, stream %s, cannot be read: %s", group, stream, error)
        return
    for event in events:
        log.info("%s | %s", source, event["message"].rstrip())
