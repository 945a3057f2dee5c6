"""Fixtures of the infra suite: a checkout whose templates a test may break, and the command run in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra import assets
from tests.conftest import ROOT, Platform

type Aws = Callable[[str], Any]


@dataclass(frozen=True)
class Checkout:
    """A copy of infra/ with one Glue script, a Flink application and a function, and the command in it against the
    platform.
    """

    folder: Path
    endpoint: str

    @property
    def script(self) -> Path:
        return self.folder / "include" / "glue_scripts" / "csv_to_parquet.py"

    @property
    def application(self) -> Path:
        return self.folder / "include" / "flink" / "target" / "flink-application.zip"

    @property
    def function(self) -> Path:
        return self.folder / assets.FUNCTION / assets.FUNCTION_ZIP

    def settings(self, stage: str) -> Path:
        return self.folder / "var" / "deploy" / f"{stage}.json"

    def template(self, name: str) -> Path:
        return self.folder / "infra" / f"{name}.yaml"

    def environment(self, **changes: str | None) -> dict[str, str]:
        """The command's environment; a variable changed to None is left out."""
        variables = os.environ | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_CONFIG_FILE": os.devnull,
        }
        return {key: value for key, value in (variables | changes).items() if value is not None}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "infra.deploy", *arguments]

    def deploy(self, *arguments: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
        return self.run("deploy", *arguments, **variables)

    def run(self, command: str, *arguments: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
        """One of the commands of infra/, without a terminal."""
        return subprocess.run(
            [sys.executable, "-m", f"infra.{command}", *arguments],
            cwd=self.folder,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def make_checkout(folder: Path, endpoint: str) -> Checkout:
    shutil.copytree(ROOT / "infra", folder / "infra", ignore=shutil.ignore_patterns("__pycache__"))
    checkout = Checkout(folder, endpoint)
    checkout.script.parent.mkdir(parents=True)
    checkout.script.write_text("print('first')\n")
    checkout.application.parent.mkdir(parents=True)
    with zipfile.ZipFile(checkout.application, "w") as archive:
        archive.writestr("main.py", "print('first')\n")
    checkout.function.parent.mkdir(parents=True)
    shutil.copyfile(ROOT / assets.FUNCTION / assets.FUNCTION_ZIP, checkout.function)
    return checkout


@pytest.fixture
def checkout(tmp_path: Path, platform: Platform) -> Checkout:
    return make_checkout(tmp_path / "checkout", platform.endpoint)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory, platform: Platform) -> tuple[Checkout, str]:
    """The stage dev, deployed once for every test that only looks; and what the command said."""
    checkout = make_checkout(tmp_path_factory.mktemp("deployed") / "checkout", platform.endpoint)
    done = checkout.deploy("--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout, done.stdout


@pytest.fixture
def aws(platform: Platform) -> Aws:
    return lambda service: boto3.client(service, endpoint_url=platform.endpoint)
