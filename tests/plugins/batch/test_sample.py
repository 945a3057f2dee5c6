"""Months that were put into the raw bucket by hand get a sample too."""

from __future__ import annotations

import gzip

import pytest
from ecomm.batch.sample import LINES, upload_missing_sample
from ecomm.contract import HEADER, partition
from ecomm.errors import DataError
from ecomm.upload.layout import SAMPLE, UNCOMPRESSED

from tests.plugins.conftest import World

KEY = f"{SAMPLE}2019-Nov-sample.csv"


def put(world: World, month: str, content: bytes, name: str = "mine.csv") -> None:
    key = f"{UNCOMPRESSED}{partition(month)}/{name}"
    world.aws.client("s3").put_object(Bucket=world.names.raw_bucket, Key=key, Body=content)


def sample(world: World) -> bytes:
    return bytes(world.aws.client("s3").get_object(Bucket=world.names.raw_bucket, Key=KEY)["Body"].read())


def rows(month: str, count: int) -> bytes:
    return b"".join(b"%s-01 00:00:00 UTC,view,%d,2,,,3.00,4,\r\n" % (month.encode(), number) for number in range(count))


@pytest.mark.parametrize("count", [1, LINES - 1, 50_000])
def test_the_sample_is_the_head_of_the_latest_month_that_begins_well(world: World, count: int) -> None:
    put(world, "2019-10", HEADER + rows("2019-10", 3))
    put(world, "2019-11", gzip.compress(HEADER), "a.csv")
    put(world, "2019-11", HEADER + rows("2019-11", count))
    put(world, "2019-12", HEADER.replace(b",", b";"))
    assert upload_missing_sample() == KEY
    lines = (HEADER + rows("2019-11", count)).splitlines(keepends=True)[:LINES]
    assert sample(world) == b"".join(lines)
    assert upload_missing_sample() is None


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_file_without_a_header_gets_the_contracts(world: World, quote: bytes) -> None:
    put(world, "2019-11", quote + rows("2019-11", 3))
    assert upload_missing_sample() == KEY
    assert sample(world) == HEADER + quote + rows("2019-11", 3)


def test_a_sample_that_is_there_stays(world: World) -> None:
    put(world, "2019-11", HEADER + rows("2019-11", 3))
    world.put(world.names.raw_bucket, f"{SAMPLE}other.csv")
    assert upload_missing_sample() is None


def test_a_bucket_without_a_file_that_can_be_read_is_named_with_what_is_wrong(world: World) -> None:
    assert upload_missing_sample() is None
    put(world, "2019-11", HEADER.replace(b",", b";") + rows("2019-11", 3))
    with pytest.raises(DataError, match=r"no sample to crawl\. s3://.*/mine\.csv separates its fields by semicolons"):
        upload_missing_sample()
