"""What a simulation is asked to do, and what it does unasked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import boto3

DEFAULT_STREAM = "ecommerce-raw-user-activity-stream-1"
DEFAULT_PARTITION_KEY = "category_id"
SAMPLE_KEY = "ecomm_user_activity_sample/2019-Nov-sample.csv"
DEFAULT_TRIES = 10
DEFAULT_IN_FLIGHT = 4
DEFAULT_SEED = 2019


def _default_source() -> str:
    """The sample in the deployed raw bucket: `ECOMM_RAW_BUCKET`, or the bucket's name by region and `ECOMM_STAGE`."""
    region = boto3.session.Session().region_name or "us-east-1"
    stage = _variable("ECOMM_STAGE", "dev")
    return f"s3://{_variable('ECOMM_RAW_BUCKET', f'ecommerce-raw-{region}-{stage}')}/{SAMPLE_KEY}"


def _default_stream() -> str:
    """The stream of the stage in `ECOMM_STAGE`; the user's name belongs to the stage dev."""
    stage = _variable("ECOMM_STAGE", "dev")
    return DEFAULT_STREAM if stage == "dev" else f"{DEFAULT_STREAM}-{stage}"


def _variable(name: str, default: str) -> str:
    return os.environ.get(name) or default


@dataclass(frozen=True)
class Options:
    """What to simulate.

    source: `s3://bucket/key` or a local path, a CSV or a zip of one; the deployed sample where not given.
    stream, partition_key: the variables `kinesis_stream_name` and `streaming_partition_key` where not given.
    iterations: passes over the file.
    rate: events a second; speed: the data's own gaps so many times faster; flat out without either.
    replay_from: where given, txn_timestamp follows the data's own spacing from this moment on instead of being the
    time of sending. ordered: whether the order within a partition key is kept.
    aggregate: many events a record, in the format of the Kinesis Producer Library.
    in_flight: requests at the same time. tries: of each record.
    plants: kinds of attacks and the second at which each starts. labels: the file that says what was planted.
    unsent: a file for the events that did not reach the stream, as JSON lines.
    """

    source: str = field(default_factory=_default_source)
    stream: str = field(default_factory=lambda: _variable("kinesis_stream_name", _default_stream()))
    partition_key: str = field(default_factory=lambda: _variable("streaming_partition_key", DEFAULT_PARTITION_KEY))
    iterations: int = 1
    rate: float | None = None
    speed: float | None = None
    replay_from: datetime | None = None
    ordered: bool = False
    aggregate: bool = False
    in_flight: int = DEFAULT_IN_FLIGHT
    tries: int = DEFAULT_TRIES
    plants: Mapping[str, float] = field(default_factory=dict)
    labels: Path | None = None
    seed: int = DEFAULT_SEED
    unsent: Path | None = None
