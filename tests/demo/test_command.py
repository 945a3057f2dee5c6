"""The command itself, as far as it goes before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def demo(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}", "LOCAL_VAR": str(cwd / "var"), **variables}
    return subprocess.run(
        [sys.executable, "-m", "demo", *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_help_names_the_variables(tmp_path: Path) -> None:
    done = demo("--help", cwd=tmp_path)
    assert done.returncode == 0
    for name in ("DATASET", "STAGE", "LOCAL_AWS_PORT", "AIRFLOW_PORT", "make down"):
        assert name in done.stdout


@pytest.mark.parametrize(("words", "variables"), [(["--dataset", "gone.csv"], {}), ([], {"DATASET": "gone.csv"})])
def test_a_missing_file_is_named_before_anything_starts(
    words: list[str], variables: dict[str, str], tmp_path: Path
) -> None:
    done = demo(*words, cwd=tmp_path, **variables)
    assert done.returncode == 1
    assert f"{tmp_path}/gone.csv does not exist" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    done = demo("--fast", cwd=tmp_path)
    assert done.returncode == 2
    assert "unrecognized arguments: --fast" in done.stderr
