"""The simulator against the published copies' way, and against a bare loop of put_records.

Bars: 50 times the events per CPU-second of one put_record a row; 0.9 of a bare put_records loop, in events per
CPU-second and in events per second. The three take turns, and the best of each is compared: whatever else the machine
does makes a run slower, never faster.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3

from bench.endpoint import local_platform
from bench.report import ROOT, Figure, console, report
from simulator.dataset_generator import HEADER, generate

ROWS = 1_500
ROUNDS = 6
# Passes over the rows: one way takes a hundred times as long as the others.
PASSES = {"put_record_a_row": 1, "bare_put_records": 100, "simulator": 100}


def run() -> bool:
    """Whether every bar was reached."""
    measured: dict[str, list[dict[str, float]]] = {way: [] for way in PASSES}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, local_platform():
        path = Path(folder) / "rows.csv"
        path.write_text(HEADER + "".join(generate(ROWS, months=["2019-11"])))
        for turn in range(ROUNDS):
            for way, passes in PASSES.items():
                stream = make_stream(f"{way}-{turn}")
                measured[way].append(measure(way, stream, path, passes))
                console.print(f"{way}: {_per_cpu_second(measured[way][-1]):,.0f} events per CPU-second")
    per_cpu = {way: max(map(_per_cpu_second, runs)) for way, runs in measured.items()}
    per_second = {way: max(run["events"] / run["seconds"] for run in runs) for way, runs in measured.items()}
    ours, row, bare = "simulator", "put_record_a_row", "bare_put_records"
    figures = [
        Figure("one put_record a row", per_cpu[ours], per_cpu[row], "events per CPU-second", 50),
        Figure("bare loop of put_records", per_cpu[ours], per_cpu[bare], "events per CPU-second", 0.9),
        Figure("bare loop of put_records", per_second[ours], per_second[bare], "events a second", 0.9),
    ]
    return report("simulator", figures, measured)


def make_stream(name: str) -> str:
    """A stream of four shards, each run its own, so that no run meets the records of another."""
    client = boto3.client("kinesis")
    client.create_stream(StreamName=name.replace("_", "-"), ShardCount=4)
    client.get_waiter("stream_exists").wait(StreamName=name.replace("_", "-"), WaiterConfig={"Delay": 1})
    return name.replace("_", "-")


def measure(way: str, stream: str, path: Path, passes: int) -> dict[str, float]:
    """One process; its events, seconds and CPU seconds."""
    command = [sys.executable, "-m", "bench.producers", way, stream, str(path), str(passes)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    if found["events"] != passes * ROWS:
        raise RuntimeError(f"{way} sent {found['events']:.0f} of {passes * ROWS} events; its figure would be wrong.")
    return found


def _per_cpu_second(run: dict[str, float]) -> float:
    return run["events"] / run["cpu_seconds"]
