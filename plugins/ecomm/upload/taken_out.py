"""Knows the months that were taken out of the data set: where their files lie, and how far a move of them has come."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ecomm.aws import client, list_objects
from ecomm.contract import month_of_partition, partition
from ecomm.upload.layout import TAKEN_OUT, UNCOMPRESSED, ZIPPED
from ecomm.upload.ledger import MonthRecord

# Of each taking out, in its folder: written before the first file moves, removed after the last one is back.
MANIFEST = "_taken_out.json"
LEAVING, OUT, RETURNING = "leaving", "out", "returning"


@dataclass(frozen=True)
class Removal:
    """One taking out of a month.

    folder: where its files go. began: when, as ISO 8601. files: the ETag of each as it left, by the key that it had.
    copies: the ETag of each file's copy as it returns, by the same key. record: what the upload's ledger said of
    exactly these files; None if it said nothing.
    """

    month: str
    folder: str
    began: str
    state: str
    files: dict[str, str]
    copies: dict[str, str] = field(default_factory=dict)
    record: MonthRecord | None = None

    def copy_key(self, key: str) -> str:
        """The key in the folder of the file that had this one."""
        return self.folder + key.replace(f"{partition(self.month)}/", "", 1)

    def accounts_for(self, key: str, etag: str | None) -> bool:
        """Whether what is at a file's place is that file, not gone yet or back already."""
        return etag is not None and etag in (self.files.get(key), self.copies.get(key))

    def write(self, bucket: str) -> None:
        body = json.dumps(asdict(self), indent=1).encode()
        client("s3").put_object(Bucket=bucket, Key=self.folder + MANIFEST, Body=body, ContentType="application/json")


def folder_of(month: str, name: str) -> str:
    """The folder of a taking out with this name: a word of it, so that it never meets another's."""
    return f"{TAKEN_OUT}{partition(month)}/{re.sub(r'[^a-zA-Z0-9]+', '-', name).strip('-')}/"


def homes(month: str) -> tuple[str, str]:
    """Where the month's zip and its CSV files lie while it is in the data set."""
    return f"{ZIPPED}{partition(month)}/", f"{UNCOMPRESSED}{partition(month)}/"


def removals(bucket: str, month: str) -> list[Removal]:
    """All takings out of the month that were not undone, the latest last."""
    keys = _manifests(bucket, f"{TAKEN_OUT}{partition(month)}/").get(month, [])
    return sorted((_read(bucket, key) for key in keys), key=lambda removal: removal.began)


def months_taken_out(bucket: str) -> set[str]:
    """The months that were taken out and not put back, uploaded again or not."""
    return set(_manifests(bucket, TAKEN_OUT))


def months_out(bucket: str, uploaded: Mapping[str, Mapping[str, str]]) -> set[str]:
    """The months that are no part of the data set, since they were taken out and have not come back.

    They come back when they are put back, or uploaded again; days that the stream's archive brings do not bring them.
    uploaded: of each month the ETag of each uploaded file that is in its place, by key. A month that is half moved is
    out, so that no half of it is converted.
    """

    def is_out(month: str, manifests: list[str]) -> bool:
        files = uploaded.get(month)
        if not files:
            return True
        moving = [removal for key in manifests if (removal := _read(bucket, key)).state != OUT]
        return any(all(removal.accounts_for(*file) for file in files.items()) for removal in moving)

    return {month for month, manifests in _manifests(bucket, TAKEN_OUT).items() if is_out(month, manifests)}


def _manifests(bucket: str, prefix: str) -> dict[str, list[str]]:
    months: dict[str, list[str]] = {}
    for listed in list_objects(bucket, prefix):
        month = month_of_partition(listed["Key"])
        if month and listed["Key"].rpartition("/")[2] == MANIFEST:
            months.setdefault(month, []).append(listed["Key"])
    return months


def _read(bucket: str, key: str) -> Removal:
    content: dict[str, Any] = json.loads(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    record = content.pop("record")
    return Removal(**content, record=MonthRecord(**record) if record else None)
