"""Functions run in processes of their own, with the limits, answers and logs of Lambda."""

from __future__ import annotations

import base64
import json
import os
import signal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.conftest import start_platform, stop_platform
from tests.local.function.conftest import Aws, zipped
from tests.waiting import wait_until

# Does what its event says.
OBEDIENT = """
import os, signal, sys, time

calls = 0

def handle(event, context):
    global calls
    calls += 1
    print("call", calls)
    sys.stderr.write("to stderr\\n")
    if "touch" in event:
        open(event["touch"], "w").close()
    if event.get("raise"):
        raise ValueError(event["raise"])
    time.sleep(event.get("sleep", 0))
    if "exit" in event:
        sys.exit(event["exit"])
    if event.get("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    held = b"x" * (event.get("megabytes", 0) << 20)
    return {"pid": os.getpid(), "calls": calls, "held": len(held)}
"""


def test_a_function_is_warm_until_its_code_changes(aws: Aws, name: str) -> None:
    aws.make_function(name, OBEDIENT)
    first, second = aws.invoke(name, {}), aws.invoke(name, {})
    assert (first["calls"], second["calls"]) == (1, 2)
    assert first["pid"] == second["pid"]
    aws.client("lambda").update_function_code(FunctionName=name, ZipFile=zipped("def handle(e, c): return 'new'"))
    assert aws.invoke(name, {}) == "new"
    wait_until(lambda: None if psutil.pid_exists(first["pid"]) else True)


def test_its_environment_is_the_one_of_aws(aws: Aws, name: str, platform: Any) -> None:
    source = """
import boto3, os, sys

def handle(event, context):
    members = "function_name function_version memory_limit_in_mb invoked_function_arn log_group_name log_stream_name"
    shown = {member: getattr(context, member) for member in members.split()}
    account = boto3.client("sts").get_caller_identity()["Account"]
    left = context.get_remaining_time_in_millis()
    python = sys.version_info[:2]
    return {"variables": dict(os.environ), "context": shown, "account": account, "left": left, "python": python}
"""
    aws.make_function(name, source, Environment={"Variables": {"THRESHOLD": "10"}})
    answer = aws.invoke(name)
    assert answer["python"] == [3, 13]
    assert answer["account"] == "000000000000"
    assert 5_000 < answer["left"] <= 10_000
    variables, context = answer["variables"], answer["context"]
    expected = {
        "THRESHOLD": "10",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_ENDPOINT_URL": platform.endpoint,
        "_HANDLER": "handler.handle",
        "TZ": ":UTC",
    }
    assert {key: variables.get(key) for key in expected} == expected
    # Nothing of the platform's own environment.
    assert not [key for key in variables if key.startswith(("LOCAL_", "PYTEST", "MINISTACK", "GATEWAY"))]
    assert context["invoked_function_arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    assert context["log_stream_name"] == variables["AWS_LAMBDA_LOG_STREAM_NAME"]
    assert context["memory_limit_in_mb"] == "256"


def test_a_function_that_takes_too_long_is_ended(aws: Aws, name: str) -> None:
    aws.make_function(name, OBEDIENT, Timeout=1)
    pid = aws.invoke(name, {})["pid"]
    failure = aws.failure(name, {"sleep": 30})
    assert failure["errorType"] == "Sandbox.Timedout"
    assert failure["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert not psutil.pid_exists(pid)
    assert aws.invoke(name, {})["calls"] == 1
    lines = wait_until(lambda: found if "Status: timeout" in str(found := aws.log_lines(name)[0]) else None)
    assert "call 2" in lines
    assert any(line.endswith("Task timed out after 1.00 seconds") for line in lines)


def test_a_function_that_takes_too_much_memory_is_killed(aws: Aws, name: str) -> None:
    aws.make_function(name, OBEDIENT, MemorySize=128)
    assert aws.invoke(name, {"megabytes": 50})["held"] == 50 << 20
    failure = aws.failure(name, {"megabytes": 400})
    assert failure["errorType"] == "Runtime.ExitError"
    assert failure["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert aws.invoke(name, {})["calls"] == 1


def test_a_process_that_ends_is_reported_and_replaced(aws: Aws, name: str) -> None:
    aws.make_function(name, OBEDIENT)
    assert aws.failure(name, {"kill": True})["errorMessage"].endswith("signal: killed")
    assert aws.failure(name, {"exit": 3})["errorMessage"].endswith("Runtime exited with error: exit status 3")
    pid = aws.invoke(name, {})["pid"]
    # Between two calls: nobody notices.
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: None if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" else True)
    assert aws.invoke(name, {})["calls"] == 1


def test_an_exception_is_answered_with_its_trace(aws: Aws, name: str) -> None:
    aws.make_function(name, OBEDIENT)
    answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"raise": "bad"}), LogType="Tail")
    failure = json.load(answer["Payload"])
    assert (failure["errorType"], failure["errorMessage"]) == ("ValueError", "bad")
    assert len(failure["stackTrace"]) == 1
    assert "in handle" in failure["stackTrace"][0]
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert tail.startswith(f"START RequestId: {failure['requestId']}")
    assert "[ERROR] ValueError: bad\nTraceback (most recent call last):" in tail
    assert aws.invoke(name, {})["calls"] == 2


