"""Glue jobs: what the script gets, how a run ends, and that nothing of it is left."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from local import objects
from local.clients import factory
from local.config import Config
from local.glue_job import JobEngine
from local.glue_job.arguments import JobError, resolve
from local.glue_job.command import prepare
from local.sessions import end_orphans
from tests.conftest import ROOT, Platform, free_port, start_platform, stop_platform

ROLE = "arn:aws:iam::000000000000:role/job"
ENDED = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR")
SLEEP = "import time\nprint('started', flush=True)\ntime.sleep(600)\n"

# Ends once its folder holds a file named `go`, so that the test can look at it while it runs.
CONVERT = """
import os, sys, time
from awsglue.utils import getResolvedOptions
from pyspark.sql import SparkSession
import helper

args = getResolvedOptions(sys.argv, ["JOB_NAME", "SOURCE", "TARGET", "LIMIT"])
spark = SparkSession.builder.getOrCreate()
rows = spark.read.csv(args["SOURCE"], header=True, schema="id bigint, price decimal(10,2)")
rows.limit(int(args["LIMIT"])).write.mode("overwrite").parquet(args["TARGET"])
print("cores", spark.sparkContext.defaultParallelism, spark.conf.get("spark.sql.ansi.enabled"))
print(args["JOB_NAME"], args["JOB_RUN_ID"], helper.WORD, flush=True)
while not os.path.exists("go"):
    time.sleep(0.1)
