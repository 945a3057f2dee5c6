"""The commands that the demo runs, and the variables under which it runs them."""

from __future__ import annotations

import os
import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from demo import DemoError
from demo.machine import Command, Machine
from demo.progress import Progress
from local.config import Config
from tests.conftest import Platform, free_port


def wait_for(command: Command) -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if command.has_ended():
            return True
        time.sleep(0.01)
    return False


def test_a_command_that_ends_well_says_so_once_and_keeps_its_time(tmp_path: Path) -> None:
    command = Command("greet", ["bash", "-c", "echo hello"], tmp_path)
    assert wait_for(command)
    assert not command.running
    assert command.seconds > 0
    assert not command.has_ended()
    assert (tmp_path / "demo-greet.log").read_text() == "hello\n"


def test_a_command_that_fails_shows_the_end_of_its_output(tmp_path: Path) -> None:
    command = Command("fail", ["bash", "-c", "seq 100; echo 'Port 4566 is taken.' >&2; exit 3"], tmp_path)
    with pytest.raises(DemoError) as error:
        wait_for(command)
    assert "Port 4566 is taken." in str(error.value)
    assert "\n100\n" in str(error.value)
    assert "\n50\n" not in str(error.value)
    assert f"{tmp_path}/demo-fail.log" in str(error.value)


def test_nothing_is_deployed_to_the_platform_of_another_folder(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_AWS_PORT", platform.endpoint.rpartition(":")[2])
    for name in ("AIRFLOW_PORT", "FLINK_PORT"):
        monkeypatch.setenv(name, str(free_port()))
    monkeypatch.setenv("LOCAL_VAR", str(tmp_path))
    machine = Machine("dev", Config.from_environment())
    with pytest.raises(DemoError, match=f"which platform listens on, is taken by process {platform.process.pid}"):
        machine.start_and_deploy(Progress(Console(file=StringIO())))
    assert [log.name for log in machine.config.logs.iterdir()] == ["demo-up.log"]


def test_no_key_of_the_user_s_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A copy, which takes all that the method sets and is put back whole.
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setenv("LOCAL_AWS_PORT", "4600")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE"):
        os.environ[name] = "the-user-s"
    Machine("dev", Config.from_environment()).enter()
    assert "the-user-s" not in os.environ.values()
    assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4600"
