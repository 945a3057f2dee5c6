"""The commands up, down, status and logs, run as a person runs them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from local.processes import MARK
from tests.conftest import ROOT, free_port

pytestmark = [pytest.mark.airflow, pytest.mark.platform]

WAIT_SECONDS = 120


class Instance:
    """An instance of the platform with ports and a folder of its own."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.port = free_port()
        self.settings = {
            "LOCAL_VAR": str(var),
            "LOCAL_AWS_PORT": str(self.port),
            "AIRFLOW_PORT": str(free_port()),
            "FLINK_PORT": str(free_port()),
            "LOCAL_DAGS": str(var.parent / "dags"),
            "LOCAL_PLUGINS": str(var.parent / "plugins"),
        }

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "local", *words],
            cwd=ROOT,
            env={**os.environ, **self.settings, **settings},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def up(self, *words: str) -> str:
        done = self.run("up", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def process(self, service: str) -> psutil.Process:
        return psutil.Process(json.loads((self.var / "run" / f"{service}.json").read_text())["pid"])

    def processes(self) -> list[psutil.Process]:
        """All that an `up` of this instance has brought into the world and that still lives."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK, "").startswith(str(self.var)):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def listeners(self) -> set[tuple[str, int]]:
        addresses = set()
        for process in self.processes():
            try:
                connections = process.net_connections(kind="inet")
            except psutil.NoSuchProcess:  # Airflow's workers come and go.
                continue
            for connection in connections:
                if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM:
                    addresses.add((connection.laddr.ip, connection.laddr.port))
        return addresses

    @property
    def s3(self) -> Any:
        return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    one = Instance(tmp_path / "var")
    yield one
    one.run("down")
    assert one.processes() == []


def test_up_status_and_down(instance: Instance) -> None:
    assert instance.run("status", "platform").returncode == 1
    said = instance.up("platform")
    assert "platform is ready after" in said
    assert f"http://127.0.0.1:{instance.port}" in said
    status = instance.run("status", "platform")
    assert status.returncode == 0
    heading, row = status.stdout.splitlines()
    assert heading.split() == ["SERVICE", "STATE", "PID", "UP", "URL", "LOG"]
    assert row.split()[:3] == ["platform", "running", str(instance.process("platform").pid)]
    assert instance.listeners() == {("127.0.0.1", instance.port)}

    instance.s3.create_bucket(Bucket="kept")
    again = instance.up("platform")
    pid = instance.process("platform").pid
    assert again == f"platform is already up: http://127.0.0.1:{instance.port} (process {pid})\n"

    down = instance.run("down")
    assert (down.returncode, "platform stopped" in down.stdout) == (0, True)
    assert instance.processes() == []
    assert "platform was not running" in instance.run("down").stdout
    assert instance.run("status", "platform").stdout.splitlines()[1].split()[1] == "stopped"

    instance.up("platform")
    assert [bucket["Name"] for bucket in instance.s3.list_buckets()["Buckets"]] == ["kept"]


def test_the_line_of_progress_stays_within_the_terminal(instance: Instance) -> None:
    columns = 24
    leader, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, columns))
    command = [sys.executable, "-m", "local", "up", "platform"]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(command, cwd=ROOT, env={**environment, **instance.settings}, stdout=terminal) as up:
        assert up.wait(WAIT_SECONDS) == 0
    shown = os.read(leader, 65536).decode().replace("\r\n", "\n")
    progress = [line for line in shown.split("\r\x1b[K") if " s  platform:" in line]
    assert progress
    assert all(len(line) < columns for line in progress), progress


def test_after_a_kill_up_starts_again_and_ends_what_was_left(instance: Instance) -> None:
    instance.up("platform")
    instance.s3.create_bucket(Bucket="kept")
    instance.s3.put_object(Bucket="kept", Key="k", Body=b"1")
    first = instance.process("platform")
    # As Spark is left when the platform dies: with the platform's environment, in a group of its own.
    orphan = subprocess.Popen(["sleep", "600"], env=first.environ(), start_new_session=True)
    first.send_signal(signal.SIGKILL)
    psutil.wait_procs([first], timeout=60)
    _, row, reason = instance.run("status", "platform").stdout.splitlines()
    assert row.split()[1] == "died"
    assert reason.startswith(f"platform (process {first.pid}) died at ")
    assert "it was killed (SIGKILL)" in reason
    assert f"{reason} It is started again.\n" in instance.up("platform")
    assert orphan.wait(timeout=60) == -signal.SIGTERM
    assert instance.process("platform").pid != first.pid
    assert instance.s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"1"


@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGABRT, "it got SIGABRT."), (signal.SIGTERM, "it ended by itself with status 0.")],
    ids=["signal", "by itself"],
)
def test_a_service_that_ended_by_itself_or_by_a_signal_says_so(
    instance: Instance, number: signal.Signals, words: str
) -> None:
    instance.up("platform")
    process = instance.process("platform")
    process.send_signal(number)
    psutil.wait_procs([process], timeout=WAIT_SECONDS)
    assert words in instance.run("status", "platform").stdout


def test_after_a_restart_of_the_machine_the_note_of_a_process_says_so(instance: Instance) -> None:
    """Its number may belong to another process by then, which is left alone."""
    (instance.var / "run").mkdir(parents=True)
    record = {"pid": os.getpid(), "created": psutil.boot_time() - 3600}
    (instance.var / "run" / "platform.json").write_text(json.dumps(record))
    reason = instance.run("status", "platform").stdout.splitlines()[2]
    assert reason == f"platform (process {os.getpid()}) ended when this machine was restarted."
    assert "is ready after" in instance.up("platform")


def test_a_full_disk_is_named_as_the_reason(instance: Instance) -> None:
    instance.up("platform")
    process = instance.process("platform")
    with (instance.var / "log/platform.log").open("a") as log:
        log.write("OSError: [Errno 28] No space left on device\n")
    process.send_signal(signal.SIGABRT)
    psutil.wait_procs([process], timeout=WAIT_SECONDS)
    assert "is full" in instance.run("status", "platform").stdout


def test_down_ends_what_does_not_want_to_end(instance: Instance) -> None:
    instance.up("platform")
    environment = instance.process("platform").environ()
    stubborn = subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], env=environment)
    other = subprocess.Popen(["sleep", "600"], env={**environment, MARK: "somebody else's"})
    try:
        down = instance.run("down", "platform")
        assert down.returncode == 0
        assert stubborn.wait(timeout=5) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_what_has_ended_but_has_nobody_to_ask_for_its_status_is_not_waited_for(instance: Instance) -> None:
    instance.up("platform")
    environment = instance.process("platform").environ()
    # A child of this process, which does not ask: as in a container whose first process is no init.
    zombie = subprocess.Popen(["sleep", "600"], env=environment)
    begun = time.monotonic()
    assert instance.run("down", "platform").returncode == 0
    # Waited for, it would have five seconds to end, and five more when it is killed.
    assert time.monotonic() - begun < 10
    assert zombie.wait(timeout=5) == -signal.SIGTERM


def test_a_number_that_another_process_has_by_now_is_left_alone(instance: Instance) -> None:
    (instance.var / "run").mkdir(parents=True)
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        created = psutil.Process(stranger.pid).create_time()
        record = {"pid": stranger.pid, "created": created}
        (instance.var / "run" / "platform.json").write_text(json.dumps(record))
        assert "died" in instance.run("status", "platform").stdout
        instance.run("down", "platform")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_taken_port_is_named_with_its_holder_and_its_setting(instance: Instance) -> None:
    with socket.create_server(("127.0.0.1", instance.port)):
        refused = instance.run("up", "platform")
    assert refused.returncode == 1
    assert (
        f"Port {instance.port} of 127.0.0.1, which platform listens on, is taken by process {os.getpid()}"
        in refused.stderr
    )
    assert f"LOCAL_AWS_PORT={instance.port + 1}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert instance.processes() == []


def test_the_holder_of_a_port_is_named_by_its_folder_where_it_is_another_instance(instance: Instance) -> None:
    instance.up("platform")
    other = instance.var.parent / "other"
    refused = instance.run("up", "platform", LOCAL_VAR=str(other))
    holder = f"process {instance.process('platform').pid} (platform of {instance.var})"
    assert f"Port {instance.port} of 127.0.0.1, which platform listens on, is taken by {holder}. " in refused.stderr


def test_all_ports_are_looked_at_before_anything_starts(instance: Instance) -> None:
    airflow, flink = (int(instance.settings[name]) for name in ("AIRFLOW_PORT", "FLINK_PORT"))
    with socket.create_server(("127.0.0.1", airflow)), socket.create_server(("127.0.0.1", flink)):
        refused = instance.run("up")
    assert refused.returncode == 1
    assert f"Port {airflow} of 127.0.0.1, which airflow listens on, is taken" in refused.stderr
    assert f"Port {flink} of 127.0.0.1, which platform listens on, is taken" in refused.stderr
    assert (refused.stdout, instance.processes()) == ("", [])


def test_ports_that_are_proposed_are_free_and_none_twice(instance: Instance) -> None:
    port = instance.port
    others = {"FLINK_PORT": str(port + 1), "AIRFLOW_PORT": str(port + 2)}
    taken = [socket.create_server(("127.0.0.1", one)) for one in (port, port + 1, port + 3)]
    refused = instance.run("up", **others)
    for listener in taken:
        listener.close()
    assert f"LOCAL_AWS_PORT={port + 4}." in refused.stderr
    assert f"FLINK_PORT={port + 5}." in refused.stderr


def test_status_tells_the_ports_of_what_runs_whatever_the_shell_has(instance: Instance) -> None:
    instance.up("platform")
    status = instance.run("status", "platform", LOCAL_AWS_PORT=str(free_port()))
    assert f"http://127.0.0.1:{instance.port} " in status.stdout
    assert status.returncode == 0


def test_what_runs_is_known_although_the_clock_was_set(instance: Instance) -> None:
    instance.up("platform")
    record = instance.var / "run" / "platform.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"created": time.time() - 7200}))
    assert "platform  running" in instance.run("status", "platform").stdout
    assert "platform is already up" in instance.up("platform")


@pytest.mark.parametrize("setting", ["LOCAL_AWS_PORT", "FLINK_PORT"])
def test_a_second_instance_on_the_same_folder_is_refused(instance: Instance, setting: str) -> None:
    instance.up("platform")
    port = str(free_port())
    refused = instance.run("up", "platform", **{setting: port})
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert f"{instance.var} is in use" in refused.stderr
    assert f"{setting}={instance.settings[setting]} (not {port})" in refused.stderr


def test_a_second_platform_on_the_same_folder_does_not_start(instance: Instance) -> None:
    instance.up("platform")
    port = str(free_port())
    server = subprocess.run(
        [sys.executable, "-m", "local.server"],
        cwd=ROOT,
        env={**os.environ, **instance.settings, "LOCAL_AWS_PORT": port},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (server.returncode, "Traceback" in server.stderr) == (1, False)
    assert f"Another platform already uses {instance.var} (process {instance.process('platform').pid}" in server.stderr
    assert "LOCAL_VAR" in server.stderr


def test_a_service_that_ends_while_it_starts_shows_the_end_of_its_log(instance: Instance, tmp_path: Path) -> None:
    python = tmp_path / "environments/airflow/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho 'the disk is full of cheese'\nexit 3\n")
    python.chmod(0o755)
    failed = instance.run("up", "airflow", LOCAL_ENVIRONMENTS=str(tmp_path / "environments"))
    assert failed.returncode == 1
    assert "airflow ended while it started" in failed.stderr
    assert "the disk is full of cheese" in failed.stderr
    assert str(instance.var / "log/airflow.log") in failed.stderr


def test_a_runtime_that_is_not_installed_is_named(instance: Instance, tmp_path: Path) -> None:
    failed = instance.run("up", "airflow", LOCAL_ENVIRONMENTS=str(tmp_path / "nothing"))
    assert (failed.returncode, "Traceback" in failed.stderr) == (1, False)
    assert "make setup" in failed.stderr


def test_logs_show_the_end_and_go_on(instance: Instance) -> None:
    instance.up("platform")
    shown = instance.run("logs", "platform", "-n", "5").stdout.splitlines()
    assert shown[0].endswith("platform.log <==")
    assert 2 <= len(shown) <= 8
    following = subprocess.Popen(
        [sys.executable, "-m", "local", "logs", "platform", "--follow", "-n", "0"],
        cwd=ROOT,
        env={**os.environ, **instance.settings},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert following.stdout
    try:
        assert following.stdout.readline().endswith("platform.log <==\n")
        with (instance.var / "log/platform.log").open("a") as log:
            log.write("something new\n")
        assert any("platform | something new" in line for line in following.stdout)
    finally:
        following.send_signal(signal.SIGINT)
        assert following.wait(timeout=60) == 130


def test_a_reader_of_the_logs_that_has_enough_is_no_error(instance: Instance) -> None:
    log = instance.var / "log/platform.log"
    log.parent.mkdir(parents=True)
    log.write_text("a line of the log\n" * 100_000)
    reading = subprocess.Popen(
        [sys.executable, "-m", "local", "logs", "platform", "-n", "100000"],
        cwd=ROOT,
        env={**os.environ, **instance.settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert reading.stdout and reading.stderr
    reading.stdout.readline()
    reading.stdout.close()
    assert reading.stderr.read() == b""
    reading.wait(WAIT_SECONDS)


def test_an_unknown_service_and_a_bad_port_are_sentences(instance: Instance) -> None:
    unknown = instance.run("up", "database")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (1, 1)
    assert "no service database" in unknown.stderr
    bad = instance.run("status", LOCAL_AWS_PORT="eighty")
    assert (bad.returncode, bad.stderr.count("\n")) == (1, 1)
    assert "LOCAL_AWS_PORT='eighty' is not a port" in bad.stderr


@pytest.mark.parametrize("command", [[], ["up"], ["down"], ["status"], ["logs"]])
def test_every_command_has_help(instance: Instance, command: list[str]) -> None:
    shown = instance.run(*command, "--help")
    assert (shown.returncode, "LOCAL_AWS_PORT" in shown.stdout) == (0, True)


# ---- Airflow ------------------------------------------------------------------------------------------------------

DAG = """
import os
from airflow.sdk import dag, task

@dag(schedule=None)
def greet():
    @task
    def say():
        import boto3
        print("hello from", os.environ["AWS_ENDPOINT_URL"])
        return [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
    say()

greet()
"""


def airflow(instance: Instance, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{instance.settings['AIRFLOW_PORT']}/api/v2/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def wait_for(what: str, look: Any) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"Waited {WAIT_SECONDS} s for {what}.")


def test_airflow_runs_a_dag_against_the_platform_and_listens_on_this_machine_only(instance: Instance) -> None:
    for name in ("dags", "plugins"):
        (instance.var.parent / name).mkdir()
    (instance.var.parent / "dags/greet.py").write_text(DAG)
    said = instance.up()
    assert said.index("platform is ready") < said.index("airflow is ready")
    instance.s3.create_bucket(Bucket="seen-by-airflow")
    wait_for("the DAG", lambda: airflow(instance, "dags/greet")["is_paused"] is False)
    run = airflow(instance, "dags/greet/dagRuns", {"logical_date": None})["dag_run_id"]
    path = f"dags/greet/dagRuns/{run}"
    wait_for("the run", lambda: airflow(instance, path)["state"] == "success")
    returned = airflow(instance, f"{path}/taskInstances/say/xcomEntries/return_value")["value"]
    assert "seen-by-airflow" in returned
    log = json.dumps(airflow(instance, f"{path}/taskInstances/say/logs/1"))
    assert f"hello from http://127.0.0.1:{instance.port}" in log

    expected = {("127.0.0.1", instance.port), ("127.0.0.1", int(instance.settings["AIRFLOW_PORT"]))}
    assert instance.listeners() == expected
    assert instance.run("status").returncode == 0
    assert len(instance.processes()) > 5

    first = instance.process("airflow")
    opened = {child: {file.path for file in child.open_files()} for child in first.children()}
    (scheduler,) = [
        child for child, files in opened.items() if str(instance.var / "log/airflow-scheduler.log") in files
    ]
    scheduler.kill()
    psutil.wait_procs([first], timeout=WAIT_SECONDS)
    assert "airflow   died" in instance.run("status").stdout
    assert "scheduler ended with status -9" in (instance.var / "log/airflow.log").read_text()

    begun = time.monotonic()
    assert instance.run("down").returncode == 0
    assert time.monotonic() - begun < 30
    assert instance.processes() == []
