"""The package, made once, and laid out as each image of Amazon MWAA does it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

IMAGES = os.environ.get("MWAA_IMAGES", "3.0.6 3.2.1 3.3.1").split()
PROGRAM = Path(__file__).with_name("load_package.py")


def make_package(target: Path, *options: str) -> str:
    """Runs the command; gives what it said."""
    command = [sys.executable, "-m", "infra.mwaa_package", *options, str(target)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class Image:
    """An image, as far as Python's packages go: all of them, in its versions, from `make test-images`."""

    version: str

    @property
    def python(self) -> Path:
        return ROOT / ".venv" / f"mwaa-{self.version}" / "bin" / "python"

    @property
    def pins(self) -> Path:
        return ROOT / "requirements" / f"mwaa-{self.version}.txt"

    def unpack(self, package: Path, home: Path) -> Path:
        """The package at /usr/local/airflow, as far as the image writes there; gives that folder."""
        shutil.copytree(package / "dags", home / "dags")
        with zipfile.ZipFile(package / "plugins.zip") as archive:
            archive.extractall(home / "plugins")
        shutil.copyfile(package / "requirements.txt", home / "requirements.txt")
        return home

    def install(self, *asked: str) -> subprocess.CompletedProcess[str]:
        """What MWAA's pip would do: on top of the image and held to its versions; here without a network."""
        words: list[str | Path] = [
            ROOT / ".venv/uv/bin/python",
            "-m",
            "pip",
            "--python",
            self.python,
            "--disable-pip-version-check",
        ]
        words += ["install", "--dry-run", "--no-index", "--constraint", self.pins, *asked]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    def run(self, home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs the image's Python in this layout; with nothing of this process's environment."""
        return subprocess.run(
            [self.python, *words],
            cwd=home,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "AIRFLOW_HOME": str(home),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AWS_REGION": "eu-west-1",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "NO_COLOR": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def load(self, home: Path) -> dict[str, Any]:
        """What load_package.py reports of this layout."""
        done = self.run(home, PROGRAM)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a stage that is not `dev`, so that a name which does not follow the settings shows."""
    folder = tmp_path_factory.mktemp("package")
    settings = folder / "test.json"
    settings.write_text(
        json.dumps({"region": "eu-west-1", "stage": "test", "prefix": "acme", "raw_bucket": "acme-raw"})
    )
    make_package(folder / "mwaa", "--stage", "test", "--settings", str(settings))
    return folder / "mwaa"


@pytest.fixture(scope="session", params=IMAGES)
def image(request: pytest.FixtureRequest) -> Image:
    return Image(request.param)


@pytest.fixture(scope="session")
def loaded(image: Image, package: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The package as this image loads it."""
    return image.load(image.unpack(package, tmp_path_factory.mktemp(f"mwaa-{image.version}")))