@pytest.mark.parametrize(
    ("source", "kind", "sentence"),
    [
        ("import nothing_here", "Runtime.ImportModuleError", "Unable to import module 'handler': No module named"),
        ("def handle(", "Runtime.UserCodeSyntaxError", "Syntax error in module 'handler'"),
        ("", "Runtime.HandlerNotFound", "Handler 'handle' missing on module 'handler'"),
        ("raise ValueError('at import')", "ValueError", "at import"),
        ("def handle(e, c): return object()", "Runtime.MarshalError", "Unable to marshal response"),
    ],
    ids=["import", "syntax", "missing", "module", "answer"],
)
def test_what_cannot_be_run_says_why(aws: Aws, name: str, source: str, kind: str, sentence: str) -> None:
    aws.make_function(name, source)
    failure = aws.failure(name, {})
    assert failure["errorType"] == kind
    assert failure["errorMessage"].startswith(sentence)


def test_concurrent_calls_have_environments_of_their_own_up_to_the_reserved_number(aws: Aws, name: str) -> None:
    aws.make_function(name, OBEDIENT)
    functions = aws.client("lambda")
    with ThreadPoolExecutor(3) as pool:
        pids = {answer["pid"] for answer in pool.map(lambda _: aws.invoke(name, {"sleep": 1}), range(3))}
        assert len(pids) == 3
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
        begun = aws.folder / "begun"
        running = pool.submit(aws.invoke, name, {"sleep": 3, "touch": str(begun)})
        wait_until(lambda: begun.exists() or None)
        refused = throttle(functions, name)
        assert refused["Error"]["Code"] == "TooManyRequestsException"
        assert refused["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert refused["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert running.result()["held"] == 0
    assert aws.invoke(name, {})["held"] == 0


def throttle(functions: Any, name: str) -> Any:
    with pytest.raises(ClientError) as caught:
        functions.invoke(FunctionName=name, Payload="{}")
    return caught.value.response


def test_the_log_has_a_stream_an_environment_and_lambdas_lines(aws: Aws, name: str) -> None:
    aws.make_function(name, OBEDIENT)
    for _ in range(2):
        aws.invoke(name, {})
    lines = wait_until(lambda: found[0] if (found := aws.log_lines(name)) and len(found[0]) == 11 else None)
    words = [line.split()[0] for line in lines]
    call = ["START", "call", "to", "END", "REPORT"]
    assert words == ["INIT_START", *call, *call]
    cold, warm = (dict(part.split(": ") for part in line.strip().split("\t")[1:]) for line in (lines[5], lines[10]))
    assert cold.keys() - warm.keys() == {"Init Duration"}
    assert warm["Memory Size"] == "256 MB"
    assert 5 < int(warm["Max Memory Used"].split()[0]) < 256
    assert float(warm["Duration"].split()[0]) < 1000


def test_a_log_group_that_was_deleted_comes_back(aws: Aws, name: str) -> None:
    aws.make_function(name, OBEDIENT)
    aws.invoke(name, {})
    wait_until(lambda: aws.log_lines(name) or None)
    aws.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{name}")
    aws.invoke(name, {})
    wait_until(lambda: True if "call 2" in str(aws.log_lines(name)) else None)


def test_an_asynchronous_call_is_tried_three_times(aws: Aws, name: str, tmp_path: Path) -> None:
    source = """
import os

def handle(event, context):
    with open(os.environ["OUT"], "a") as out:
        out.write("x")
    raise ValueError
"""
    out = tmp_path / "out"
    aws.make_function(name, source, Environment={"Variables": {"OUT": str(out)}})
    answer = aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload="{}")
    assert answer["StatusCode"] == 202
    wait_until(lambda: True if out.exists() and out.read_text() == "xxx" else None)
    assert aws.client("lambda").invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204