"""


class Jobs:
    """Jobs of one bucket on one platform."""

    def __init__(self, platform: Platform, bucket: str) -> None:
        self.s3 = boto3.client("s3", endpoint_url=platform.endpoint)
        self.glue = boto3.client("glue", endpoint_url=platform.endpoint)
        self.logs = boto3.client("logs", endpoint_url=platform.endpoint)
        self.platform = platform
        self.bucket = bucket

    def create(self, name: str, script: str, kind: str = "pythonshell", **settings: Any) -> str:
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_object(Bucket=self.bucket, Key=f"scripts/{name}.py", Body=script)
        location = f"s3://{self.bucket}/scripts/{name}.py"
        self.glue.create_job(Name=name, Role=ROLE, Command={"Name": kind, "ScriptLocation": location}, **settings)
        return name

    def start(self, name: str, **request: Any) -> str:
        return str(self.glue.start_job_run(JobName=name, **request)["JobRunId"])

    def run(self, name: str, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
        return found

    def wait(self, name: str, run_id: str, states: tuple[str, ...] = ENDED) -> dict[str, Any]:
        return poll(lambda: run if (run := self.run(name, run_id))["JobRunState"] in states else None, 180)

    def lines(self, run: dict[str, Any], stream: str) -> list[str]:
        try:
            group = f"{run['LogGroupName']}/{stream}"
            events = self.logs.get_log_events(logGroupName=group, logStreamName=run["Id"], startFromHead=True)["events"]
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]

    def wait_for_line(self, name: str, run_id: str, line: str) -> None:
        poll(lambda: any(line in found for found in self.lines(self.run(name, run_id), "output")) or None, 120)

    def processes(self, run_id: str) -> list[psutil.Process]:
        """What the run's session holds, by the run's id among the arguments of its first processes."""
        found = []
        for process in psutil.process_iter():
            try:
                if run_id in " ".join(process.cmdline()) or run_id in process.cwd():
                    found.append(process)
            except psutil.Error:
                continue
        return found


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that run; where no init takes dead orphans away, they stay as zombies."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def poll[Found](look: Callable[[], Found | None], seconds: float) -> Found:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError("What was waited for did not happen.")


@pytest.fixture
def jobs(platform: Platform) -> Jobs:
    return Jobs(platform, "glue-job-tests")


def test_a_spark_script_reads_and_writes_s3_with_its_arguments(jobs: Jobs) -> None:
    defaults = {
        "--SOURCE": f"s3://{jobs.bucket}/in/",
        "--LIMIT": "5",
        "--extra-py-files": f"s3://{jobs.bucket}/scripts/helper.py",
        "--conf": "spark.sql.ansi.enabled=false --conf spark.driver.host=0.0.0.0",
        "--custom-logGroup-prefix": "/aws-glue/jobs/convert",
        "--enable-metrics": "true",
    }
    jobs.create("convert", CONVERT, "glueetl", NumberOfWorkers=2, WorkerType="G.1X", DefaultArguments=defaults)
    jobs.s3.put_object(Bucket=jobs.bucket, Key="scripts/helper.py", Body="WORD = 'brought along'\n")
    jobs.s3.put_object(Bucket=jobs.bucket, Key="in/p=1/rows.csv", Body="id,price\n1,2.50\n2,3.00\n3,4.25\n")

    target = f"s3://{jobs.bucket}/out/"
    run_id = jobs.start("convert", Arguments={"--TARGET": target, "--LIMIT": "2"})
    jobs.wait_for_line("convert", run_id, "brought along")
    listeners = {
        connection.laddr.ip.removeprefix("::ffff:")
        for process in jobs.processes(run_id)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listeners == {"127.0.0.1"}, "whatever a job's --conf asks for"
    folder = jobs.platform.var / "aws" / "glue" / "runs" / run_id
    (folder / "go").touch()
    run = jobs.wait("convert", run_id)

    assert (run["JobRunState"], run["ErrorMessage"]) == ("SUCCEEDED", "")
    assert run["Arguments"] == {"--TARGET": target, "--LIMIT": "2"}
    assert run["LogGroupName"] == "/aws-glue/jobs/convert"
    assert run["DPUSeconds"] == 2 * run["ExecutionTime"] > 0
    assert run["StartedOn"] < run["CompletedOn"] == run["LastModifiedOn"]
    output = jobs.lines(run, "output")
    assert any(line.startswith("cores ") and line.endswith(" false") for line in output)
    assert f"convert {run_id} brought along" in output
    keys = [found["Key"] for found in jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix="out/")["Contents"]]
    assert "out/_SUCCESS" in keys
    assert any(key.endswith(".parquet") for key in keys)
    log = jobs.platform.var / "log" / "glue" / "convert" / f"{run_id}.log"
    assert set(output) <= set(log.read_text().splitlines())
    assert not folder.exists(), "a run's folder is taken away"


def test_a_stopped_spark_run_leaves_no_process(jobs: Jobs) -> None:
    jobs.create("stopped", SLEEP, "glueetl")
    run_id = jobs.start("stopped")
    jobs.wait_for_line("stopped", run_id, "started")
    processes = jobs.processes(run_id)
    assert "java" in {process.name() for process in processes}
    answer = jobs.glue.batch_stop_job_run(JobName="stopped", JobRunIds=[run_id, "jr_unknown"])
    assert answer["SuccessfulSubmissions"] == [{"JobName": "stopped", "JobRunId": run_id}]
    assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    assert jobs.wait("stopped", run_id)["JobRunState"] == "STOPPED"
    assert alive(processes) == []


def test_a_spark_script_that_fails_says_why(jobs: Jobs) -> None:
    endings = {
        "spark-raises": (
            "def inner():\n    raise ValueError('no such month: 2019-13')\ninner()\n",
            "no such month: 2019-13",
        ),
        "spark-is-killed": (
            "import os\nprint('before', flush=True)\nos.kill(os.getpid(), 9)\n",
            "killed by signal 9 (SIGKILL)",
        ),
    }
    runs = {}
    for name, (script, _) in endings.items():
        runs[name] = jobs.start(jobs.create(name, script, "glueetl"))
    for name, (_, message) in endings.items():
        run = jobs.wait(name, runs[name])
        assert run["JobRunState"] == "FAILED"
        assert message in run["ErrorMessage"]
    assert jobs.run("spark-raises", runs["spark-raises"])["ErrorMessage"] == "ValueError: no such month: 2019-13"


@pytest.mark.parametrize(
    ("script", "state", "message"),
    [
        ("print('ok')", "SUCCEEDED", ""),
        ("import sys; sys.exit(0)", "SUCCEEDED", ""),
        ("import sys; sys.exit(3)", "FAILED", "exit status 3"),
        (
            "try:\n    {}['a']\nexcept KeyError as e:\n    raise RuntimeError('two\\nlines') from e",
            "FAILED",
            "RuntimeError: two\nlines",
        ),
        ("import os; os.abort()", "FAILED", "signal 6 (SIGABRT)"),
    ],
    ids=["ends", "exits-0", "exits-3", "raises", "aborts"],
)
def test_a_python_shell_script_ends(
    jobs: Jobs, request: pytest.FixtureRequest, script: str, state: str, message: str
) -> None:
    name = jobs.create(request.node.callspec.id, script)
    run = jobs.wait(name, jobs.start(name))
    assert run["JobRunState"] == state
    assert message in run["ErrorMessage"]
    assert (message == "") == (run["ErrorMessage"] == "")


def test_what_is_missing_fails_the_run(jobs: Jobs) -> None:
    jobs.create("no-script", "pass")
    jobs.s3.delete_object(Bucket=jobs.bucket, Key="scripts/no-script.py")
    run = jobs.wait("no-script", jobs.start("no-script"))
    assert run["JobRunState"] == "FAILED"
    assert f"s3://{jobs.bucket}/scripts/no-script.py" in run["ErrorMessage"]
    assert jobs.lines(run, "error") == [run["ErrorMessage"]]

    jobs.create("no-extra", "pass", DefaultArguments={"--extra-py-files": "s3://no-bucket-of-ours/x.py"})
    run = jobs.wait("no-extra", jobs.start("no-extra"))
    assert "no-bucket-of-ours" in run["ErrorMessage"]

    with pytest.raises(ClientError, match="EntityNotFoundException"):
        jobs.start("no-job")


def test_no_more_runs_than_allowed(jobs: Jobs) -> None:
    jobs.create("single", SLEEP)
    jobs.create("pair", SLEEP, ExecutionProperty={"MaxConcurrentRuns": 2})
    assert jobs.glue.get_job(JobName="pair")["Job"]["ExecutionProperty"] == {"MaxConcurrentRuns": 2}
    started = {"single": [jobs.start("single")], "pair": [jobs.start("pair"), jobs.start("pair")]}
    for name, runs in started.items():
        with pytest.raises(ClientError, match="ConcurrentRunsExceededException"):
            jobs.start(name)
        jobs.glue.batch_stop_job_run(JobName=name, JobRunIds=runs)
        assert {jobs.wait(name, run)["JobRunState"] for run in runs} == {"STOPPED"}
    again = jobs.start("single")
    jobs.glue.batch_stop_job_run(JobName="single", JobRunIds=[again])
    assert jobs.wait("single", again)["JobRunState"] == "STOPPED"
    errors = jobs.glue.batch_stop_job_run(JobName="single", JobRunIds=[again])["Errors"]
    assert errors[0]["ErrorDetail"]["ErrorCode"] == "JobRunInTerminalStateException"


def test_a_template_s_parameters_become_numbers(platform: Platform, jobs: Jobs) -> None:
    """CloudFormation hands parameters on as text."""
    template = {
        "Parameters": {"Most": {"Type": "Number", "Default": 2}},
        "Resources": {
            "Job": {
                "Type": "AWS::Glue::Job",
                "Properties": {
                    "Name": "of-a-template",
                    "Role": ROLE,
                    "Command": {"Name": "pythonshell", "ScriptLocation": f"s3://{jobs.bucket}/scripts/ends.py"},
                    "ExecutionProperty": {"MaxConcurrentRuns": {"Ref": "Most"}},
                    "Timeout": {"Ref": "Most"},
                },
            }
        },
    }
    stacks = boto3.client("cloudformation", endpoint_url=platform.endpoint)
    stacks.create_stack(StackName="glue-job-tests", TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName="glue-job-tests", WaiterConfig={"Delay": 1})
    job = jobs.glue.get_job(JobName="of-a-template")["Job"]
    assert (job["ExecutionProperty"]["MaxConcurrentRuns"], job["Timeout"]) == (2, 2)


def test_logs_are_readable_while_the_script_runs(jobs: Jobs) -> None:
    jobs.create("talks", SLEEP)
    run_id = jobs.start("talks")
    jobs.wait_for_line("talks", run_id, "started")
    assert jobs.run("talks", run_id)["JobRunState"] == "RUNNING"
    jobs.glue.delete_job(JobName="talks")
    poll(lambda: True if not jobs.processes(run_id) else None, 30)


def test_a_failed_run_is_tried_again_as_often_as_the_job_says(jobs: Jobs) -> None:
    jobs.create("retries", "raise SystemError('again')", MaxRetries=1)
    first = jobs.start("retries")
    second = f"{first}_attempt_1"
    jobs.wait("retries", first)
    run = jobs.wait("retries", second)
    assert (run["Attempt"], run["PreviousRunId"], run["ErrorMessage"]) == (1, first, "SystemError: again")
    assert [run["Id"] for run in jobs.glue.get_job_runs(JobName="retries")["JobRuns"]] == [second, first]
    page = jobs.glue.get_job_runs(JobName="retries", MaxResults=1)
    assert [run["Id"] for run in page["JobRuns"]] == [second]
    page = jobs.glue.get_job_runs(JobName="retries", MaxResults=1, NextToken=page["NextToken"])
    assert [run["Id"] for run in page["JobRuns"]] == [first]
    assert "NextToken" not in page


@pytest.fixture
def own_var(tmp_path: Path) -> Iterator[Path]:
    """State for a platform that a test stops by itself; what is left of its runs is ended."""
    yield tmp_path
    end_orphans(tmp_path / "run" / "glue")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_does_not_outlive_its_platform(own_var: Path, how: signal.Signals) -> None:
    """After SIGTERM at once; after SIGKILL the next platform ends what it finds. Both times the run says so."""
    port = free_port()
    platform = start_platform(own_var, port)
    jobs = Jobs(platform, "glue-orphans")
    jobs.create("sleeps", SLEEP, "glueetl")
    run_id = jobs.start("sleeps")
    jobs.wait_for_line("sleeps", run_id, "started")
    processes = jobs.processes(run_id)
    assert {"java", "python"} <= {process.name().rstrip("0123456789.") for process in processes}
    saved = own_var / "aws" / "state" / "glue.json"
    poll(lambda: True if saved.exists() and run_id in saved.read_text() else None, 20)

    stop_platform(platform, how)
    assert bool(alive(processes)) == (how == signal.SIGKILL)

    platform = start_platform(own_var, port)
    try:
        assert alive(processes) == []
        run = Jobs(platform, "glue-orphans").run("sleeps", run_id)
        assert run["JobRunState"] == "FAILED"
        assert "platform was stopped" in run["ErrorMessage"]
        Jobs(platform, "glue-orphans").start("sleeps")
    finally:
        stop_platform(platform)


@pytest.fixture
def stored_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Puts a script where this process, which is no platform, finds objects."""

    def store(script: str) -> str:
        file = tmp_path / "script.py"
        file.write_text(script)
        found = objects.StoredObject("bucket", "script.py", len(script), file)
        monkeypatch.setattr(objects, "_listing", lambda bucket, prefix: [found])
        return found.uri

    return store


