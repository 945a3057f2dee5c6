"""Services that do not answer or die while the demo waits for them: real ones, stopped and killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import boto3
import psutil
import pytest
from botocore.config import Config as BotoConfig
from rich.console import Console

from demo import DemoError, resume
from demo.airflow_api import Airflow
from demo.follow import follow
from demo.progress import Progress
from demo.watch import Watch
from local.config import Config
from local.processes import Service
from local.services import services
from tests.conftest import ROOT, free_port
from tests.waiting import wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.platform]

WAITING = """
import time
from pathlib import Path
from airflow.sdk import dag, task

@dag(schedule=None, params={"go": ""})
def small_wait():
    @task
    def wait(params=None):
        while not Path(params["go"]).exists():
            time.sleep(0.1)
    wait()

small_wait()
"""
UPLOAD = """
import time
from pathlib import Path
from airflow.sdk import Asset, dag, task

@dag(schedule=None, max_active_runs=1, params={"go": ""})
def small_upload():
    @task(outlets=[Asset("watched", uri="s3://watched/data/")], retries=3, retry_delay=1)
    def copy(params=None):
        while not Path(params["go"]).exists():
            time.sleep(0.1)
    copy()

small_upload()
"""
BATCH = """
import time
from pathlib import Path
from airflow.sdk import Asset, dag, task

@dag(schedule=[Asset("watched", uri="s3://watched/data/")], max_active_runs=1)
def small_batch():
    @task
    def compute():
        while not Path({go!r}).exists():
            time.sleep(0.1)
    compute()

small_batch()
"""


@dataclass
class Instance:
    """Platform and Airflow in a folder of their own, and what the watch has noted."""

    config: Config
    environment: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def local(self, *words: str) -> None:
        command = [str(ROOT / ".venv/local/bin/python"), "-m", "local", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def service(self, name: str) -> Service:
        return next(service for service in services(self.config) if service.name == name)

    def first(self, name: str) -> psutil.Process:
        process = self.service(name).process()
        assert process
        return process

    @property
    def watch(self) -> Watch:
        self.notes = []
        return Watch(self.config, self.notes.append)

    @property
    def airflow(self) -> Airflow:
        return Airflow(self.config.airflow_endpoint, self.config.dags, self.watch)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    folder = tmp_path_factory.mktemp("watched")
    for name in ("dags", "plugins"):
        (folder / name).mkdir()
    (folder / "dags/small_wait.py").write_text(WAITING)
    (folder / "dags/small_upload.py").write_text(UPLOAD)
    (folder / "dags/small_batch.py").write_text(BATCH.format(go=str(folder / "batch")))
    ports = {name: str(free_port()) for name in ("LOCAL_AWS_PORT", "AIRFLOW_PORT", "FLINK_PORT")}
    settings = {
        **ports,
        "LOCAL_VAR": str(folder / "var"),
        "LOCAL_DAGS": str(folder / "dags"),
        "LOCAL_PLUGINS": str(folder / "plugins"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        config = Config.from_environment()
    started = Instance(config, {**os.environ, **settings})
    try:
        started.local("up")
        yield started
    finally:
        started.local("down")


def quiet() -> Progress:
    return Progress(Console(file=StringIO()))


def of_process(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def test_an_airflow_that_does_not_answer_is_waited_for_and_said_once(instance: Instance, tmp_path: Path) -> None:
    airflow = instance.airflow
    airflow.wait_until_parsed(["small_wait"], timeout=300)
    airflow.trigger("small_wait", "slow", {"go": str(tmp_path / "go")})
    stopped = of_process(instance.first("airflow"))
    with ThreadPoolExecutor(1) as pool:
        try:
            for process in stopped:
                process.suspend()
            following = pool.submit(follow, airflow, "small_wait", "slow", quiet())
            wait_until(lambda: instance.notes, "nothing was said of an Airflow that does not answer")
            assert not following.done()
        finally:
            for process in stopped:
                process.resume()
        (tmp_path / "go").touch()
        following.result(timeout=300)
    waited, answered = instance.notes
    assert waited.startswith("airflow does not answer (timed out); waiting, since process ")
    assert str(instance.service("airflow").log) in waited
    assert answered.startswith("airflow answers again after ")


def test_a_killed_airflow_is_named_and_its_run_goes_on_after_the_next_start(instance: Instance, tmp_path: Path) -> None:
    airflow, conf = instance.airflow, {"go": str(tmp_path / "go")}
    airflow.wait_until_parsed(["small_upload", "small_batch"], timeout=300)
    airflow.trigger("small_upload", "killed", conf)
    wait_until(lambda: any(task.state == "running" for task in airflow.task_instances("small_upload", "killed")))
    first = instance.first("airflow")
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(follow, airflow, "small_upload", "killed", quiet())
        first.send_signal(signal.SIGKILL)
        with pytest.raises(DemoError) as error:
            following.result(timeout=300)
    assert f"airflow (process {first.pid}) died at " in str(error.value)
    assert "it was killed (SIGKILL)" in str(error.value)
    assert f"All of it is in {instance.service('airflow').log}." in str(error.value)
    assert "run the same command again" in str(error.value)

    instance.local("up")
    airflow = instance.airflow
    run = resume.upload_at_work(airflow, "small_upload", conf, [])
    assert run and run.run_id == "killed"
    assert resume.upload_at_work(airflow, "small_upload", {"go": "another"}, []) is None
    assert resume.batch_at_work(airflow, "small_upload", "small_batch", conf, []) is None
    (tmp_path / "go").touch()
    follow(airflow, "small_upload", "killed", quiet())

    caused = airflow.run_caused_by("small_upload", "killed", "small_batch", 300, lambda _: None)
    at_work = ("killed", caused)
    wait_until(lambda: resume.batch_at_work(airflow, "small_upload", "small_batch", conf, []) == at_work)
    changed = tmp_path / "changed.csv"
    changed.touch()
    assert resume.batch_at_work(airflow, "small_upload", "small_batch", conf, [str(changed)]) is None
    assert resume.batch_at_work(airflow, "small_upload", "small_batch", {"go": "another"}, []) is None
    (instance.config.dags.parent / "batch").touch()
    follow(airflow, "small_batch", caused, quiet())
    assert resume.batch_at_work(airflow, "small_upload", "small_batch", conf, []) is None


def test_a_call_of_boto3_waits_for_the_platform_and_ends_when_it_dies(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    watch = instance.watch
    watch.wait_in_boto3()
    quick = BotoConfig(read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
    s3 = boto3.client("s3", endpoint_url=instance.config.endpoint, config=quick)
    s3.create_bucket(Bucket="seen")
    first = instance.first("platform")
    with ThreadPoolExecutor(1) as pool:
        first.suspend()
        try:
            listing = pool.submit(s3.list_buckets)
            wait_until(lambda: instance.notes, "nothing was said of a platform that does not answer")
        finally:
            first.resume()
        assert [bucket["Name"] for bucket in listing.result(timeout=120)["Buckets"]] == ["seen"]
        assert [note.partition(" after ")[0][:24] for note in instance.notes] == [
            "platform does not answer",
            "platform answers again",
        ]
        first.send_signal(signal.SIGKILL)
        psutil.wait_procs([first], timeout=60)
        with pytest.raises(DemoError, match=rf"(?s)platform \(process {first.pid}\) died .* killed \(SIGKILL\)"):
            s3.list_buckets()
    with pytest.raises(DemoError, match="platform"):
        instance.airflow.runs("small_upload", "success")
