"""A whole month through `make demo`: the memory of every process, and a count of the CSV made apart from the product.

`make bench-month` makes up the month of 67.5 million rows (9 GB, and five times as much of disk on the way), runs the
demo on it in LOCAL_VAR, and says how long each task took, what each process held in memory at most, and whether the
marts have what the CSV has. Bars: no process over 3 GB, all together within 12 GB, every row curated or set aside.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from rich.table import Table

from bench.report import ROOT, Figure, console, folder, report
from bench.sampler import GB, Peaks, Sampler
from demo import DemoError
from demo.airflow_api import Airflow
from local.config import Config

ROWS, MONTH = 67_501_979, "2019-11"
PROCESS_GB, ALL_GB = 3.0, 12.0
# What a day of the CSV and of kpi_daily_visitors have in common.
MEASURES = ("visitors", "views", "carts", "purchases", "revenue")
FAULTS_SHOWN = 10


def main(words: Sequence[str] | None = None) -> int:
    """0 when the demo ended well, every bar was reached and every number is that of the CSV; else 1."""
    arguments = _arguments(words)
    config = Config.from_environment()
    files = [path.resolve() for path in arguments.dataset] or [_generated(arguments.rows, arguments.month)]
    console.print(f"Counting {', '.join(path.name for path in files)}, apart from the product.")
    counted = _counted(files)
    demo = subprocess.Popen([sys.executable, "-m", "demo", "--dataset", *map(str, files)], cwd=ROOT)
    with Sampler(config.var, folder() / "memory.csv", demo.pid) as sampler:
        status = _wait(demo)
    tasks = _tasks(config) if status == 0 else []
    _show_tasks(tasks)
    _show_memory(sampler.peaks)
    if status:
        console.print(f"The demo ended with status {status}; there is nothing to compare.")
        return 1
    summary = json.loads((config.var / "demo" / "summary.json").read_text())
    faults = differences(counted, summary)
    for fault in faults[:FAULTS_SHOWN]:
        console.print(f"MISSED  {fault}")
    if not faults:
        console.print(f"Every total of {len(counted['days'])} days is that of the CSV's {counted['lines']:,} rows.")
    details = {"counted": counted, "faults": faults, "tasks": tasks, "peaks": vars(sampler.peaks), "summary": summary}
    reached = report("month", figures(sampler.peaks), details)
    return 0 if reached and not faults else 1


def differences(counted: Mapping[str, Any], summary: Mapping[str, Any]) -> list[str]:
    """What the demo's summary says otherwise than the CSV, in sentences; none where all agree.

    counted: what bench.csv_count printed. Lines that were set aside lie in no mart, so the days are compared with an
    allowance of these.
    """
    batch, faults = summary["batch"], []
    rows = {name: batch[f"rows_{name}"] for name in ("in", "curated", "quarantined")}
    if rows["in"] != counted["lines"]:
        faults.append(f"The CSV has {counted['lines']:,} rows, but {rows['in']:,} came in.")
    if rows["curated"] + rows["quarantined"] != rows["in"]:
        faults.append(f"Of {rows['in']:,} rows {rows['curated']:,} are curated and {rows['quarantined']:,} set aside.")
    if rows["quarantined"]:
        return [*faults, f"{rows['quarantined']:,} rows were set aside, so the marts cannot be held to the CSV."]
    marts = {row["day"]: row for row in batch["kpis"]["daily_visitors"] if row["audience"] == "all"}
    days = {day["day"]: day for day in counted["days"]}
    for day in sorted(marts.keys() | days.keys()):
        for measure in MEASURES:
            ours, theirs = marts.get(day, {}).get(measure), days.get(day, {}).get(measure)
            if ours is None or theirs is None or abs(ours - theirs) > 0.005:
                faults.append(f"{day}: {measure} is {ours} in kpi_daily_visitors, but {theirs} in the CSV.")
    return faults


def figures(peaks: Peaks) -> list[Figure]:
    """The bars of memory."""
    largest = max(peaks.processes, key=peaks.processes.__getitem__, default="no process")
    return [
        Figure(f"largest process: {largest}", peaks.processes.get(largest, 0) / GB, PROCESS_GB, "GB", 1, at_most=True),
        Figure("all processes together", peaks.proportional / GB, ALL_GB, "GB", 1, at_most=True),
    ]


def _generated(rows: int, month: str) -> Path:
    """The made-up month; the one of the last time, where it is the same."""
    path = folder() / f"{month}-{rows}.csv"
    if not path.exists():
        console.print(f"Making up {rows:,} rows of {month}.")
        words = [str(ROOT / "simulator" / "dataset-generator.py"), "--rows", str(rows), "--months", month]
        subprocess.run([sys.executable, *words, "--output", str(path)], check=True, cwd=ROOT)
    return path


def _counted(files: Sequence[Path]) -> dict[str, Any]:
    words = [str(ROOT / ".venv/local/bin/python"), "-m", "bench.csv_count", *map(str, files)]
    done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _wait(demo: subprocess.Popen[bytes]) -> int:
    """The demo's status; Ctrl-C reaches the demo as well, which ends by itself."""
    while True:
        try:
            return demo.wait()
        except KeyboardInterrupt:
            continue


def _tasks(config: Config) -> list[dict[str, Any]]:
    """The tasks of the demo's upload and batch runs with their seconds, in the order of their start."""
    airflow = Airflow(config.airflow_endpoint, config.dags)
    urls = json.loads((config.var / "demo" / "summary.json").read_text())["urls"]
    found = []
    for name in ("upload_run", "batch_run"):
        dag_id, _, run_id = urls[name].partition("/dags/")[2].partition("/runs/")
        try:
            tasks = airflow.task_instances(dag_id, unquote(run_id))
        except DemoError as error:
            console.print(str(error))
            continue
        for task in tasks:
            seconds = task.seconds(task.end or datetime.now().astimezone())
            found.append({"dag": dag_id, "task": task.label, "tries": task.try_number, "seconds": seconds})
    return found


def _show_tasks(tasks: Sequence[Mapping[str, Any]]) -> None:
    table = Table("task", "tries", "seconds", title="How long each task took", title_justify="left")
    for task in tasks:
        seconds = task["seconds"]
        table.add_row(f"{task['dag']}.{task['task']}", str(task["tries"]), "" if seconds is None else f"{seconds:.1f}")
    console.print(table)


def _show_memory(peaks: Peaks) -> None:
    table = Table("process", "GB at most", title="Memory", title_justify="left")
    for name, size in sorted(peaks.processes.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{size / GB:.2f}")
    table.add_row("all together, shared pages once", f"{peaks.proportional / GB:.2f}", style="bold")
    table.add_row("all together, as the sum of the above at a time", f"{peaks.resident / GB:.2f}")
    table.add_row("disk below LOCAL_VAR", f"{peaks.disk / GB:.2f}")
    console.print(table)
    console.print(f"every sample: {folder() / 'memory.csv'}")


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.month",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="The environment (LOCAL_VAR, LOCAL_AWS_PORT, AIRFLOW_PORT, FLINK_PORT) is that of `make demo`.",
    )
    parser.add_argument("--rows", type=int, default=ROWS, help="rows to make up (%(default)s)")
    parser.add_argument("--month", default=MONTH, help="the month to make up (%(default)s)")
    parser.add_argument(
        "--dataset", nargs="+", type=Path, default=[], metavar="FILE", help="CSV files or zips to use instead"
    )
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
