"""A platform with the stacks deployed, and Airflow with a database, for runs of whole DAGs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests import airflow_environment
from tests.conftest import Platform
from tests.principals import AIRFLOW, acting_as

ROOT = airflow_environment.ROOT
REAL_DATA = Path(os.environ.get("ECOMM_REAL_DATA", ROOT.parent / "shared" / "data"))
# The real rows are no part of the project; where they are, they are used.
collect_ignore = [] if (REAL_DATA / "2019-Oct-head.csv").is_file() else ["test_real_rows.py"]

# Runs a DAG by its id with a configuration; gives what each task returned, by task id.
Run = Callable[[str, dict[str, Any]], dict[str, Any]]


def deploy(platform: Platform, stage: str, *words: str) -> dict[str, str]:
    """Deploys the stacks of a stage; gives the variables under which tasks reach them. words: more of the command."""
    environment = {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": platform.endpoint,
        "ECOMM_DEPLOYMENT": str(platform.var / f"{stage}.json"),
    }
    command = [sys.executable, "-m", "infra.deploy", "--yes", "--stage", stage]
    command += ["--outputs", environment["ECOMM_DEPLOYMENT"], *words]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True)
    return environment


@pytest.fixture(scope="session")
def deployed(platform: Platform) -> dict[str, str]:
    """The variables under which Airflow's tasks reach the platform and the stacks deployed on it."""
    return deploy(platform, "dev")


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow's metadata database, which `dag.test` writes to."""
    from airflow.sdk.execution_time import supervisor
    from airflow.utils.db import initdb

    initdb()
    # `dag.test` would build the API that it talks to anew for every task, which takes longer than the tasks.
    supervisor.in_process_api_server = cache(supervisor.in_process_api_server)


@pytest.fixture(scope="module")
def settings_of_deployed(deployed: dict[str, str]) -> Iterator[None]:
    """This process reaches the deployed stacks as Airflow's tasks do."""
    from ecomm import aws
    from ecomm.settings import settings

    with pytest.MonkeyPatch.context() as patch:
        for name, value in deployed.items():
            patch.setenv(name, value)
        settings.cache_clear()
        aws.client.cache_clear()
        yield
    settings.cache_clear()
    aws.client.cache_clear()


@pytest.fixture(scope="module")
def attempt(settings_of_deployed: None, airflow_database: None) -> Callable[[str, dict[str, Any]], Any]:
    """Runs a DAG by its id with a configuration, to whatever end; gives its task instances."""

    def run_dag(dag_id: str, conf: dict[str, Any]) -> Any:
        from airflow.dag_processing.dagbag import DagBag

        dag = DagBag(ROOT / "dags" / f"{dag_id}.py").dags[dag_id]
        with acting_as(AIRFLOW):
            return dag.test(run_conf=conf).get_task_instances()

    return run_dag


@pytest.fixture(scope="module")
def run(attempt: Callable[[str, dict[str, Any]], Any]) -> Run:
    """Runs a DAG that must succeed."""

    def run_dag(dag_id: str, conf: dict[str, Any]) -> dict[str, Any]:
        tasks = attempt(dag_id, conf)
        states = {task.task_id: str(task.state) for task in tasks}
        assert set(states.values()) == {"success"}, states
        return {task.task_id: task.xcom_pull(task_ids=task.task_id) for task in tasks}

    return run_dag


def read_table(sql: str) -> list[dict[str, str | None]]:
    """The rows of a query of the curated database."""
    from ecomm import athena

    return list(athena.rows(athena.run(sql).query_id))
