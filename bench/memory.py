"""The simulator's memory over five million events: it must not grow with what was sent."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from bench.endpoint import local_platform
from bench.report import ROOT, Figure, report
from bench.simulator import make_stream
from simulator.dataset_generator import HEADER, generate

ROWS, PASSES = 500_000, 10
# What the first events need is compared with what all of them do.
FIRST = 0.1
BAR = 1.1


def run() -> bool:
    """Whether the bar was reached. Takes some minutes."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, local_platform():
        path, account = Path(folder) / "rows.csv", Path(folder) / "summary.json"
        with path.open("w") as file:
            file.write(HEADER)
            file.writelines(generate(ROWS, months=["2019-11"]))
        stream = make_stream("memory")
        samples = _watch(
            *("--source", str(path), "--stream", stream, "--iterations", str(PASSES), "--summary", str(account))
        )
        summary = json.loads(account.read_text())
    if summary["events_sent"] != ROWS * PASSES:
        raise RuntimeError(f"{summary['events_sent']:,} events were sent, not {ROWS * PASSES:,}; run it again.")
    first = max(size for seconds, size in samples if seconds <= FIRST * summary["seconds"])
    peak = max(size for _, size in samples)
    what = f"memory over {summary['events_sent']:,} events, against the first tenth of them"
    figure = Figure(what, peak / 2**20, first / 2**20, "MiB", BAR, at_most=True)
    return report("memory", [figure], {"events_per_second": summary["events_per_second"], "samples": samples[::20]})


def _watch(*words: str) -> list[tuple[float, int]]:
    """Seconds since the start and resident bytes, every tenth of a second."""
    command = [sys.executable, str(ROOT / "simulator/stream-data-app-simulation.py"), *words]
    process = psutil.Popen(command, stdout=subprocess.DEVNULL)
    start = time.monotonic()
    samples = []
    with suppress(psutil.NoSuchProcess):
        while process.poll() is None:
            samples.append((time.monotonic() - start, process.memory_info().rss))
            time.sleep(0.1)
    if process.wait():
        raise RuntimeError(f"The simulator ended with status {process.returncode}.")
    return samples
