"""The services of one instance: the AWS API and Airflow, with what each needs in its environment."""

from __future__ import annotations

import http.client
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from local import airflow, principals
from local.config import HOST, Config
from local.processes import Service

ANSWER_SECONDS = 5


def services(config: Config) -> list[Service]:
    """In the order in which they are started; stopped the other way round."""
    return [_platform(config), _airflow(config)]


def _platform(config: Config) -> Service:
    return Service(
        name="platform",
        command=[sys.executable, "-m", "local.server"],
        environment=_environment(config),
        url=config.endpoint,
        # Flink is the platform's, and listens once an application is started: too late to choose another port.
        ports={"LOCAL_AWS_PORT": config.port, "FLINK_PORT": config.flink_port},
        prepare=lambda: None,
        waiting_for=partial(_api_of_platform, config),
        log=config.logs / "platform.log",
        run=config.run,
        start_seconds=300,
        stop_seconds=30,
    )


def _airflow(config: Config) -> Service:
    python = config.environments / "airflow" / "bin" / "python"
    return Service(
        name="airflow",
        # -P: the script's folder holds a module named airflow too.
        command=[str(python), "-P", str(Path(airflow.__file__).with_name("airflow_components.py"))],
        environment={
            **_environment(config),
            **_aws(config),
            "AIRFLOW_HOME": str(config.airflow_home),
            "LOCAL_LOGS": str(config.logs),
            # Airflow's own call, in every task's log.
            "PYTHONWARNINGS": "ignore:GitWildMatchPattern:DeprecationWarning",
        },
        url=config.airflow_endpoint,
        ports={"AIRFLOW_PORT": config.airflow_port},
        prepare=partial(_prepare_airflow, config),
        waiting_for=partial(_components_of_airflow, config),
        log=config.logs / "airflow.log",
        run=config.run,
        start_seconds=900,
        stop_seconds=20,
    )


def _environment(config: Config) -> dict[str, str]:
    """This process's environment without what would lead a service to another AWS, Airflow or through a proxy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AIRFLOW__"))}
    # Bytecode is kept apart from the source: an Airflow that compiles itself at each start takes three times as long.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    direct = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), HOST]))
    return kept | {
        "AWS_DEFAULT_REGION": config.region,
        **{name: str(port) for name, port in config.ports.items()},
        "LOCAL_VAR": str(config.var),
        "LOCAL_ENVIRONMENTS": str(config.environments),
        "LOCAL_DAGS": str(config.dags),
        "LOCAL_PLUGINS": str(config.plugins),
        "NO_PROXY": direct,
        "no_proxy": direct,
        "PYTHONPYCACHEPREFIX": str(config.environments / "pycache"),
        "PYTHONUNBUFFERED": "1",
        # A process that gives itself a title keeps its environment, and so the mark of its service.
        "SPT_NOENV": "1",
    }


def _aws(config: Config) -> dict[str, str]:
    """What leads boto3 to the platform, and to no key, profile or metadata service of the user's."""
    return {
        "AWS_ENDPOINT_URL": config.endpoint,
        "AWS_ACCESS_KEY_ID": principals.AIRFLOW,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": config.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # The connection of the Amazon provider's hooks: boto3's own search. Without one, every task's log warns of it.
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
    }


def _api_of_platform(config: Config, started: float) -> str | None:
    answer = _get(config.port, "/_ministack/health")
    return "the AWS API does not answer yet" if answer is None else None


def _prepare_airflow(config: Config) -> None:
    airflow.write_configuration(config)
    airflow.remove_old_logs(config)


def _components_of_airflow(config: Config, started: float) -> str | None:
    # Built at its first request, in seconds during which the server answers nobody; so that is asked for here.
    if _get(config.airflow_port, "/execution/health") is None:
        return "the API server does not answer yet"
    return airflow.not_ready(_get(config.airflow_port, "/api/v2/monitor/health"), started)


def _get(port: int, path: str) -> Any:
    """The JSON at this address of this machine, or None where nothing answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return json.load(connection.getresponse())
    except (http.client.HTTPException, OSError, ValueError):
        return None
    finally:
        connection.close()
