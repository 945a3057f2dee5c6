"""The command as a person runs it: a process of its own, its output, its exit status, its end by Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from simulator.stream_data_simulator.options import SAMPLE_KEY, Options
from tests.simulator.conftest import RealStream, row
from tests.simulator.faulty_endpoint import FaultyEndpoint
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, str(ROOT / "simulator" / "stream-data-app-simulation.py")]
CsvFile = Callable[[Sequence[str]], Path]


def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """`environment` is added to this one; an empty value takes a variable away."""
    given = {name: value for name, value in (os.environ | environment).items() if value}
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd="/",
        env=given,
    )


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/"
    )


def product_ids(stream: RealStream) -> list[int]:
    return sorted(event["product_id"] for event in stream.events())


def test_it_needs_neither_airflow_nor_the_platform() -> None:
    """Only boto3 and what it brings, apart from Python itself."""
    code = """
import sys
before = set(sys.modules)
sys.path.insert(0, "simulator")
import stream_data_simulator.command
names = {name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(" ".join(sorted(name for name in names if not name.startswith("_"))))
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    boto3_and_its_own = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3", "certifi"}
    optional_of_urllib3 = {"awscrt", "brotli", "zstandard", "h2", "socks", "cryptography", "OpenSSL", "idna", "cffi"}
    assert set(found.split()) <= boto3_and_its_own | optional_of_urllib3 | {"stream_data_simulator"}


def test_the_function_can_be_imported_by_its_name() -> None:
    from simulator.stream_data_simulator import stream_data_simulator

    assert stream_data_simulator.__name__ == "stream_data_simulator"


def test_help_has_examples() -> None:
    told = run("--help").stdout
    assert "python simulator/stream-data-app-simulation.py --source 2019-Nov.csv.zip --rate 500" in told
    assert "kinesis_stream_name" in told


def test_without_arguments_it_sends_the_deployed_sample_to_the_users_stream(endpoint: str, stream: RealStream) -> None:
    s3 = boto3.client("s3", endpoint_url=endpoint)
    for bucket in ("ecommerce-raw-us-east-1-dev", "another-raw-bucket"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="ecommerce-raw-us-east-1-dev", Key=SAMPLE_KEY, Body=row(1).encode())
    s3.put_object(Bucket="another-raw-bucket", Key=SAMPLE_KEY, Body=row(2).encode())
    assert run(kinesis_stream_name=stream.name).returncode == 0
    assert run(kinesis_stream_name=stream.name, ECOMM_RAW_BUCKET="another-raw-bucket").returncode == 0
    assert product_ids(stream) == [1, 2]


def test_another_stage_has_its_own_stream_and_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Options().stream == "ecommerce-raw-user-activity-stream-1"
    monkeypatch.setenv("ECOMM_STAGE", "test")
    assert Options().stream == "ecommerce-raw-user-activity-stream-1-test"
    assert Options().source == f"s3://ecommerce-raw-us-east-1-test/{SAMPLE_KEY}"


def test_it_prints_the_account_and_writes_it(stream: RealStream, csv_file: CsvFile, tmp_path: Path) -> None:
    account = tmp_path / "summary.json"
    path = csv_file([row(number) for number in range(1_200)])
    done = run("--source", path, "--stream", stream.name, "--summary", account, "--iterations", 2)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{path} to {stream.name}, done: 2,400 events sent" in done.stdout
    assert re.search(r"on AWS +\d+ shards at this rate, \d+ in its busiest second; on demand [\d.]+ \$", done.stdout)
    written = json.loads(account.read_text())
    assert (written["events_sent"], written["requests"], written["open_shards"]) == (2_400, 5, 4)
    assert written["shards"] == {
        shard: {
            "records": len(records),
            "bytes": sum(len(record["Data"]) + len(record["PartitionKey"]) for record in records),
        }
        for shard, records in stream.shards().items()
        if records
    }
    assert written["needs"]["dollars_per_hour"] > 0


def test_responses_are_printed_as_put_record_gives_them(stream: RealStream, csv_file: CsvFile) -> None:
    done = run("--source", csv_file([row(1), row(2)]), "--stream", stream.name, "--print-responses")
    responses: list[dict[str, Any]] = [eval(line) for line in done.stdout.splitlines()[:2]]
    stored = {r["SequenceNumber"]: shard for shard, records in stream.shards().items() for r in records}
    assert {response["SequenceNumber"]: response["ShardId"] for response in responses} == stored
    assert all(response["ResponseMetadata"]["HTTPStatusCode"] == 200 for response in responses)
    assert list(responses[0])[-1] == "ResponseMetadata"


def test_progress_is_a_bar_in_a_terminal(stream: RealStream, csv_file: CsvFile) -> None:
    path = csv_file([row(number) for number in range(200)])
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "--source", str(path), "--stream", stream.name, "--rate", "150"],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass  # Linux says so when the other end is closed.
    finally:
        os.close(ours)
    assert process.wait(timeout=60) == 0
    assert re.search(rb"\[#* *\] +\d+%, [\d,]+ events sent, [\d,]+ a second, 0 records again", shown)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_sends_what_was_read_and_says_so(
    stream: RealStream, csv_file: CsvFile, tmp_path: Path, how: signal.Signals
) -> None:
    account = tmp_path / "summary.json"
    path = csv_file([row(number) for number in range(20_000)])
    process = start("--source", path, "--stream", stream.name, "--rate", 500, "--summary", account)
    wait_until(stream.events, "the first event has not come")
    process.send_signal(how)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, "")
    sent = json.loads(account.read_text())
    assert f"interrupted: {sent['events_sent']:,} events sent" in output
    assert f"up to line {sent['last_line']:,} of pass 1" in output
    assert product_ids(stream) == list(range(sent["events_sent"])) == list(range(sent["last_line"] - 1))
    assert (sent["interrupted"], sent["events_not_sent"]) == (True, 0)


