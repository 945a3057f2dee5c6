"""From an attack to its mail: 100 attacks by 100 users among ordinary clicks, through Kinesis, Flink and the function.

Early path: from the put of the user's 11th click, answered, to the mail's delivery. Window path: from the end of the
window to the mail, for users whose final count alone alerts. So that one run shows both, the function alerts above 4
actions here while Flink's early count stays at the 11th: who clicks 8 times is seen at the window's end, and ordinary
users make at most 4 clicks. Mails a minute are without limit here, else most alerts would share a mail.

The way that all published copies go is the window path; it is the peer of the early one. Limits: p95 of 2 s for the
early path; 13 s after its end for the window path, which is the watermark's 10 s and 3 s.
"""

from __future__ import annotations

import email
import email.policy
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

import boto3

from bench import flink
from bench.deployed import deploy
from bench.endpoint import local_platform
from bench.report import ROOT, Figure, console, report
from simulator.dataset_generator import HEADER, generate
from simulator.stream_data_simulator.events import JSON_END, EventReader

ATTACKS = 100
# Of each kind one in so many seconds.
EVERY_SECONDS = 1.2
EARLY_CLICKS, WINDOW_CLICKS = 11, 8
THRESHOLD = 4
WINDOW_SECONDS = 10
# An attack begins at least so long before its window ends.
ROOM_SECONDS = 1.5
# Clicks a second of ordinary traffic; the data set has 26.
RATE = 30
ROWS = 20_000
START_SECONDS, ARRIVAL_SECONDS = 240.0, 60.0
EARLY_LIMIT, WINDOW_LIMIT = 2.0, 13.0
FIRST_USER = 8_000_000_000_000
PARAMETERS = {
    "detection.AlertEmail": "bench@example.com",
    "detection.AlertThreshold": str(THRESHOLD),
    "detection.MailsPerMinute": "100000",
}


def run() -> bool:
    """Whether the limits were kept and every attack was mailed once. Takes some minutes."""
    console.print(
        f"latency: {', '.join(f'{name}={value}' for name, value in PARAMETERS.items())}, {RATE} clicks a second"
    )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, local_platform() as endpoint:
        names = deploy(PARAMETERS).names
        boxes = endpoint.var / "mail"
        start_flink(names["flink_application"])
        rows = Path(folder) / "rows.csv"
        lines = list(generate(ROWS, months=["2019-11"]))
        # The generator writes visit by visit, which leaves a shard without a click for up to 6 s at this rate, and
        # windows wait for the quietest shard. Real rows come from many visits at once: never over 1.5 s apart then.
        random.Random(1).shuffle(lines)
        rows.write_text(HEADER + "".join(lines))
        attacker = Attacker(names["clicks_stream"], lines)
        with traffic(rows, names["clicks_stream"]):
            warm_up(attacker, boxes)
            early, late = attack(attacker)
            mailed = wait_for_mails(boxes, early.keys() | late.keys())
    early_seconds = [mailed[user][0] - put for user, put in early.items()]
    window_seconds = [mailed[user][0] - end for user, end in late.items()]
    twice = [user for user, times in mailed.items() if len(times) > 1 and user in early.keys() | late.keys()]
    for what, found in (("early path", early_seconds), ("window path, from the window's end", window_seconds)):
        shown = ", ".join(f"{name} {value:.2f} s" for name, value in percentiles(found).items())
        console.print(f"{what}: {len(found)} attacks, {shown}, longest {max(found):.2f} s")
    if twice:
        console.print(f"{len(twice)} attacks were mailed twice: {twice[:5]}")
    p95_early, p95_window = (percentiles(found)["p95"] for found in (early_seconds, window_seconds))
    passed = report(
        "latency",
        [
            Figure("early path, its limit", p95_early, EARLY_LIMIT, "s, p95", 1, at_most=True),
            Figure("window path, its limit", p95_window, WINDOW_LIMIT, "s after the window, p95", 1, at_most=True),
            Figure("early path, window path", p95_early, p95_window, "s, p95", None, at_most=True),
        ],
        {
            "early": percentiles(early_seconds),
            "window": percentiles(window_seconds),
            "early_seconds": early_seconds,
            "window_seconds": window_seconds,
            "mailed_twice": twice,
            "parameters": PARAMETERS,
        },
    )
    return passed and not twice


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}


