"""The settings, from the environment and from what was started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from local.config import ROOT, Config

SETTINGS = ("LOCAL_AWS_PORT", "AIRFLOW_PORT", "FLINK_PORT", "LOCAL_VAR", "AWS_DEFAULT_REGION", "LOCAL_ENVIRONMENTS")


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.setenv(name, "")
    config = Config.from_environment()
    assert config.ports == {"LOCAL_AWS_PORT": 4566, "AIRFLOW_PORT": 8080, "FLINK_PORT": 8081}
    assert (config.var, config.environments, config.region) == (ROOT / "var", ROOT / ".venv", "us-east-1")


def test_ports_that_were_noted_are_those_of_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOCAL_VAR", str(tmp_path))
    given = replace(Config.from_environment(), port=4600, airflow_port=8090, flink_port=8091)
    assert given.as_started() == given
    given.note_ports()
    assert Config.from_environment().as_started() == given
