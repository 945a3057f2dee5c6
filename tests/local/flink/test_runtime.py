"""Which Kinesis connector the cluster gets: the one of ours, or the jar that the user names."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.config import Config
from local.flink import runtime
from local.flink.errors import ApplicationError
from tests.conftest import ROOT


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("LOCAL_ENVIRONMENTS", str(ROOT / ".venv"))
    monkeypatch.setenv("LOCAL_VAR", str(tmp_path))
    monkeypatch.delenv("FLINK_KINESIS_CONNECTOR", raising=False)
    return Config.from_environment()


def jars(found: runtime.Runtime) -> list[str]:
    command = found.command("Main", "log4j.properties", [], [])
    return command[command.index("-classpath") + 1].split(":")


def test_the_connector_is_ours(config: Config) -> None:
    assert str(ROOT / ".venv/flink/connector/flink-connector-kinesis.jar") in jars(runtime.find(config))


def test_a_jar_that_is_named_takes_its_place(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    official = tmp_path / "flink-sql-connector-aws-kinesis-streams-6.0.0-2.0.jar"
    official.touch()
    monkeypatch.setenv("FLINK_KINESIS_CONNECTOR", str(official))
    names = [Path(jar).name for jar in jars(runtime.find(config))]
    assert official.name in names
    assert "flink-connector-kinesis.jar" not in names


def test_a_jar_that_is_not_there_is_named(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLINK_KINESIS_CONNECTOR", "nowhere.jar")
    with pytest.raises(ApplicationError, match=r"FLINK_KINESIS_CONNECTOR names .*/nowhere\.jar, where there is no"):
        runtime.find(config)
