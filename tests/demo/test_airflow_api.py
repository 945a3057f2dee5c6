"""The client and the following of runs, against a real Airflow that serves three small DAGs of the test's own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from threading import Timer

import httpx
import pytest
from rich.console import Console

from demo import DemoError
from demo.airflow_api import Airflow
from demo.follow import follow
from demo.progress import Progress
from tests.conftest import ROOT, free_port

pytestmark = pytest.mark.airflow

UPLOAD = """
from datetime import timedelta
from airflow.sdk import Asset, Param, dag, task

@dag(schedule=None, params={"names": Param([], type="array"), "fail": False})
def small_upload():
    @task
    def plan(params=None):
        return params["names"]

    @task(retries=1, retry_delay=timedelta(seconds=5))
    def copy(name, ti=None):
        if name == "second try" and ti.try_number == 1:
            raise ValueError("Not this time.")
        return name

    @task(outlets=[Asset("small", uri="s3://small/data/")], retries=0)
    def summarize(names, params=None):
        if params["fail"]:
            raise ValueError("It was asked to fail.")
        return {"rows": 5}

    summarize(copy.expand(name=plan()))

small_upload()
"""
BATCH = """
import time
from pathlib import Path
from airflow.sdk import Asset, dag, task, task_group

@dag(schedule=[Asset("small", uri="s3://small/data/")], max_active_runs=1, params={"wait_for": ""})
def small_batch():
    @task_group
    def mart():
        @task
        def write(params=None):
            while params["wait_for"] and not Path(params["wait_for"]).exists():
                time.sleep(0.1)
        write()
    mart()

