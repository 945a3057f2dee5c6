"""The memory of the simulator and of Flink over five million events: it must not grow with what went through them.

The second half of the time is compared with the first: what leaks is twice as high at its end.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import boto3
import psutil

from bench import flink
from bench.endpoint import local_platform
from bench.report import ROOT, Figure, report
from simulator.dataset_generator import HEADER, generate

ROWS, PASSES = 500_000, 10
BAR = 1.1
START_SECONDS = 240
FLINK_SECONDS = 1_800

Samples = list[tuple[float, int]]  # seconds, and resident bytes


def run() -> bool:
    """Whether both bars were reached. Takes some minutes."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, local_platform() as endpoint:
        rows = Path(folder) / "rows.csv"
        with rows.open("w") as file:
            file.write(HEADER)
            file.writelines(generate(ROWS, months=["2019-11"]))
        flink.create_streams()
        flink.create_application("memory", flink.CODE.read_bytes())
        _start("memory")
        words = ("--source", rows, "--stream", "in", "--partition-key", "user_id", "--iterations", PASSES)
        simulator = psutil.Popen(
            [sys.executable, str(ROOT / "simulator/stream-data-app-simulation.py"), *map(str, words)],
            stdout=subprocess.DEVNULL,
        )
        samples: dict[str, Samples] = {"simulator": [], "Flink's task manager": []}
        watched = dict(zip(samples, (simulator, _task_manager(endpoint.process)), strict=True))
        (job,) = flink.get(endpoint, "/jobs/overview")["jobs"]
        _watch(watched, samples, lambda: flink.handed_on(flink.get(endpoint, f"/jobs/{job['jid']}")) >= ROWS * PASSES)
        if simulator.wait():
            raise RuntimeError(f"The simulator ended with status {simulator.returncode}.")
        flink.end("memory")
    figures = [_figure(name, found) for name, found in samples.items()]
    return report("memory", figures, {name: found[::20] for name, found in samples.items()})


def _start(name: str) -> None:
    client = boto3.client("kinesisanalyticsv2")
    client.start_application(ApplicationName=name)
    deadline = time.monotonic() + START_SECONDS
    while flink.status(client, name) != "RUNNING":
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} does not run after {START_SECONDS} s.")
        time.sleep(0.5)


def _task_manager(platform: int) -> psutil.Process:
    (found,) = (
        process
        for process in psutil.Process(platform).children(recursive=True)
        if any("TaskManagerRunner" in word for word in process.cmdline())
    )
    return found


def _watch(processes: dict[str, psutil.Process], samples: dict[str, Samples], done: Callable[[], bool]) -> None:
    """Adds a sample of each process that lives, twice a second, until `done`."""
    start = time.monotonic()
    while not done():
        for name, process in processes.items():
            # A process that has ended holds no memory until somebody has waited for it.
            with suppress(psutil.NoSuchProcess):
                if size := process.memory_info().rss:
                    samples[name].append((time.monotonic() - start, size))
        if time.monotonic() - start > FLINK_SECONDS:
            raise RuntimeError(f"The events were not through Flink after {FLINK_SECONDS} s.")
        time.sleep(0.5)


def _figure(name: str, samples: Samples) -> Figure:
    middle = samples[-1][0] / 2
    first = max(size for seconds, size in samples if seconds <= middle)
    second = max(size for seconds, size in samples if seconds > middle)
    what = f"{name}, {ROWS * PASSES:,} events, 1st half"
    return Figure(what, second / 2**20, first / 2**20, "MiB", BAR, at_most=True)