def config_of(platform: Platform, environments: Path = ROOT / ".venv") -> Config:
    port = int(platform.endpoint.rpartition(":")[2])
    return Config(port, 0, platform.var / "engine", "us-east-1", environments)


def test_a_run_that_takes_too_long_is_ended(platform: Platform, stored_script: Callable[[str], str]) -> None:
    """Glue counts minutes, so this one goes by the engine itself with a fortieth of one."""
    script = stored_script(f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n{SLEEP}")
    engine = JobEngine(config_of(platform), factory(platform.endpoint, "us-east-1"))
    job = {"Name": "slow", "Command": {"Name": "pythonshell", "ScriptLocation": script}, "Timeout": 1 / 40}
    runs: list[dict[str, Any]] = []
    run_id = engine.start(job, runs, {})
    poll(lambda: True if runs[0]["JobRunState"] in ENDED else None, 60)
    assert runs[0]["JobRunState"] == "TIMEOUT"
    assert "0.025 minutes" in runs[0]["ErrorMessage"]
    assert Jobs(platform, "").processes(run_id) == []


def test_missing_runtimes_are_named(
    platform: Platform, stored_script: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job: dict[str, Any] = {"Name": "spark", "Command": {"Name": "glueetl", "ScriptLocation": stored_script("pass")}}
    run, arguments = {"Id": "jr_1", "NumberOfWorkers": 2}, resolve({}, "spark", "jr_1")
    with pytest.raises(JobError, match="make setup"):
        prepare(config_of(platform, tmp_path), job, run, arguments)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(JobError, match="Java 17"):
        prepare(config_of(platform), job, run, arguments)
    with pytest.raises(JobError, match="glueray"):
        prepare(config_of(platform), {**job, "Command": {**job["Command"], "Name": "glueray"}}, run, arguments)


def test_the_compiler_is_chosen_by_the_size_of_the_input(
    platform: Platform, stored_script: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job: dict[str, Any] = {"Name": "spark", "Command": {"Name": "glueetl", "ScriptLocation": stored_script("pass")}}
    script = objects.list_objects("bucket")[0]
    large = objects.StoredObject("bucket", "large.csv", 1 << 30, script.path)
    monkeypatch.setattr(
        objects, "_listing", lambda bucket, prefix: [f for f in (script, large) if f.key.startswith(prefix)]
    )
    words = {}
    for key in ("script.py", "large.csv"):
        arguments = resolve({"--SOURCE": f"s3://bucket/{key}"}, "spark", "jr_1")
        words[key] = " ".join(prepare(config_of(platform), job, {"Id": "jr_1", "NumberOfWorkers": 2}, arguments).words)
    assert "TieredStopAtLevel=1" in words["script.py"]
    assert "TieredStopAtLevel" not in words["large.csv"]


def test_modules_that_would_have_to_be_installed_are_refused() -> None:
    with pytest.raises(JobError, match=r"requirements/spark\.in"):
        resolve({"--additional-python-modules": "pandas==2.0"}, "job", "jr_1")
