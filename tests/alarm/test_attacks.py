"""From the click to the mail, through Flink: who attacks is mailed once, others are not, and a crowd is told as one."""

from __future__ import annotations

import csv
import itertools
import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.alarm.conftest import APPLICATION, CLICKS, PATIENCE_SECONDS, Alarm, click, iso, mailed, wait_until
from tests.conftest import ROOT

REAL_ROWS = Path(os.environ.get("ECOMM_REAL_DATA", ROOT.parent / "shared" / "data")) / "2019-Oct-head.csv"
# The keeper of time for windows: a click far behind the last one of a test closes all of its windows.
CLOSING = timedelta(seconds=40)
# Tests follow each other in Flink's time, which never goes back. All of it has passed, with the three hours of the real
# rows: a window does not end before the clock says so.
APART = timedelta(minutes=5)
AGO = timedelta(hours=6)
SILENCE_SECONDS = 120


@pytest.fixture(scope="module")
def flink(alarm: Alarm) -> Iterator[Alarm]:
    """The alarm with its Flink application running."""
    client = alarm.client("kinesisanalyticsv2")

    def status() -> str:
        return str(client.describe_application(ApplicationName=APPLICATION)["ApplicationDetail"]["ApplicationStatus"])

    client.start_application(ApplicationName=APPLICATION, RunConfiguration={})
    wait_until(lambda: status() == "RUNNING", status, 180)
    yield alarm
    client.stop_application(ApplicationName=APPLICATION, Force=True)
    wait_until(lambda: status() == "READY", status, 60)


@pytest.fixture(scope="module")
def later(flink: Alarm) -> Callable[[], datetime]:
    """Begin of a window after all that was sent before."""
    now = datetime.now(UTC).replace(microsecond=0)
    first = now - timedelta(seconds=now.second % 10) - AGO
    places = itertools.count()
    return lambda: first + next(places) * APART


def close(alarm: Alarm, moment: datetime) -> None:
    """A click in every shard, by which Flink knows that the windows before are over."""
    shards = alarm.client("kinesis").list_shards(StreamName=CLICKS)["Shards"]
    for number, shard in enumerate(shards):
        begin = shard["HashKeyRange"]["StartingHashKey"]
        alarm.client("kinesis").put_record(
            StreamName=CLICKS,
            Data=json.dumps(click(900_000 + number, moment)).encode(),
            PartitionKey="closing",
            ExplicitHashKey=begin,
        )


def test_a_hundred_bursts_by_a_hundred_users_are_a_hundred_alerts(
    flink: Alarm, users: Callable[[int], range], later: Callable[[], datetime]
) -> None:
    """Among ordinary users, the bursts at the same time, over all shards."""
    chance, since = random.Random(5), len(flink.mails())
    own = users(400)
    attackers, ordinary = own[:100], own[100:]
    begin = later()
    clicks = [click(user, begin + timedelta(seconds=chance.uniform(0, 9))) for user in attackers for _ in range(25)]
    clicks += [click(user, begin + timedelta(seconds=chance.uniform(0, 9))) for user in ordinary for _ in range(4)]
    chance.shuffle(clicks)
    flink.put(CLICKS, clicks)
    close(flink, begin + CLOSING)
    wait_until(
        lambda: mailed(flink.mails(since)).keys() >= set(attackers),
        lambda: f"{len(set(attackers) - mailed(flink.mails(since)).keys())} of 100 were not mailed",
    )
    # The final counts come when the windows are over, and must not be mailed once more.
    wait_for_counts(flink, begin, dict.fromkeys(attackers, 25))
    assert mailed(flink.mails(since)) == dict.fromkeys(attackers, 1)
    assert traffic_mails(flink, since) == []


def test_flink_that_is_killed_in_mid_window_loses_no_click_and_mails_nobody_twice(
    flink: Alarm, users: Callable[[int], range], later: Callable[[], datetime]
) -> None:
    """It goes back to its last checkpoint, and writes again what it had written since."""
    since, begin = len(flink.mails()), later()
    own = users(16)
    attackers, ordinary = own[:8], own[8:]
    seconds = [timedelta(seconds=0.5 * place) for place in range(16)]
    flink.put(CLICKS, [click(user, begin + second) for second in seconds[:12] for user in attackers])
    flink.put(CLICKS, [click(user, begin + second) for second in seconds[:2] for user in ordinary])
    wait_until(
        lambda: mailed(flink.mails(since)).keys() >= set(attackers),
        lambda: f"{len(set(attackers) - mailed(flink.mails(since)).keys())} of {len(attackers)} were not mailed",
    )
    (task_manager,) = [process for process in flink.children() if "TaskManagerRunner" in " ".join(process.cmdline())]
    task_manager.kill()
    flink.put(CLICKS, [click(user, begin + second) for second in seconds[12:] for user in attackers])
    flink.put(CLICKS, [click(user, begin + second) for second in seconds[12:14] for user in ordinary])
    close(flink, begin + CLOSING)
    wait_for_counts(flink, begin, dict.fromkeys(attackers, 16) | dict.fromkeys(ordinary, 4))
    assert mailed(flink.mails(since)) == dict.fromkeys(attackers, 1)