def test_what_no_process_runs_is_refused(aws: Aws, name: str) -> None:
    refused: dict[str, dict[str, Any]] = {
        "not nodejs22.x": {"Runtime": "nodejs22.x"},
        "AWS_REGION": {"Environment": {"Variables": {"AWS_REGION": "eu-west-1"}}},
        "not as JSON": {"LoggingConfig": {"LogFormat": "JSON"}},
        "container images": {"Code": {"ImageUri": "1.dkr.ecr.us-east-1.amazonaws.com/a:b"}, "PackageType": "Image"},
        "NoSuchKey": {"Code": {"S3Bucket": "none", "S3Key": "none"}},
    }
    for part, settings in refused.items():
        with pytest.raises(ClientError) as caught:
            aws.make_function(name, OBEDIENT, **settings)
        assert part in str(caught.value)
        assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"
    with pytest.raises(ClientError, match="Could not parse request body"):
        aws.client("lambda").invoke(FunctionName=aws.make_function(name, OBEDIENT), Payload=b"{no json")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stop", "kill"])
def test_no_process_outlives_the_platform_and_no_finished_line_is_lost(tmp_path: Path, how: int) -> None:
    running = start_platform(tmp_path / "var")
    aws = Aws(running.endpoint, tmp_path)
    try:
        aws.make_function("f", OBEDIENT)
        idle = aws.invoke("f", {})["pid"]
        # Functions are saved about a second after they are made.
        state = tmp_path / "var/aws/state/lambda.json"
        wait_until(lambda: True if state.exists() and "function:f" in state.read_text() else None)
        with ThreadPoolExecutor(2) as pool:
            calls = [pool.submit(aws.client("lambda").invoke, FunctionName="f", Payload='{"sleep": 8}') for _ in "ab"]
            # The one that was idle is busy now, and there is another.
            pids = wait_until(lambda: found if len(found := children(running.process.pid)) == 2 else None)
            assert idle in pids
            # A process that still loads the function has no invocation to report.
            wait_until(lambda: True if count(aws.log_lines("f"), "START") == 3 else None)
            stop_platform(running, how)
            wait_until(lambda: None if any(psutil.pid_exists(pid) for pid in pids) else True)
            for call in calls:
                call.exception()
        running = start_platform(tmp_path / "var")
        aws = Aws(running.endpoint, tmp_path)
        assert aws.invoke("f", {})["calls"] == 1
        if how == signal.SIGTERM:
            assert count(aws.log_lines("f"), "REPORT") >= 3
            found = aws.client("cloudwatch").list_metrics(Namespace="AWS/Lambda")["Metrics"]
            assert {metric["MetricName"] for metric in found} >= {"Invocations", "Errors", "Duration", "Throttles"}
    finally:
        stop_platform(running)


def count(streams: Iterable[Iterable[str]], word: str) -> int:
    """How many lines begin with it."""
    return sum(line.startswith(word) for stream in streams for line in stream)


def children(pid: int) -> set[int]:
    """Processes of functions that the platform has started."""
    return {child.pid for child in psutil.Process(pid).children() if "bootstrap.py" in str(child.cmdline())}
