"""A whole Airflow beside a platform with the stacks deployed; it serves the repository's DAGs, and those in dags/."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.airflow_api import Airflow
from tests.conftest import ROOT, Platform, free_port

OPERATOR = "operations@example.com"
PATIENCE_SECONDS = 240


@dataclass(frozen=True)
class Machine:
    """What `make up` and `make deploy` bring up.

    settings: the file of the deployment. airflow: a client, as the UI is one. environment: of a shell beside it.
    """

    platform: Platform
    settings: Path
    airflow: Airflow
    environment: dict[str, str]

    @property
    def airflow_logs(self) -> Path:
        return Path(self.environment["AIRFLOW_HOME"]) / "logs"

    def mails(self) -> list[Any]:
        folder = self.platform.var / "mail" / OPERATOR
        return [message_from_bytes(path.read_bytes(), policy=default) for path in sorted(folder.glob("*.eml"))]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Airflow's answer; `path` goes on after /api/v2."""
        answer = httpx.request(method, f"{self.airflow.url}/api/v2{path}", json=body, timeout=60, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        return dict(self.ask("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"))


def eventually[T](look: Callable[[], T], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """The first answer that is not empty; fails when that takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come in {seconds:g} s"
        time.sleep(0.2)
    return found


@pytest.fixture(scope="session")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dags")
    for path in [*(ROOT / "dags").glob("*.py"), *Path(__file__).parent.glob("dags/*.py")]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def machine(platform: Platform, dags: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    settings = platform.var / "deploy.json"
    port = free_port()
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": platform.endpoint,
        "LOCAL_AWS_PORT": platform.endpoint.rpartition(":")[2],
        "AIRFLOW_PORT": str(port),
        "LOCAL_VAR": str(tmp_path_factory.mktemp("airflow")),
        "LOCAL_DAGS": str(dags),
        "ECOMM_DEPLOYMENT": str(settings),
        "ECOMM_CONSOLE": f"{platform.endpoint}/_local/console",
    }
    deploy = [sys.executable, "-m", "infra.deploy", "--yes", "--outputs", str(settings)]
    deploy += ["--parameter", f"streaming.OperatorEmail={OPERATOR}"]
    local = [str(ROOT / ".venv/local/bin/python"), "-m", "local"]
    try:
        deploying = subprocess.Popen(deploy, cwd=ROOT, env=environment)
        subprocess.run([*local, "up", "airflow"], cwd=ROOT, env=environment, check=True)
        assert deploying.wait() == 0
        environment["AIRFLOW_HOME"] = f"{environment['LOCAL_VAR']}/airflow"
        airflow = Airflow(f"http://127.0.0.1:{port}", dags)
        airflow.wait_until_parsed([path.stem for path in dags.glob("*.py")], timeout=PATIENCE_SECONDS)
        yield Machine(platform, settings, airflow, environment)
    finally:
        subprocess.run([*local, "down", "airflow"], cwd=ROOT, env=environment, check=True)