def test_a_second_interrupt_gives_up_and_names_what_was_not_sent(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, tmp_path: Path
) -> None:
    account, unsent = tmp_path / "summary.json", tmp_path / "unsent.jsonl"
    # Half of the events never get in, and the tries would go on for hours.
    faulty.refuses = lambda entry: entry["PartitionKey"] == "1"
    path = csv_file([row(number, category_id=number % 2) for number in range(20_000)])
    process = start(
        *("--source", path, "--stream", stream.name, "--tries", 10_000),
        *("--summary", account, "--unsent", unsent),
    )
    wait_until(lambda: len(faulty.batches) > 20, "nothing was repeated")
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    summary = json.loads(account.read_text())
    assert f"{summary['events_not_sent']:,} events were not sent to {stream.name}: the simulation was aborted" in errors
    kept = [json.loads(line)["product_id"] for line in unsent.read_text().splitlines()]
    assert len(kept) == summary["events_not_sent"] > 0
    assert sorted(kept + product_ids(stream)) == list(range(summary["last_line"] - 1))


def test_what_was_not_sent_fails_the_command(
    stream: RealStream, faulty: FaultyEndpoint, csv_file: CsvFile, tmp_path: Path
) -> None:
    faulty.refuses = lambda entry: entry["PartitionKey"] == "1"
    account = tmp_path / "summary.json"
    path = csv_file([row(number, category_id=number % 2) for number in range(10)])
    done = run("--source", path, "--stream", stream.name, "--tries", 2, "--summary", account)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"5 events were not sent to {stream.name}: after 2 tries: ProvisionedThroughputExceededException: Rate exceeded"
    )
    assert "NOT SENT   5 events" in done.stdout
    assert json.loads(account.read_text())["events_sent"] == 5


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["--source", "missing.csv"], {}, "missing.csv is no file; name a CSV or a zip, here or as s3://bucket/key."),
        (["--stream", "none"], {}, "Stream none does not exist here; deploy it first (make deploy), or name another"),
        ([], {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "AWS does not answer"),
        (
            [],
            {
                "AWS_ACCESS_KEY_ID": "",
                "AWS_SECRET_ACCESS_KEY": "",
                "AWS_EC2_METADATA_DISABLED": "true",
                "HOME": "/none",
            },
            "There are no AWS credentials; log in (aws sso login, aws configure) or set AWS_ACCESS_KEY_ID",
        ),
        (["--partition-key", "user_id"], {"AWS_DEFAULT_REGION": "", "HOME": "/none"}, "No AWS region is set; set"),
    ],
)
def test_errors_are_sentences_with_the_way_out(
    stream: RealStream, csv_file: CsvFile, words: list[str], environment: dict[str, str], said: str
) -> None:
    source = [] if "--source" in words else ["--source", str(csv_file([row(1)]))]
    done = run(*source, *words, **({"kinesis_stream_name": stream.name} | environment))
    assert done.returncode == 1
    assert done.stderr.startswith(said), done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "0"], "'0' is no number above 0"),
        (["--iterations", "-1"], "'-1' is no whole number from 1 on"),
        (["--rate", "5", "--speed", "2"], "not allowed with argument"),
        (["--replay-time", "tomorrow"], "'tomorrow' is no moment; write it as 2026-11-24T00:00:00Z"),
        (["--plant", "burst"], "'burst' is no attack; write one of loud-user, flood"),
        (["--labels", "/none/labels"], "/none/labels cannot be written: there is no folder /none; make it first"),
        (["--summary", "/"], "/ cannot be written: it is a folder"),
        (["--partition-key", "colour"], "invalid choice: 'colour'"),
    ],
)
def test_wrong_arguments_are_refused(words: list[str], said: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr


def test_all_options_together(stream: RealStream, csv_file: CsvFile, tmp_path: Path) -> None:
    done = run(
        *("--source", csv_file([row(number) for number in range(100)]), "--stream", stream.name),
        *("--partition-key", "user_id", "--speed", "60", "--replay-time", "2026-11-24T00:00:00Z", "--ordered"),
        *("--in-flight", 2, "--tries", 3, "--plant", "loud-user@0", "--labels", tmp_path / "l", "--seed", 5),
    )
    assert (done.returncode, done.stderr) == (0, "")
    keys = Counter(record["PartitionKey"] for records in stream.shards().values() for record in records)
    label = json.loads((tmp_path / "l").read_text())
    assert keys == {"9200520088904": 100, str(label["user_ids"][0]): 131}
    assert label["first_txn_timestamp"].startswith("2026-11-24T00:00:0")


def test_memory_is_flat_over_a_big_file(stream: RealStream, csv_file: CsvFile) -> None:
    peaks = []
    for rows in (10_000, 100_000):
        path = csv_file([row(number, user_id=number) for number in range(rows)])
        process = psutil.Popen(
            [*COMMAND, "--source", str(path), "--stream", stream.name, "--partition-key", "user_id"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        peak = 0
        # The peak that the system keeps begins with that of this process, which the other was forked from.
        with suppress(psutil.NoSuchProcess):
            while process.poll() is None:
                peak = max(peak, process.memory_info().rss)
                time.sleep(0.01)
        assert process.wait() == 0
        peaks.append(peak)
    # Ten times the events; the counts of keys, the queue and the pieces of the file are of fixed size.
    assert peaks[1] - peaks[0] < 15 << 20
