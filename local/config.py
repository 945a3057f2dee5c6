"""Where the local platform listens and keeps its things: read once from the environment, passed to whoever needs it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from local.whole_file import write_whole

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
ACCOUNT_ID = "000000000000"


@dataclass(frozen=True)
class Config:
    """Settings of one instance of the platform.

    port: of the AWS API (LOCAL_AWS_PORT).
    airflow_port: of Airflow's UI and API (AIRFLOW_PORT).
    flink_port: of Flink's web UI and REST API, once an application was started (FLINK_PORT).
    var: the folder that holds all state and logs (LOCAL_VAR).
    region: the only region served (AWS_DEFAULT_REGION).
    environments: the folder with one environment a runtime (LOCAL_ENVIRONMENTS).
    kinesis_limits: whether Kinesis's shards refuse what exceeds their throughput (LOCAL_KINESIS_LIMITS=1).
    record_calls: whether it is written down which rights calls need, and whose (LOCAL_RECORD_CALLS=1).
    dags, plugins: the folders that Airflow serves (LOCAL_DAGS, LOCAL_PLUGINS).
    """

    port: int
    airflow_port: int
    var: Path
    region: str
    environments: Path
    flink_port: int = 8081
    kinesis_limits: bool = False
    record_calls: bool = False
    dags: Path = ROOT / "dags"
    plugins: Path = ROOT / "plugins"

    @classmethod
    def from_environment(cls) -> Config:
        return cls(
            port=_port("LOCAL_AWS_PORT", 4566),
            airflow_port=_port("AIRFLOW_PORT", 8080),
            flink_port=_port("FLINK_PORT", 8081),
            var=_folder("LOCAL_VAR", "var"),
            region=os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
            environments=_folder("LOCAL_ENVIRONMENTS", ".venv"),
            kinesis_limits=os.environ.get("LOCAL_KINESIS_LIMITS") == "1",
            record_calls=os.environ.get("LOCAL_RECORD_CALLS") == "1",
            dags=_folder("LOCAL_DAGS", "dags"),
            plugins=_folder("LOCAL_PLUGINS", "plugins"),
        )

    @property
    def ports(self) -> dict[str, int]:
        """By the variable that sets each."""
        return {"LOCAL_AWS_PORT": self.port, "AIRFLOW_PORT": self.airflow_port, "FLINK_PORT": self.flink_port}

    def note_ports(self) -> None:
        """For the commands that come later, perhaps from a shell that has other ports or none."""
        self.run.mkdir(parents=True, exist_ok=True)
        write_whole(self._noted_ports, json.dumps(self.ports))

    def as_started(self) -> Config:
        """The same with the ports that were noted last in this folder, whatever the environment says by now."""
        try:
            noted = json.loads(self._noted_ports.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return self
        return replace(
            self, port=noted["LOCAL_AWS_PORT"], airflow_port=noted["AIRFLOW_PORT"], flink_port=noted["FLINK_PORT"]
        )

    @property
    def _noted_ports(self) -> Path:
        return self.run / "ports.json"

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def objects(self) -> Path:
        """The folder of all S3 objects: <account>/<bucket>/<key>."""
        return self.var / "aws" / "s3"

    @property
    def uploads(self) -> Path:
        """Where bodies wait that are not an object yet; on the file system of the objects, emptied at each start."""
        return self.var / "aws" / "uploads"

    @property
    def state(self) -> Path:
        return self.var / "aws" / "state"

    @property
    def airflow_endpoint(self) -> str:
        return f"http://{HOST}:{self.airflow_port}"

    @property
    def flink_endpoint(self) -> str:
        return f"http://{HOST}:{self.flink_port}"

    @property
    def airflow_home(self) -> Path:
        return self.var / "airflow"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def mail(self) -> Path:
        """The folder of all mails that were delivered: <address>/<time>-<message>.eml."""
        return self.var / "mail"

    @property
    def calls(self) -> Path:
        """The record of calls."""
        return self.var / "calls.jsonl"

    @property
    def run(self) -> Path:
        return self.var / "run"


def _folder(name: str, default: str) -> Path:
    return Path(os.environ.get(name) or ROOT / default).resolve()


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SystemExit(f"{name}={text!r} is not a port; give a number from 1 to 65535.")
    return int(text)
