"""Airflow on one machine as one would have it on MWAA: its configuration, and whether its components are alive."""

from __future__ import annotations

import base64
import configparser
import os
import secrets
import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from local.config import HOST, Config

KEPT_LOG_DAYS = 30
DATABASE_SECONDS = 60
LOCAL_SETTINGS = Path(__file__).with_name("airflow_local_settings.py")
COMPONENTS = ("scheduler", "dag_processor", "triggerer")


def write_configuration(config: Config) -> None:
    """Writes airflow.cfg and the local settings anew, keeping the keys made at the first start.

    The database's content depends on those.
    """
    home = config.airflow_home
    home.mkdir(parents=True, exist_ok=True)
    path = home / "airflow.cfg"
    before = configparser.ConfigParser(interpolation=None)
    before.read(path)
    # Only what differs from Airflow's own defaults.
    wanted: dict[str, dict[str, Any]] = {
        "core": {
            "dags_folder": config.dags,
            "plugins_folder": config.plugins,
            "load_examples": False,
            "dags_are_paused_at_creation": False,
            "executor": "LocalExecutor",
            "parallelism": 4,
            "simple_auth_manager_all_admins": True,
            "execution_api_server_url": f"{config.airflow_endpoint}/execution/",
            # The default asks the network for this machine's name, which takes seconds where there is no network.
            "hostname_callable": "socket.gethostname",
            "killed_task_cleanup_time": 10,
            "fernet_key": _kept(before, "core", "fernet_key", 32),
        },
        # One writes at a time. On two busy cores its turn can come later than the 5 s that SQLite waits by default.
        "database": {"sql_alchemy_conn": f"sqlite:///{home / 'airflow.db'}?timeout={DATABASE_SECONDS}"},
        "logging": {
            "base_log_folder": home / "logs",
            "dag_processor_child_process_log_directory": home / "logs" / "dag_processor",
            "colored_console_log": False,
            # A line for each request, of which the UI makes one every few seconds.
            "namespace_levels": "http.access=WARNING",
        },
        "api": {
            "host": HOST,
            "port": config.airflow_port,
            "base_url": config.airflow_endpoint,
            "workers": 1,
            # In the UI, the sentence of an error is longer than a line of the log.
            "default_wrap": True,
            "secret_key": _kept(before, "api", "secret_key", 32),
        },
        "api_auth": {"jwt_secret": _kept(before, "api_auth", "jwt_secret", 64)},
        "scheduler": {"scheduler_idle_sleep_time": 0.5},
        # On two busy cores the API server can take longer than the default of 5 s, above all for its first answer.
        "workers": {"execution_api_timeout": 60},
        "dag_processor": {
            # A new or changed file is seen at the next refresh; an unchanged one need not be parsed again and again.
            "refresh_interval": 5,
            "min_file_process_interval": 600,
        },
        "usage_data_collection": {"enabled": False},
    }
    text = "\n".join(
        f"[{section}]\n" + "".join(f"{name} = {str(value).replace('%', '%%')}\n" for name, value in options.items())
        for section, options in wanted.items()
    )
    unfinished = path.with_suffix(".tmp")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)
    # Airflow's own folder for it: found by the components, the tasks, and `airflow` in a shell.
    (home / "config").mkdir(exist_ok=True)
    shutil.copy(LOCAL_SETTINGS, home / "config")


def remove_old_logs(config: Config) -> None:
    """Removes what tasks and the DAG processor logged more than a month ago."""
    oldest = time.time() - KEPT_LOG_DAYS * 86400
    for path in (config.airflow_home / "logs").rglob("*.log"):
        if path.stat().st_mtime < oldest:
            path.unlink()


def not_ready(health: Any, started: float) -> str | None:
    """What of Airflow has not reported since `started` (seconds since 1970); None when all have.

    health: the answer of /api/v2/monitor/health, or None. A heartbeat of the run before looks healthy for 30 s more.
    """
    if health is None:
        return "the API server does not answer"
    missing = [name for name in COMPONENTS if not _beats_since(health[name].get(f"latest_{name}_heartbeat"), started)]
    return f"no sign of life yet from {', '.join(missing)}".replace("_", " ") if missing else None


def _beats_since(heartbeat: str | None, started: float) -> bool:
    return heartbeat is not None and datetime.fromisoformat(heartbeat).timestamp() >= started


def _kept(before: configparser.ConfigParser, section: str, name: str, length: int) -> str:
    fresh = base64.urlsafe_b64encode(secrets.token_bytes(length)).decode()
    return before.get(section, name, fallback=fresh)
