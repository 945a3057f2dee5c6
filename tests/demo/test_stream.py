"""What the demo sends, what it expects Flink to count, and what it says where that differs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from demo import DemoError
from demo.archive import PREFIX, Archive
from demo.clicks import MOST_OF_A_USER, RATE, WINDOW_SECONDS, ordinary
from demo.counts import Counts, CountsStream, closed, differences, window
from tests.conftest import Platform

BEGIN = datetime(2026, 1, 5, 10, 0, 0, tzinfo=UTC)


@pytest.fixture
def aws(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", platform.endpoint)


def click(user: int, seconds: float) -> dict[str, Any]:
    moment = BEGIN + timedelta(seconds=seconds)
    return {"user_id": user, "txn_timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


def row(user: int, begin: datetime, actions: int, kind: str = "final") -> dict[str, Any]:
    return {
        "user_id": user,
        "window_start": begin.isoformat().replace("+00:00", "Z"),
        "window_end": (begin + timedelta(seconds=10)).isoformat().replace("+00:00", "Z"),
        "num_actions_per_watermark": actions,
        "kind": kind,
    }


def test_ordinary_traffic_holds_no_crowd_and_nothing_else_is_left_out() -> None:
    users = [1] * 10 + [2, 3] * 2 + list(range(100, 100 + RATE * WINDOW_SECONDS)) + [1] * 5
    lines = ["event_time,user_id\n", *(f"{number},{user}\n" for number, user in enumerate(users))]
    kept = list(ordinary(lines))
    assert kept[0] == lines[0]
    left_out = [line for line in lines if line not in kept]
    assert [line.split(",")[1] for line in left_out] == ["1\n"] * (6 + 1), "the earliest four have left the window"
    for start in range(1, len(kept)):
        within = [line.split(",")[1] for line in kept[start : start + RATE * WINDOW_SECONDS]]
        assert max(map(within.count, within)) <= MOST_OF_A_USER


def test_windows_are_aligned_to_the_minute() -> None:
    assert window(BEGIN + timedelta(seconds=9.999)) == BEGIN
    assert window(BEGIN + timedelta(seconds=10)) == BEGIN + timedelta(seconds=10)


def test_closed_windows_are_those_of_more_than_one_action_that_have_ended() -> None:
    clicks = [click(1, 0), click(1, 9.9), click(2, 5), click(3, 10), click(3, 11)]
    assert closed(clicks, BEGIN + timedelta(seconds=19.9)) == {(1, BEGIN): 2}
    assert closed(clicks, BEGIN + timedelta(seconds=20)) == {(1, BEGIN): 2, (3, BEGIN + timedelta(seconds=10)): 2}


def test_a_count_that_is_missing_wrong_or_too_many_is_named() -> None:
    clicks = [click(user, 1) for user in (1, 1, 2, 2, 3, 3)]
    truth = closed(clicks, BEGIN + timedelta(seconds=10))
    counts = Counts()
    for user, actions in ((1, 2), (2, 3), (4, 2)):
        counts.add(row(user, BEGIN, actions))
    assert differences(counts, truth, clicks) == [
        "user 2 from 10:00:00 on: 3 counted, 2 in the archive",
        "user 3 from 10:00:00 on: 0 counted, 2 in the archive",
        "user 4 from 10:00:00 on: 2 counted, 0 in the archive",
    ]


def test_the_same_count_twice_is_one_and_that_of_another_demo_is_none(aws: None) -> None:
    kinesis = boto3.client("kinesis")
    name = f"counts-{uuid4().hex}"
    kinesis.create_stream(StreamName=name, ShardCount=3)
    begin = window(datetime.now(UTC))
    rows = [
        row(1, begin, 11, "early"),
        *(row(1, begin, 131) for _ in range(2)),
        *(row(user, begin, 2) for user in (5, 6)),
        row(7, begin - timedelta(seconds=10), 4),
        {**row(0, begin, 0, "traffic"), "signal": "events", "observed": 300, "baseline": 8.5},
    ]
    del rows[-1]["user_id"], rows[-1]["num_actions_per_watermark"]
    stream = CountsStream(name, begin)
    for each in rows:
        kinesis.put_record(StreamName=name, PartitionKey=str(each.get("user_id")), Data=json.dumps(each))
    stream.read_until(lambda counts: len(counts.final) == 3, "Three counts", 20)
    stream.read()
    assert stream.counts.early == {(1, begin): 11}
    assert stream.counts.final == {(1, begin): 131, (5, begin): 2, (6, begin): 2}
    with pytest.raises(DemoError, match="Four counts did not come within 0 s"):
        stream.read_until(lambda counts: len(counts.final) == 4, "Four counts", 0)


@pytest.fixture
def bucket(aws: None) -> Iterator[str]:
    name = f"archive-{uuid4().hex}"
    boto3.client("s3").create_bucket(Bucket=name)
    yield name


def put(bucket: str, clicks: list[dict[str, Any]]) -> None:
    body = gzip.compress(b"".join(json.dumps(click).encode() + b"\n" for click in clicks))
    boto3.client("s3").put_object(Bucket=bucket, Key=f"{PREFIX}year=2026/{uuid4().hex}.gz", Body=body)


def test_the_archive_is_waited_for_and_gives_the_clicks_of_this_demo(bucket: str) -> None:
    archive = Archive(bucket, BEGIN)
    put(bucket, [click(1, -1), click(2, 0)])
    put(bucket, [click(3, 30)])
    archive.wait_for(2, 20)
    assert sorted(click["user_id"] for click in archive.clicks) == [2, 3]
    assert archive.last == BEGIN + timedelta(seconds=30)
    assert len(archive.objects) == 2


def test_clicks_that_are_missing_or_twice_are_told(bucket: str, tmp_path: Path) -> None:
    put(bucket, [click(2, 0), click(2, 1)])
    with pytest.raises(DemoError, match="3 clicks were sent, but after 0 s only 2 are in the archive"):
        Archive(bucket, BEGIN).wait_for(3, 0)
    with pytest.raises(DemoError, match="1 clicks were sent, but 2 are in the archive"):
        Archive(bucket, BEGIN).wait_for(1, 0)
