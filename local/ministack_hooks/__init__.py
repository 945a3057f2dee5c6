"""Every place where the platform reaches into ministack 1.5.33, so that its next version breaks in one folder.

ministack answers the whole AWS API; where it only says that something ran, the function that says so is replaced here
by one that hands over to an engine of ours. Engines know boto3 and their tools; they do not import ministack.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import ministack.app
from ministack.app import app as application
from ministack.core import persistence

from local.config import Config
from local.ministack_hooks import (
    alarms,
    athena,
    cloudformation,
    cloudwatch,
    dynamodb,
    embedded_metrics,
    event_source_mappings,
    faults,
    firehose,
    flink,
    functions,
    glue,
    glue_crawlers,
    glue_jobs,
    kinesis,
    refusals,
    s3,
    sns,
    sqs,
)
from local.ministack_hooks.closing import close

__all__ = ["application", "close", "encode_state", "install", "states"]


def install(config: Config) -> None:
    """Replaces ministack's empty answers by engines; once, before the first request."""
    # Ours is saved by a StateKeeper, at the end too.
    ministack.app.save_all = lambda services: None
    refusals.install()
    cloudformation.install()
    metrics = cloudwatch.install(config)
    embedded_metrics.install(metrics)
    alarms.install(metrics)
    dynamodb.install(config)
    sns.install(config)
    sqs.install(config, metrics)
    s3.install(config)
    glue.install()
    glue_crawlers.install(config)
    glue_jobs.install(config)
    athena.install(config)
    streams = kinesis.install(config)
    firehose.install(config, streams)
    functions.install(config, partial(event_source_mappings.install, config, streams))
    flink.install(config)
    # The outermost: what it refuses nobody else sees.
    faults.install()


def states() -> dict[str, Callable[[], Any]]:
    """By the name of its file, what copies the state of each service in use."""
    found: dict[str, Callable[[], Any]] = ministack.app._build_persistence_save_dict()
    return found


def encode_state(name: str, state: Any) -> str:
    wrapped = {"__ministack_format__": persistence._state_format_version(name), "payload": state}
    return json.dumps(wrapped, default=persistence._json_default)
