"""Airflow's configuration and the reading of its health."""

from __future__ import annotations

import configparser
import os
import time
from pathlib import Path
from typing import Any

import pytest

from local.airflow import not_ready, remove_old_logs, write_configuration
from local.config import Config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        port=4601, airflow_port=8101, var=tmp_path / "100% mine", region="us-east-1", environments=tmp_path / "env"
    )


def read(config: Config) -> configparser.ConfigParser:
    """As Airflow reads it: with % as a mark."""
    parser = configparser.ConfigParser()
    parser.read(config.airflow_home / "airflow.cfg")
    return parser


def test_keys_stay_over_starts_and_the_rest_follows_the_settings(config: Config) -> None:
    write_configuration(config)
    before = read(config)
    moved = Config(port=4601, airflow_port=9999, var=config.var, region="us-east-1", environments=config.environments)
    write_configuration(moved)
    after = read(config)
    for section, name in (("core", "fernet_key"), ("api", "secret_key"), ("api_auth", "jwt_secret")):
        assert len(before[section][name]) >= 44
        assert before[section][name] == after[section][name]
    assert (before["api"]["port"], after["api"]["port"]) == ("8101", "9999")
    assert after["core"]["execution_api_server_url"] == "http://127.0.0.1:9999/execution/"
    assert after["database"]["sql_alchemy_conn"].endswith("/100% mine/airflow/airflow.db?timeout=60")


def test_keys_are_nobody_elses(config: Config, tmp_path: Path) -> None:
    write_configuration(config)
    assert (config.airflow_home / "airflow.cfg").stat().st_mode & 0o077 == 0
    other = Config(port=1, airflow_port=2, var=tmp_path / "other", region="us-east-1", environments=tmp_path)
    write_configuration(other)
    assert read(config)["api_auth"]["jwt_secret"] != read(other)["api_auth"]["jwt_secret"]


def health(**heartbeats: str | None) -> dict[str, Any]:
    return {name: {f"latest_{name}_heartbeat": beat, "status": "healthy"} for name, beat in heartbeats.items()}


def test_a_heartbeat_of_the_run_before_does_not_count() -> None:
    started = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC
    late, early = "2027-01-15T08:00:05.5+00:00", "2027-01-15T07:59:59Z"
    assert not_ready(None, started) == "the API server does not answer"
    assert not_ready(health(scheduler=late, dag_processor=late, triggerer=late), started) is None
    reason = not_ready(health(scheduler=late, dag_processor=early, triggerer=None), started)
    assert reason == "no sign of life yet from dag processor, triggerer"


def test_only_old_logs_are_removed(config: Config) -> None:
    folder = config.airflow_home / "logs" / "dag_id=d"
    folder.mkdir(parents=True)
    for name, days in (("old.log", 31), ("young.log", 29)):
        (folder / name).write_text("x")
        os.utime(folder / name, (0, time.time() - days * 86400))
    remove_old_logs(config)
    assert [path.name for path in folder.iterdir()] == ["young.log"]
