"""The month's benchmark: what it counts and samples, and that it misses nothing that differs."""

from __future__ import annotations

import copy
import csv
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bench.month import differences
from bench.sampler import Sampler
from local.processes import MARK
from tests.conftest import ROOT
from tests.waiting import wait_until

HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
ROWS = [
    "2019-11-01 00:00:01 UTC,view,1,2,,,10.50,7,a\n",
    "2019-11-01 23:59:59 UTC,purchase,1,2,,,10.50,7,a\n",
    "2019-11-01 12:00:00 UTC,purchase,1,2,,,0.25,8,b\n",
    "2019-11-02 00:00:00 UTC,cart,1,2,,,10.50,7,c\n",
]
DAYS = [
    {"day": "2019-11-01", "rows": 3, "visitors": 2, "views": 1, "carts": 0, "purchases": 2, "revenue": 10.75},
    {"day": "2019-11-02", "rows": 1, "visitors": 1, "views": 0, "carts": 1, "purchases": 0, "revenue": 0.0},
]
COUNTED: dict[str, Any] = {"lines": 4, "days": DAYS}


def counted(*paths: Path) -> Any:
    words = [str(ROOT / ".venv/local/bin/python"), "-m", "bench.csv_count", *map(str, paths)]
    return json.loads(subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def test_a_csv_is_counted_by_day(tmp_path: Path) -> None:
    path = tmp_path / "2019-Nov.csv"
    path.write_text(HEADER + "".join(ROWS))
    assert counted(path) == COUNTED


def test_files_and_zips_are_counted_together_and_the_last_line_needs_no_end(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "".join(ROWS[:2]).rstrip("\n"))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("b.csv", HEADER + "".join(ROWS[2:]))
    assert counted(tmp_path / "a.csv", tmp_path / "b.zip") == COUNTED


def summary() -> dict[str, Any]:
    marts = [{**day, "audience": "all"} for day in DAYS] + [{**DAYS[0], "audience": "human", "views": 0}]
    return {"batch": {"rows_in": 4, "rows_curated": 4, "rows_quarantined": 0, "kpis": {"daily_visitors": marts}}}


def test_equal_totals_differ_in_nothing() -> None:
    assert differences(COUNTED, summary()) == []


@pytest.mark.parametrize("measure", ["visitors", "views", "carts", "purchases", "revenue"])
def test_a_measure_that_differs_is_named(measure: str) -> None:
    other = copy.deepcopy(summary())
    other["batch"]["kpis"]["daily_visitors"][0][measure] += 1
    (fault,) = differences(COUNTED, other)
    assert fault.startswith(f"2019-11-01: {measure} is ")


def test_a_day_that_is_missing_and_a_row_that_is_lost_are_named() -> None:
    other = copy.deepcopy(summary())
    del other["batch"]["kpis"]["daily_visitors"][1]
    assert len(differences(COUNTED, other)) == 5
    other = copy.deepcopy(summary())
    other["batch"] |= {"rows_in": 3, "rows_curated": 2}
    faults = differences(COUNTED, other)
    assert faults == ["The CSV has 4 rows, but 3 came in.", "Of 3 rows 2 are curated and 0 set aside."]


def test_a_process_of_the_instance_is_sampled_and_no_other(tmp_path: Path) -> None:
    """Two processes of 200 MB each, one with the mark of a service of the folder, one of another folder."""
    hold = "import sys, time\nheld = b'x' * 200_000_000\nprint(1, flush=True)\ntime.sleep(600)"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", hold],
            env={**os.environ, MARK: f"{tmp_path / folder}/run:platform"},
            stdout=subprocess.PIPE,
        )
        for folder in ("var", "another")
    ]
    (tmp_path / "var" / "bench").mkdir(parents=True)
    (tmp_path / "var" / "held").write_bytes(b"x" * 1_000_000)
    (tmp_path / "var" / "bench" / "data.csv").write_bytes(b"x" * 9_000_000)
    output = tmp_path / "var" / "bench" / "memory.csv"
    # A root that has ended, so that nothing else counts.
    root = subprocess.Popen(["true"])
    root.wait()
    try:
        for process in started:
            assert process.stdout and process.stdout.readline()
        with Sampler(tmp_path / "var", output, root.pid) as sampler:
            wait_until(lambda: sampler.peaks.disk, "nothing was sampled")
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert [name.partition(":")[0] for name in sampler.peaks.processes] == ["platform"]
    assert 200e6 < sampler.peaks.resident < 300e6
    assert 0 < sampler.peaks.proportional <= sampler.peaks.resident
    assert 1e6 <= sampler.peaks.disk < 3e6
    with output.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["pid"] for row in rows} == {str(started[0].pid), "0"}
