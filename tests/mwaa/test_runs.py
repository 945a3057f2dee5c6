"""A run in each image: its Airflow calls the hook that refuses unknown keys, also when a task resumes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.mwaa.conftest import Image

DAG_FILE = Path(__file__).with_name("waiting_dag.py")


@pytest.fixture(scope="session")
def home(image: Image, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with one DAG more, and a database."""
    folder = image.unpack(package, tmp_path_factory.mktemp(f"run-{image.version}"))
    shutil.copy(DAG_FILE, folder / "dags")
    migrated = image.run(folder, "-m", "airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    return folder


def run_dag(image: Image, home: Path, conf: str) -> str:
    """Runs the DAG to its end, its trigger included; returns what was logged."""
    done = image.run(home, "-m", "airflow", "dags", "test", DAG_FILE.stem, "--conf", conf)
    return done.stdout + done.stderr


def test_a_task_with_a_known_key_starts_and_resumes(image: Image, home: Path) -> None:
    logged = run_dag(image, home, '{"number": 2}')
    assert "started with 2" in logged
    assert "resumed with 2" in logged
    assert "DagRun failed" not in logged


def test_an_unknown_key_is_refused_before_the_task_does_anything(image: Image, home: Path) -> None:
    logged = " ".join(run_dag(image, home, '{"nubmer": 2}').split())
    assert '"nubmer" is no parameter of waiting_dag; did you mean "number"?' in logged
    assert "started with" not in logged
    assert "up_for_retry" not in logged