small_batch()
"""
BROKEN = "from airflow.sdk import dag\nimport nothing_of_that_name\n"


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dags")
    for name, text in {"small_upload": UPLOAD, "small_batch": BATCH, "broken": BROKEN}.items():
        (folder / f"{name}.py").write_text(text)
    return folder


@pytest.fixture(scope="module")
def airflow(dags: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    port = free_port()
    environment = {
        **os.environ,
        "AIRFLOW_PORT": str(port),
        "LOCAL_VAR": str(tmp_path_factory.mktemp("var")),
        "LOCAL_DAGS": str(dags),
        "LOCAL_PLUGINS": str(tmp_path_factory.mktemp("plugins")),
    }

    def local(command: str) -> None:
        words = [str(ROOT / ".venv/local/bin/python"), "-m", "local", command, "airflow"]
        done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        local("up")
        yield Airflow(f"http://127.0.0.1:{port}", dags)
    finally:
        local("down")


def run(airflow: Airflow, run_id: str, **conf: object) -> list[str]:
    """Runs small_upload to its end and gives the lines shown."""
    output = StringIO()
    airflow.wait_until_parsed(["small_upload", "small_batch"], timeout=180)
    for dag_id in ("small_batch", "small_upload"):
        airflow.unpause(dag_id)
    airflow.trigger("small_upload", run_id, conf)
    follow(airflow, "small_upload", run_id, Progress(Console(file=output, width=120)))
    return output.getvalue().splitlines()


def test_a_run_is_followed_to_the_run_that_its_asset_starts(airflow: Airflow) -> None:
    lines = run(airflow, "demo__2026-01-01T00:00:00", names=["a", "b"])
    shown = [line.split()[1:-2] for line in lines]
    assert shown[0] == ["plan"]
    assert sorted(shown[1:3]) == [["copy", "[0]"], ["copy", "[1]"]]
    assert shown[3:] == [["summarize"]]
    assert all(line.split()[0] == "✔" and line.endswith(" s") for line in lines)
    assert airflow.returned("small_upload", "demo__2026-01-01T00:00:00", "summarize") == {"rows": 5}

    earlier: list[str] = []
    batch_run = airflow.run_caused_by("small_upload", "demo__2026-01-01T00:00:00", "small_batch", 60, earlier.append)
    follow(airflow, "small_batch", batch_run, Progress(Console(file=StringIO())))
    assert [(task.label, task.state) for task in airflow.task_instances("small_batch", batch_run)] == [
        ("mart.write", "success")
    ]
    assert airflow.returned("small_batch", batch_run, "mart.write") is None


def test_a_run_that_waits_for_an_earlier_one_is_waited_for(airflow: Airflow, tmp_path: Path) -> None:
    airflow.unpause("small_batch")
    airflow.trigger("small_batch", "by_hand", {"wait_for": str(tmp_path / "go")})
    run(airflow, "behind", names=["a"])
    earlier: list[str] = []
    # The earlier run goes on for longer than the scheduler is given to start the next.
    timer = Timer(35, (tmp_path / "go").touch)
    timer.start()
    batch_run = airflow.run_caused_by("small_upload", "behind", "small_batch", 30, earlier.append)
    # A busy machine may still be at the run of the test before too.
    assert "by_hand" in earlier
    assert not timer.is_alive()
    assert batch_run != "by_hand"
    # Another run, later than the one that the asset has started, is not mistaken for it.
    airflow.trigger("small_batch", "later", {})
    follow(airflow, "small_batch", batch_run, Progress(Console(file=StringIO())))
    assert airflow.run_caused_by("small_upload", "behind", "small_batch", 60, earlier.append) == batch_run


def test_a_try_that_failed_says_why(airflow: Airflow) -> None:
    lines = run(airflow, "tries", names=["second try"])
    shown = [" ".join(line.split()[:-2]) for line in lines]
    assert shown[1] == "✘ copy [0]: failed at try 1, will be tried again"
    assert lines[2].strip() == "ValueError: Not this time."
    assert shown[3:] == ["✔ copy [0]", "✔ summarize"]


def test_a_failed_task_shows_its_error_the_end_of_its_log_and_the_command_for_the_rest(
    airflow: Airflow, dags: Path, tmp_path: Path
) -> None:
    with pytest.raises(DemoError) as error:
        run(airflow, "fails", names=["a"], fail=True)
    assert str(error.value).startswith("summarize of small_upload failed: ValueError: It was asked to fail.\n")
    end = str(error.value).partition("The end of its log:\n")[2]
    assert f'File "{dags}/small_upload.py", line' in end
    assert "site-packages" not in end

    command = str(error.value).split("All of it: ")[1].splitlines()[0]
    environment = {**os.environ, "AIRFLOW_PORT": airflow.url.rpartition(":")[2], "LOCAL_VAR": str(tmp_path)}

    def shell(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(line, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert shell(command).stdout.splitlines()[-1] == "ValueError: It was asked to fail."
    mistaken = shell(command.replace("summarize", "copy"))
    assert mistaken.returncode == 1
    assert "copy [0], plan, summarize" in mistaken.stderr
    assert "Traceback" not in mistaken.stderr

    with pytest.raises(DemoError, match="announced no new data"):
        airflow.run_caused_by("small_upload", "fails", "small_batch", 60, print)


def test_an_import_error_is_shown_with_its_traceback(airflow: Airflow, dags: Path) -> None:
    with pytest.raises(DemoError, match=r"(?s)cannot import.*broken\.py.*No module named 'nothing_of_that_name'"):
        airflow.wait_until_parsed(["broken"], timeout=180)


def test_a_changed_file_is_waited_for(airflow: Airflow, dags: Path) -> None:
    airflow.wait_until_parsed(["small_batch"], timeout=180)
    changed = time.time()
    (dags / "small_batch.py").write_text(BATCH.replace("write", "rewrite"))
    airflow.wait_until_parsed(["small_batch"], timeout=180)
    parsed = httpx.get(f"{airflow.url}/api/v2/dags/small_batch").json()["last_parsed_time"]
    assert parsed > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(changed))


def test_a_wait_that_is_too_long_ends_in_a_sentence(airflow: Airflow) -> None:
    with pytest.raises(DemoError, match="Airflow took more than 1 s to load the DAG not_there; `make logs`"):
        airflow.wait_until_parsed(["not_there"], timeout=1)


def test_a_refusal_is_told_in_airflow_s_words(airflow: Airflow) -> None:
    with pytest.raises(DemoError, match=r"refused POST /api/v2/dags/not_there/dagRuns with 404: .*not_there"):
        airflow.trigger("not_there", "run", {})
