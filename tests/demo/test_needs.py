"""What is said of a large data set before anything starts, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import psutil
import pytest

from demo import DemoError, needs
from local.config import Config
from tests.conftest import ROOT


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("LOCAL_VAR", str(tmp_path / "var"))
    return Config.from_environment()


def sparse(path: Path, size: float) -> str:
    """A file of this size that takes no room."""
    with path.open("wb") as file:
        file.write(b"event_time\n")
        file.truncate(int(size))
    return str(path)


def test_small_data_needs_no_word(config: Config, tmp_path: Path) -> None:
    assert needs.check([], config) == []
    assert needs.check([sparse(tmp_path / "a.csv", 1e8)], config) == []


def test_a_large_data_set_is_announced_with_disk_memory_and_time(config: Config, tmp_path: Path) -> None:
    said = needs.check([sparse(tmp_path / "a.csv", 2e9), "s3://bucket/b.csv"], config)
    assert said[0].startswith("2.0 GB of CSV without s3://bucket/b.csv: takes about ")
    for word in ("of disk", "are free", "of memory", "minutes"):
        assert word in said[0]


def test_the_bytes_of_a_zip_are_those_that_it_unpacks_to(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"x" * 5_000_000)
    assert needs.csv_bytes([str(tmp_path / "a.zip"), sparse(tmp_path / "b.csv", 1000)]) == (5_001_000, "")


def test_what_the_disk_cannot_hold_is_refused(config: Config, tmp_path: Path) -> None:
    free = needs.free_bytes(config.var)
    with pytest.raises(DemoError, match=r"GB of CSV and takes .* of disk at least, .*LOCAL_VAR=<folder> make demo"):
        needs.check([sparse(tmp_path / "a.csv", free)], config)


def test_the_command_refuses_before_anything_starts(tmp_path: Path) -> None:
    file = sparse(tmp_path / "a.csv", needs.free_bytes(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--dataset", file],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}", "LOCAL_VAR": str(tmp_path / "var")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "of disk at least" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_the_same_data_set_is_not_counted_twice(config: Config, tmp_path: Path) -> None:
    folder = config.objects / "000000000000/raw/ecomm_user_activity_uncompressed/p_year=2019/p_month=11"
    folder.mkdir(parents=True)
    sparse(folder / "2019-Nov.csv", 2e9)
    assert needs.stored_already(config, 2e9)
    assert not needs.stored_already(config, 3e9)
    assert needs.estimate(2e9, already=True).stored < needs.estimate(2e9).stored - 2e9


def test_the_last_run_says_how_fast_this_machine_is(tmp_path: Path) -> None:
    assert needs.pace(tmp_path) == 1
    for text in ("", "[]", "{}", '{"bytes": null, "seconds": 1}'):
        (tmp_path / needs.PACE).write_text(text)
        assert needs.pace(tmp_path) == 1
    took = needs.estimate(2e9).seconds * 2
    needs.note_pace(tmp_path, 2e9, took)
    assert needs.pace(tmp_path) == pytest.approx(2)
    needs.note_pace(tmp_path, 4e6, took)
    assert needs.pace(tmp_path) == 1


def test_the_memory_of_this_machine_is_known() -> None:
    assert 0 < needs.memory_bytes() <= psutil.virtual_memory().total