def test_two_minutes_of_silence_and_then_one_click_alarm_nobody(
    flink: Alarm, users: Callable[[int], range], later: Callable[[], datetime]
) -> None:
    """The one click is in one shard; by it the window before the silence is known to be over."""
    since, begin = len(flink.mails()), later()
    visitor, other = users(2)
    flink.put(CLICKS, [click(visitor, begin + timedelta(seconds=second)) for second in range(4)])
    # Nothing happens in a silence that could be waited for.
    time.sleep(SILENCE_SECONDS)
    flink.put(CLICKS, [click(other, begin + timedelta(seconds=SILENCE_SECONDS))])
    wait_for_counts(flink, begin, {visitor: 4})
    assert flink.mails(since) == []
    description = flink.client("kinesisanalyticsv2").describe_application(ApplicationName=APPLICATION)
    assert description["ApplicationDetail"]["ApplicationStatus"] == "RUNNING"


@pytest.mark.skipif(not REAL_ROWS.is_file(), reason="the real rows are no part of the project")
def test_the_real_rows_alarm_nobody_and_a_crowd_in_the_middle_is_one_mail(
    flink: Alarm, users: Callable[[int], range], later: Callable[[], datetime]
) -> None:
    """With their own spacing; the crowd is 1,000 new users with one to three clicks each within five seconds."""
    since = len(flink.mails())
    own = list(real_rows(later()))
    middle = own[len(own) // 2][0]
    chance = random.Random(7)
    crowd = users(1000)
    flood = [
        (middle + timedelta(seconds=chance.uniform(0, 5)), user) for user in crowd for _ in range(chance.randint(1, 3))
    ]
    moments = sorted([*own, *flood])
    flink.put(CLICKS, (click(user, moment) for moment, user in moments))
    last = moments[-1][0]
    close(flink, last + CLOSING)
    wait_until(lambda: len(traffic_mails(flink, since)) > 0, lambda: "no mail about the traffic", PATIENCE_SECONDS)
    # All of it is counted: the last window of the rows is there.
    (mail,) = traffic_mails(flink, since)
    start = datetime.fromisoformat(re.search(r"Window: +(\S+ \S+) to", mail)[1] + "+00:00")  # type: ignore[index]
    # The row is written when the window's end and the 10 seconds of the watermark have passed.
    assert middle - timedelta(seconds=5) < start <= middle + timedelta(seconds=5)
    surges = [item for item in flink.items() if item["pk"] == "traffic" and item["sk"].startswith("window#")]
    began = {datetime.fromisoformat(item["window_start"]) for item in surges}
    assert all(middle - timedelta(seconds=5) < moment < middle + timedelta(seconds=15) for moment in began)
    assert mailed(flink.mails(since)) == {}


def wait_for_counts(alarm: Alarm, begin: datetime, actions: dict[int, int]) -> None:
    """Until the table has this final count of each user in the window that begins then."""
    counted = {(user, iso(begin)): ("final", number) for user, number in actions.items()}
    wait_until(
        lambda: counted.items() <= alarm.windows().items(),
        lambda: f"final counts are missing: {sorted(counted.items() - alarm.windows().items())[:5]}",
    )


def real_rows(begin: datetime) -> Iterator[tuple[datetime, int]]:
    """Moment and user of each row, moved to begin at `begin`."""
    first = None
    with REAL_ROWS.open(newline="") as rows:
        for row in csv.DictReader(rows):
            moment = datetime.strptime(row["event_time"], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
            first = first or moment
            yield begin + (moment - first), int(row["user_id"])


def traffic_mails(alarm: Alarm, since: int) -> list[str]:
    return [mail.text() for mail in alarm.mails(since) if "usually" in mail.subject]
