"""Reads the clicks back from the archive in S3."""

from __future__ import annotations

import gzip
import json
import time
from datetime import datetime
from typing import Any

import boto3

from demo import DemoError, objects
from demo.clicks import read_time

POLL_SECONDS = 0.5
PREFIX = "ecomm_user_activity_archive/"


class Archive:
    """The archive's clicks of one demo; objects are read once."""

    def __init__(self, bucket: str, begin: datetime) -> None:
        """begin: clicks sent before are another demo's."""
        self._s3 = boto3.client("s3")
        self._bucket = bucket
        self._begin = begin
        self._seen: set[str] = set()
        self.clicks: list[dict[str, Any]] = []
        self.objects: list[str] = []

    @property
    def last(self) -> datetime:
        """When the last click was sent."""
        return max(read_time(click["txn_timestamp"]) for click in self.clicks)

    def wait_for(self, events: int, seconds: float) -> None:
        """Reads until so many clicks are there; raises DemoError where they are not in time, or are more."""
        deadline = time.monotonic() + seconds
        while True:
            self._read()
            if len(self.clicks) > events:
                raise DemoError(f"{events:,} clicks were sent, but {len(self.clicks):,} are in the archive.")
            if len(self.clicks) == events:
                return
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{events:,} clicks were sent, but after {seconds:.0f} s only {len(self.clicks):,} are in the "
                    f"archive, s3://{self._bucket}/{PREFIX}. Firehose's log is in CloudWatch, /aws/kinesisfirehose/."
                )
            time.sleep(POLL_SECONDS)

    def _read(self) -> None:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=PREFIX)
        for found in (found for page in pages for found in page.get("Contents", [])):
            if found["Key"] in self._seen or found["LastModified"] < self._begin:
                continue
            self._seen.add(found["Key"])
            body = objects.read(self._s3, self._bucket, found["Key"])
            clicks = [json.loads(line) for line in gzip.decompress(body).splitlines()]
            own = [click for click in clicks if read_time(click["txn_timestamp"]) >= self._begin]
            if own:
                self.clicks += own
                self.objects.append(found["Key"])
