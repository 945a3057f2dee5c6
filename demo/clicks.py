"""Sends the demo's clicks: the sample of the data set as ordinary traffic, with an attack planted in it."""

from __future__ import annotations

import json
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import boto3

from demo import objects
from demo.machine import Command, Machine
from demo.progress import Progress
from local.config import ROOT

# Clicks a second: the sample lasts 40 seconds. A window closes when clicks come that are 15 s younger than its end,
# and those of the attack are to close before the sample ends.
RATE = 15
WINDOW_SECONDS = 10
# In the shop no user acts more often in 10 seconds. The sample's hours pass in less than a minute here, which would
# crowd whole visits into a window and make an attack of them.
MOST_OF_A_USER = 4
ATTACK = "loud-user@2"


@dataclass(frozen=True)
class Sent:
    """What the simulator says that it sent.

    account: its closing summary. begin: before the first click was sent. attacker: the planted user.
    """

    account: dict[str, Any]
    begin: datetime
    attacker: int

    @property
    def events(self) -> int:
        return int(self.account["events_sent"])


def send(source: str, stream: str, machine: Machine, progress: Progress) -> Sent:
    """Runs the simulator over the CSV at the S3 address `source`; raises DemoError with the end of its output."""
    folder = machine.config.var / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    traffic, account, labels = (folder / name for name in ("clicks.csv", "simulation.json", "planted.jsonl"))
    bucket, _, key = source.removeprefix("s3://").partition("/")
    body = objects.read(boto3.client("s3"), bucket, key).decode()
    header, *rows = body.splitlines(keepends=True)
    # In the shop many visits go on at once. The sample of a small data set has one after the other, of which more would
    # be left out, and which leave shards without a click for seconds.
    Random(0).shuffle(rows)
    traffic.write_text("".join(ordinary([header, *rows])))
    words = [sys.executable, str(ROOT / "simulator" / "stream-data-app-simulation.py")]
    words += ["--source", str(traffic), "--stream", stream, "--rate", str(RATE)]
    words += ["--plant", ATTACK, "--labels", str(labels), "--summary", str(account)]
    begin = datetime.now(UTC).replace(microsecond=0)
    # Another attacker each time: the same one is not mailed about again for a while.
    words += ["--seed", str(int(begin.timestamp()))]
    command = Command("simulator", words, machine.config.logs)
    with progress.waiting(f"the simulator sends the sample, {RATE} clicks a second, with an attack in it"):
        command.wait()
    found = json.loads(account.read_text())
    (label,) = (json.loads(line) for line in labels.read_text().splitlines())
    progress.done(f"{found['events_sent']:,} clicks sent, {label['events']} of them the attack", command.seconds)
    return Sent(found, begin, int(label["user_ids"][0]))


def ordinary(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a CSV without those that would be more than four of one user within a window."""
    rows = iter(lines)
    header = next(rows)
    yield header
    column = header.rstrip("\n").split(",").index("user_id")
    within: deque[str] = deque()
    counts: Counter[str] = Counter()
    for row in rows:
        user = row.split(",")[column]
        if counts[user] < MOST_OF_A_USER:
            yield row
            within.append(user)
            counts[user] += 1
            # Windows begin anywhere, so one of them holds at most so many rows.
            if len(within) > RATE * WINDOW_SECONDS:
                counts[within.popleft()] -= 1


def read_time(text: str) -> datetime:
    return datetime.fromisoformat(text)
