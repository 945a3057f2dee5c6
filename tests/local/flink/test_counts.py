"""What is counted, window by window and user by user, against the same counts in Python."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import psutil
import pytest

from tests.conftest import start_platform, stop_platform
from tests.local.flink.counting import WINDOW, Counting, Event, click, counted, early, finals

HOUR = 3_600_000
THRESHOLD = 10
METRIC_SECONDS = 120


def clicks(since: int, count: int, seconds: int, users: int = 400) -> list[Event]:
    """Clicks spread over the time, in the order of their arrival: up to 5 s after the order of their time."""
    chance = random.Random(since)
    moments = [(since + chance.randrange(seconds * 1000), chance.randint(1, users)) for _ in range(count)]
    loud = [(since + 12_000 + number * 150, user) for user in (9001, 9002, 9003) for number in range(25)]
    arrivals = sorted(moments + loud, key=lambda moment: moment[0] + chance.randrange(5000))
    return [click(user, at) for at, user in arrivals]


def test_counts_equal_python_s_with_empty_shards_and_repeated_clicks(
    running: Counting, later: Callable[[], int]
) -> None:
    since = later()
    sent = clicks(since, count=200_000, seconds=1200, users=4000)
    sent += sent[-500:]
    first, *_, last = running.shards()
    running.wake(since - HOUR, [first, last])
    running.send(sent, [first, last])
    running.close(since + 1_210_000, [first, last])
    expected = finals(sent)
    rows = running.wait_for(expected, "final", since)
    assert sorted(rows) == sorted(expected.items())
    assert sorted(running.rows("early", since)) == sorted(early(sent, THRESHOLD).items())


def test_an_early_count_does_not_wait_for_its_window(running: Counting, later: Callable[[], int]) -> None:
    since = later()
    running.wake(since - HOUR)
    running.send([click(7, since + 100 * number) for number in range(THRESHOLD)])
    running.send([click(8, since + 100 * number) for number in range(THRESHOLD + 5)])
    assert running.wait_for([(8, since)], "early", since) == [((8, since), THRESHOLD + 1)]
    assert running.rows("final", since) == []
    running.close(since + 10_000)
    assert sorted(running.wait_for([(7, since), (8, since)], "final", since)) == [
        ((7, since), THRESHOLD),
        ((8, since), THRESHOLD + 5),
    ]


def test_malformed_and_late_records_are_counted_and_dropped(running: Counting, later: Callable[[], int]) -> None:
    since = later()
    before = {name: running.metric(name) for name in ("malformedRecords", "numLateRecordsDropped")}
    sound = [click(user, since + 1000) for user in (21, 21, 22, 22, 22)]
    broken: list[Any] = [
        "not JSON",
        '{"user_id": 21',
        json.dumps({**click(21, since), "user_id": "somebody"}),
        json.dumps({**click(21, since), "user_id": None}),
        json.dumps({**click(21, since), "txn_timestamp": None}),
        json.dumps({**click(21, since), "txn_timestamp": "yesterday"}),
    ]
    running.wake(since - HOUR)
    running.send([record for pair in zip(sound, broken, strict=False) for record in pair] + broken[len(sound) :])
    running.close(since + 10_000)
    expected = [((21, since), 2), ((22, since), 3)]
    assert sorted(running.wait_for([window for window, _ in expected], "final", since)) == expected
    running.send([click(21, since + 2000)] * 3)
    deadline = time.monotonic() + METRIC_SECONDS
    while (
        running.metric("malformedRecords") < before["malformedRecords"] + len(broken)
        or running.metric("numLateRecordsDropped") < before["numLateRecordsDropped"] + 3
    ) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert running.metric("malformedRecords") == before["malformedRecords"] + len(broken)
    assert running.metric("numLateRecordsDropped") == before["numLateRecordsDropped"] + 3
    assert sorted(running.rows("final", since)) == expected


def test_a_sender_whose_clock_is_ahead_makes_nobody_late(counting: Counting) -> None:
    skewed = Counting(counting.platform, "skewed", shards=1)
    skewed.create(watermark_seconds="0")
    skewed.start()
    # Its click is there before those of the others.
    ahead = round(time.time() * 1000) // WINDOW * WINDOW + HOUR
    skewed.send([click(31, ahead)] * (THRESHOLD + 1))
    skewed.wait_for([(31, ahead)], "early", ahead)
    now = round(time.time() * 1000)
    window = now // WINDOW * WINDOW
    skewed.send([click(32, now)] * 3)
    deadline = time.monotonic() + 120
    while not (rows := skewed.rows("final", window)) and time.monotonic() < deadline:
        skewed.send([click(0, round(time.time() * 1000))])
        time.sleep(0.5)
    assert rows == [((32, window), 3)]
    skewed.stop(force=True)


def test_a_split_shard_loses_and_repeats_nothing(running: Counting, later: Callable[[], int]) -> None:
    since = later()
    sent = clicks(since, count=3000, seconds=60)
    running.wake(since - HOUR)
    running.send(sent[:1500])
    kinesis = boto3.client("kinesis", endpoint_url=running.platform.endpoint)
    shard = kinesis.list_shards(StreamName=running.input)["Shards"][1]
    middle = int(shard["HashKeyRange"]["StartingHashKey"]) + 2**126 // 2
    kinesis.split_shard(StreamName=running.input, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(middle))
    kinesis.get_waiter("stream_exists").wait(StreamName=running.input, WaiterConfig={"Delay": 1})
    running.send(sent[1500:])
    running.close(since + 70_000)
    expected = finals(sent)
    assert sorted(running.wait_for(expected, "final", since)) == sorted(expected.items())


def test_a_killed_task_manager_loses_nothing(running: Counting, later: Callable[[], int]) -> None:
    since = later()
    sent = clicks(since, count=4000, seconds=60)
    running.wake(since - HOUR)
    running.send(sent[:2000])
    # Half of it is counted by then: the loud users' windows are sent at once.
    running.wait_for(early(sent[:2000], THRESHOLD), "early", since)
    task_manager = next(process for process in processes(running) if "TaskManagerRunner" in " ".join(process.cmdline()))
    task_manager.kill()
    running.send(sent[2000:])
    running.close(since + 70_000)
    complete(running, sent, since)
    assert running.detail()["ApplicationStatus"] == "RUNNING"


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_platform_that_ends_loses_nothing(
    counting: Counting, running: Counting, later: Callable[[], int], how: str, port_of: int
) -> None:
    since = later()
    sent = clicks(since, count=3000, seconds=60)
    running.wake(since - HOUR)
    running.send(sent[:1500])
    running.wait_for(early(sent[:1500], THRESHOLD), "early", since)
    before = processes(running)
    if how == "killed":
        counting.platform.process.kill()
        counting.platform.process.wait()
    else:
        stop_platform(counting.platform)
        assert not [process for process in before if process.is_running()]
    started = datetime.now(UTC)
    counting.platform = start_platform(counting.platform.var, port_of)
    operations = counting.flink.list_application_operations(ApplicationName=counting.name)
    newest = operations["ApplicationOperationInfoList"][0]
    assert (newest["Operation"], newest["StartTime"] > started) == ("StartApplication", True), "nobody is told it runs"
    running.send(sent[1500:])
    running.close(since + 70_000)
    assert counting.settled(seconds=150) == "RUNNING"
    assert not [process for process in before if process.is_running()]
    complete(running, sent, since)


def complete(running: Counting, sent: list[Event], since: int) -> None:
    """No window is missing and none is wrong; some may be repeated, since the output is at least once."""
    expected = finals(sent)
    rows = running.wait_for(expected, "final", since)
    assert set(rows) == set(expected.items())
    assert {window for window, _ in running.rows("early", since)} == set(early(sent, THRESHOLD))
    assert sum(counted(sent).values()) == len(sent)


def processes(running: Counting) -> list[psutil.Process]:
    """Flink's, of this platform."""
    mine = str(running.platform.var)
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if "org.apache.flink" in words and mine in words:
            found.append(process)
    assert found
    return found
