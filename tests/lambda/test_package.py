"""The zip that is deployed: the same bytes from the same sources, complete, small, and quick to start."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.conftest import ROOT

from .conftest import ZIP, Resources

MEGABYTE = 1024 * 1024
PACKAGES = ROOT / ".venv" / "lambda" / "packages"


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        command = [sys.executable, "-m", "infra.function_package", str(PACKAGES), str(tmp_path / name)]
        subprocess.run(command, cwd=ROOT, check=True)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes() == ZIP.read_bytes()


def test_the_zip_is_small_and_has_no_sdk() -> None:
    """Lambda's runtime brings boto3; a copy would be most of the package."""
    with zipfile.ZipFile(ZIP) as archive:
        names = archive.namelist()
    assert ZIP.stat().st_size < 3 * MEGABYTE
    assert [name for name in names if name.startswith(("boto", "pydantic", "s3transfer"))] == []


def test_the_function_starts_with_the_zip_and_the_runtime_alone(tmp_path: Path, resources: Resources) -> None:
    """From a folder where nothing can be written, as on AWS: what is imported is compiled already."""
    with zipfile.ZipFile(ZIP) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-v", "-c", "import ecomm_detect_high_event_volume.handler"],
        env={
            **resources.environment(),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = [line for line in done.stderr.splitlines() if line.startswith("# code object from")]
    imported = [line for line in loaded if str(tmp_path) in line]
    assert len(imported) > 100
    assert [line for line in imported if not line.endswith(".pyc'")] == []


def test_a_missing_variable_is_named(tmp_path: Path, resources: Resources) -> None:
    environment = resources.environment()
    del environment["TOPIC_ARN"]
    with zipfile.ZipFile(ZIP) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", "import ecomm_detect_high_event_volume.handler"],
        env={**environment, "PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "The environment variable TOPIC_ARN is missing; deploy infra/detection.yaml again." in done.stderr
