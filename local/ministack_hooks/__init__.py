"""Every place where the platform reaches into ministack 1.5.33, so that its next version breaks in one folder.

ministack answers the whole AWS API; where it only says that something ran, the function that says so is replaced here
by one that hands over to an engine of ours. Engines know boto3 and their tools; they do not import ministack.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import ministack.app
from ministack.app import app as application
from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

from local.config import Config
from local.ministack_hooks import (
    alarms,
    athena,
    calls,
    cloudformation,
    cloudwatch,
    console,
    databrew,
    dynamodb,
    dynamodb_resources,
    event_source_mappings,
    faults,
    firehose,
    flink,
    functions,
    glue,
    glue_crawlers,
    glue_jobs,
    kinesis,
    logs,
    refusals,
    s3,
    sns,
    sns_resources,
    sqs,
)
from local.ministack_hooks.closing import close

# Down to the items of a table and the events of a log stream.
PIECES_DEEP = 7
PIECE_LENGTH = 500

__all__ = ["application", "close", "encode_state", "install", "states"]


def install(config: Config) -> None:
    """Replaces ministack's empty answers by engines; once, before the first request."""
    # Ours is saved by a StateKeeper, at the end too.
    ministack.app.save_all = lambda services: None
    refusals.install()
    cloudformation.install()
    metrics = cloudwatch.install(config)
    logs.install(metrics)
    alarms.install(metrics)
    dynamodb.install(config)
    dynamodb_resources.install()
    sns_resources.install(sns.install(config))
    sqs.install(config, metrics)
    s3.install(config)
    glue.install()
    glue_crawlers.install(config)
    glue_jobs.install(config)
    databrew.install(config)
    athena.install(config)
    streams = kinesis.install(config)
    firehose.install(config, streams)
    functions.install(config, partial(event_source_mappings.install, config, streams))
    flink.install(config)
    # What it refuses nobody behind it sees.
    faults.install()
    console.install(config)
    # The outermost: a call needs its right, whatever answers it.
    calls.install(config)


def states() -> dict[str, Callable[[], Any]]:
    """By the name of its file, what copies the state of each service in use."""
    found: dict[str, Callable[[], Any]] = ministack.app._build_persistence_save_dict()
    return found


def encode_state(name: str, state: Any) -> str:
    wrapped = {"__ministack_format__": persistence._state_format_version(name), "payload": state}
    return "".join(_pieces(wrapped, PIECES_DEEP))


def _pieces(value: Any, deep: int) -> Iterator[str]:
    """The JSON of a value bit by bit: while one is made, no other thread of the process runs."""
    if isinstance(value, AccountScopedDict | AccountRegionScopedDict):
        value = persistence._json_default(value)
    if deep and isinstance(value, dict) and value and all(type(key) is str for key in value):
        for place, (key, member) in enumerate(value.items()):
            yield f"{', ' if place else '{'}{json.dumps(key)}: "
            yield from _pieces(member, deep - 1)
        yield "}"
    elif isinstance(value, list) and len(value) > PIECE_LENGTH:
        for first in range(0, len(value), PIECE_LENGTH):
            part = json.dumps(value[first : first + PIECE_LENGTH], default=persistence._json_default)
            yield f"{', ' if first else '['}{part[1:-1]}"
        yield "]"
    else:
        yield json.dumps(value, default=persistence._json_default)
