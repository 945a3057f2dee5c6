"""The sample is what `head -n 1000` makes of the latest month."""

from __future__ import annotations

import subprocess

import pytest
from ecomm.upload.months import upload_months
from ecomm.upload.sample import upload_sample
from ecomm.upload.sources import open_sources

from tests.plugins.upload.conftest import HEADER, Bucket, Write, rows

SAMPLE = "ecomm_user_activity_sample/2019-Nov-sample.csv"
OTHER = "ecomm_user_activity_sample/2019-Dec-sample.csv"


def uploaded(bucket: Bucket, *paths: str) -> list[str]:
    return list(upload_months(bucket.name, open_sources("files", paths, 1, 1), replace=False))


@pytest.mark.parametrize("count", [10, 999, 5000])
def test_the_sample_is_the_head_of_the_latest_month(bucket: Bucket, write: Write, count: int) -> None:
    november = write("november.csv", rows("2019-11", count))
    months = uploaded(bucket, write("october.csv", rows("2019-10", 5)), november)
    assert upload_sample(bucket.name, months, 1000, replace=False) == SAMPLE
    head = subprocess.run(["head", "-n", "1000", november], check=True, capture_output=True).stdout
    assert bucket.read(SAMPLE) == head


def test_the_same_sample_is_not_put_again(bucket: Bucket, write: Write) -> None:
    months = uploaded(bucket, write("a.csv", rows("2019-11", 50)))
    upload_sample(bucket.name, months, 10, replace=False)
    bucket.written.clear()
    upload_sample(bucket.name, months, 10, replace=False)
    assert bucket.written == []
    upload_sample(bucket.name, months, 20, replace=False)
    assert bucket.read(SAMPLE).count(b"\n") == 20


def test_other_samples_go_with_replace(bucket: Bucket, write: Write) -> None:
    bucket.put(OTHER, HEADER.encode())
    months = uploaded(bucket, write("a.csv", rows("2019-11", 50)))
    upload_sample(bucket.name, months, 10, replace=False)
    assert OTHER in bucket.listing()
    upload_sample(bucket.name, months, 10, replace=True)
    assert OTHER not in bucket.listing()
    assert SAMPLE in bucket.listing()


def test_what_is_no_sample_stays_with_replace(bucket: Bucket, write: Write) -> None:
    others = ["ecomm_user_activity_sample/", "ecomm_user_activity_sample/.DS_Store"]
    bucket.put(others[0], b"")
    bucket.put(others[1], b"x")
    months = uploaded(bucket, write("a.csv", rows("2019-11", 5)))
    upload_sample(bucket.name, months, 10, replace=True)
    assert {SAMPLE, *others} <= set(bucket.listing())
