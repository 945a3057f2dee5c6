"""The data set's generator against writing made-up rows one by one with csv.writer.

Bars: 40 MB of CSV per CPU-second, in one process; twice the peer, whose rows are simpler. The two take turns,
and the best of each is compared: whatever else the machine does makes a run slower, never faster.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.report import ROOT, Figure, console, report

# Making the shop's products and starting takes half a second, whatever the rows.
ROWS = {"generator": 4_000_000, "row_by_row": 500_000}
ROUNDS = 3
MEGABYTES_PER_CPU_SECOND = 40.0


def run() -> bool:
    """Whether both bars were reached."""
    measured: dict[str, list[dict[str, float]]] = {way: [] for way in ROWS}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for _ in range(ROUNDS):
            for way, rows in ROWS.items():
                command = [sys.executable, "-m", "bench.generator_ways", way, str(rows), str(Path(folder) / "rows.csv")]
                done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
                measured[way].append(json.loads(done.stdout))
                console.print(f"{way}: {_per_cpu_second(measured[way][-1]):.1f} MB per CPU-second")
    ours, peer = (max(map(_per_cpu_second, measured[way])) for way in ("generator", "row_by_row"))
    figures = [
        Figure("the bar of 40 MB", ours, MEGABYTES_PER_CPU_SECOND, "MB per CPU-second", 1),
        Figure("csv.writer, row by row", ours, peer, "MB per CPU-second", 2),
    ]
    return report("generator", figures, measured)


def _per_cpu_second(run: dict[str, float]) -> float:
    return run["bytes"] / 1e6 / run["cpu_seconds"]
