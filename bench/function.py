"""The function against the published copies' way, on the same platform with the same batches of 1,000 counts.

The published way makes three calls a record: put_item, put_metric_data, publish. Some copies publish only above the
threshold; that is measured beside it. Bars, against three calls a record: a fiftieth of the AWS calls, and 20 times the
records a second. All take turns, and their means are compared. On AWS a call costs milliseconds of network where here
it costs processor of the same machine, so the distance is greater there.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from bench.deployed import deploy
from bench.endpoint import local_platform
from bench.report import ROOT, Figure, console, report

FUNCTION_ZIP = ROOT / "lambda/ecomm_detect_high_event_volume/target/function.zip"
PYTHON = ROOT / ".venv/lambda/bin/python"
RECORDS = 1000
ROUNDS = 2
# A round's batches: one way takes a hundred times as long as the other.
BATCHES = {"ours": 4, "published": 1, "published_above_threshold": 1}
# Of a batch: ordinary users act 2 to 4 times in a window in the shares of the real rows; some act more; attackers have
# an early count and a final one; and some counts come twice, as after a restart of Flink.
MANY, ATTACKERS, REPEATED = 30, 5, 30
SHARES = {2: 355, 3: 10, 4: 4}
FROM = datetime(2026, 11, 1, tzinfo=UTC)

Batch = dict[str, list[dict[str, Any]]]


def run() -> bool:
    """Whether the bars were reached."""
    measured: dict[str, list[dict[str, Any]]] = {way: [] for way in BATCHES}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, local_platform():
        environment = deploy({"detection.AlertEmail": "bench@example.com"}).function_environment | peer_resources()
        packages = Path(folder) / "packages"
        with zipfile.ZipFile(FUNCTION_ZIP) as archive:
            archive.extractall(packages)
        batches = made()
        for turn in range(ROUNDS):
            given = [next(batches) for _ in range(max(BATCHES.values()))]
            warm_up = {"Records": next(batches)["Records"][:50]}
            for way, count in BATCHES.items():
                work = Path(folder) / f"{way}-{turn}"
                measured[way] += measure(way, work, packages, environment, [warm_up, *given[:count]])
                console.print(f"{way}: {said(measured[way][-1])}")
    return report("function", figures(measured), measured)


def figures(measured: dict[str, list[dict[str, Any]]]) -> list[Figure]:
    calls = {way: sum(map(calls_of, found)) / len(found) for way, found in measured.items()}
    seconds = {way: sum(batch["seconds"] for batch in found) / len(found) for way, found in measured.items()}
    made = []
    for way, what, bars in (
        ("published", "three calls a record", (1 / 50, 20)),
        ("published_above_threshold", "publish above the threshold", (None, None)),
    ):
        ours = "ours"
        made += [
            Figure(what, calls[ours], calls[way], "AWS calls a batch", bars[0], at_most=True),
            Figure(what, RECORDS / seconds[ours], RECORDS / seconds[way], "records a second", bars[1]),
            Figure(what, seconds[ours] * 1000, seconds[way] * 1000, "ms a batch", None, at_most=True),
        ]
    return made


def calls_of(batch: dict[str, Any]) -> int:
    return sum(batch["calls"].values())


def said(batch: dict[str, Any]) -> str:
    calls = ", ".join(f"{name} {count}" for name, count in sorted(batch["calls"].items()))
    return f"{batch['seconds'] * 1000:,.0f} ms, {calls_of(batch):,} calls: {calls}"


def measure(
    way: str, folder: Path, packages: Path, environment: dict[str, str], batches: list[Batch]
) -> list[dict[str, Any]]:
    """One process; calls, seconds and bytes of log of each batch but the first."""
    folder.mkdir()
    (folder / "way.json").write_text(json.dumps({"environment": environment, "batches": batches}))
    done = subprocess.run(
        [str(PYTHON), "-m", "bench.function_ways", way, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{packages}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{way} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    found: list[dict[str, Any]] = json.loads((folder / "measured.json").read_text())
    size = len(done.stdout.encode()) / len(batches)
    return [batch | {"log_bytes": size} for batch in found]


def peer_resources() -> dict[str, str]:
    """The table and the topic of the published way, by the names of its variables."""
    name = "published-copy"
    boto3.client("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "ctimestamp", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "ctimestamp", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    topic = boto3.client("sns").create_topic(Name=name)["TopicArn"]
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="bench@example.com")
    return {"PEER_TABLE": name, "PEER_TOPIC": topic}


def made() -> Iterator[Batch]:
    """Batches as the mapping gives them, each of windows and attackers that were in none before."""
    draw = random.Random(1)
    earlier: list[dict[str, Any]] = []
    for number in range(10**6):
        begin = FROM + timedelta(seconds=10 * number)
        users = iter(draw.sample(range(500_000_000, 600_000_000), RECORDS))
        ordinary = RECORDS - MANY - 2 * ATTACKERS - REPEATED
        counts = draw.choices([*SHARES], weights=[*SHARES.values()], k=ordinary)
        counts += [draw.randint(5, 10) for _ in range(MANY)]
        rows = [row(next(users), count, begin, "final") for count in counts]
        for _ in range(ATTACKERS):
            attacker = next(users)
            rows += [row(attacker, 11, begin, "early"), row(attacker, draw.randint(12, 30), begin, "final")]
        rows += draw.choices(earlier or rows, k=REPEATED)
        draw.shuffle(rows)
        earlier = rows
        yield {"Records": [record(each, number * RECORDS + place) for place, each in enumerate(rows)]}


def row(user: int, count: int, begin: datetime, kind: str) -> dict[str, Any]:
    """Of stream 2, as Flink writes it."""
    start, end = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (begin, begin + timedelta(seconds=10)))
    return {
        "user_id": user,
        "num_actions_per_watermark": count,
        "window_start": start,
        "window_end": end,
        "kind": kind,
    }


def record(content: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": str(content["user_id"]),
            "sequenceNumber": str(number),
            "data": base64.b64encode(json.dumps(content).encode()).decode(),
            "approximateArrivalTimestamp": time.time(),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/bench",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/bench",
    }