class Attacker:
    """Sends clicks of users of its own, stamped now, each of another product and so over all shards."""

    def __init__(self, stream: str, lines: Sequence[str]) -> None:
        self._stream = stream
        self._lines = lines
        self._reader = EventReader("category_id")
        self._draw = random.Random(1)
        self._kinesis: Any = boto3.client("kinesis")
        self._users = iter(range(FIRST_USER, FIRST_USER + 10**6))

    def burst(self, clicks: int) -> tuple[int, float, float]:
        """The user, when the last click was taken, and when their window ends."""
        while WINDOW_SECONDS - time.time() % WINDOW_SECONDS < ROOM_SECONDS:
            time.sleep(0.05)
        user, begin = next(self._users), time.time()
        self._put([user] * (clicks - 1))
        self._put([user])
        taken = time.time()
        end = (begin // WINDOW_SECONDS + 1) * WINDOW_SECONDS
        if taken > end:
            raise RuntimeError("An attack took longer than its window had room for; the machine is too busy.")
        return user, taken, end

    def _put(self, users: Sequence[int]) -> None:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        entries = []
        for user, line in zip(users, self._draw.choices(self._lines, k=len(users)), strict=True):
            columns = line.rstrip("\n").split(",")
            columns[7] = str(user)
            event = self._reader.read(",".join(columns).encode())
            entries.append({"Data": event.head + now.encode() + JSON_END, "PartitionKey": event.key.decode()})
        answer = self._kinesis.put_records(StreamName=self._stream, Records=entries)
        if answer["FailedRecordCount"]:
            raise RuntimeError(f"The stream {self._stream} refused clicks of an attack.")


def start_flink(name: str) -> None:
    client = boto3.client("kinesisanalyticsv2")
    client.start_application(ApplicationName=name)
    deadline = time.monotonic() + START_SECONDS
    while flink.status(client, name) != "RUNNING":
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} does not run after {START_SECONDS:.0f} s.")
        time.sleep(0.5)


@contextmanager
def traffic(rows: Path, stream: str) -> Iterator[None]:
    """Ordinary clicks in the background."""
    words = ("--source", rows, "--stream", stream, "--rate", RATE, "--iterations", 10)
    command = [sys.executable, str(ROOT / "simulator/stream-data-app-simulation.py"), *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError(f"The simulator ended with status {process.returncode} before the benchmark.")
    finally:
        process.terminate()
        process.wait(timeout=60)


def warm_up(attacker: Attacker, boxes: Path) -> None:
    """Until attacks of both kinds are mailed: Flink reads all shards, and the function's process is up."""
    deadline = time.monotonic() + START_SECONDS
    sent: set[int] = set()
    late, _, _ = attacker.burst(WINDOW_CLICKS)
    while not (mails := sent_mails(boxes)).keys() & sent or late not in mails:
        if time.monotonic() > deadline:
            raise RuntimeError(f"No attack was mailed within {START_SECONDS:.0f} s.")
        if not mails.keys() & sent:
            sent.add(attacker.burst(EARLY_CLICKS)[0])
            # Clicks that came before Flink had found its places in the shards are not counted.
            late = attacker.burst(WINDOW_CLICKS)[0]
        time.sleep(1)


def attack(attacker: Attacker) -> tuple[dict[int, float], dict[int, float]]:
    """By user: when the 11th click was taken, and when the window ends."""
    early, late = {}, {}
    begun = time.monotonic()
    for place in range(ATTACKS):
        user, taken, _ = attacker.burst(EARLY_CLICKS)
        early[user] = taken
        user, _, end = attacker.burst(WINDOW_CLICKS)
        late[user] = end
        time.sleep(max(0.0, begun + (place + 1) * EVERY_SECONDS - time.monotonic()))
    return early, late


def wait_for_mails(boxes: Path, users: set[int]) -> dict[int, list[float]]:
    """Raises RuntimeError where an attack was not mailed."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while missing := users - (mailed := sent_mails(boxes)).keys():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(missing)} of {len(users)} attacks were not mailed: {sorted(missing)[:5]}.")
        time.sleep(0.5)
    return mailed


def sent_mails(boxes: Path) -> dict[int, list[float]]:
    """When each user was in a mail, in seconds since 1970."""
    found: dict[int, list[float]] = {}
    for path in sorted(boxes.glob("*/*.eml"), key=lambda path: path.name):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        delivered = datetime.fromisoformat(str(mail["X-Delivered-At"])).timestamp()
        text = str(mail.get_content())
        # A mail about one user names them in a line of its own, one about several in a table.
        users = re.findall(r"^User: +(\d+)\s*$", text, re.M) or re.findall(r"^(\d{9,}) +\d", text, re.M)
        for user in users:
            found.setdefault(int(user), []).append(delivered)
    return found
