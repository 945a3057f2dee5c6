"""The streaming DAGs, whole: clicks are sent while Flink runs, and each of them gets into the curated table once."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simulator.dataset_generator import generate
from simulator.stream_data_simulator.replays import REPLAYED_USERS
from tests.conftest import Platform
from tests.dags.conftest import ROOT, Run, deploy, read_table
from tests.principals import SIMULATOR
from tests.reference_model import HEADER

STAGE = "clicks"
# Each with its text in the table and its reason.
BAD = {
    b"no json at all": ("no json at all", "not a JSON object"),
    b'{"user_id": 1}': ('{"user_id": 1}', "txn_timestamp: missing"),
    b"a NUL \0 and caf\xe9": ("a NUL \0 and caf\ufffd", "not a JSON object"),
    rb'{"user_id": "\ud83d\u0000", "txn_timestamp": "2026-11-24T00:00:00Z"}': (
        r'{"user_id": "\ud83d\u0000", "txn_timestamp": "2026-11-24T00:00:00Z"}',
        r"user_id: \ud83d\u0000 is not a whole number of 64 bits, written as digits alone",
    ),
}
# As a drill sends: counted and mailed, but no customer.
DRILL = json.dumps(
    {"user_id": 9_100_000_000_000, "txn_timestamp": f"{datetime.now(UTC).isoformat()}"}, indent=2
).encode()
FIELDS = ("event_type", "product_id", "category_id", "category_code", "brand", "price", "user_id")
ARCHIVE_SECONDS = 180


@pytest.fixture(scope="module")
def deployed(platform: Platform) -> dict[str, str]:
    """A stage of its own, so that no other test's tables get an archived month."""
    return deploy(platform, STAGE, "--parameter", "streaming.ArchiveBufferSeconds=2")


@dataclass
class Outcome:
    """What was sent, and what the runs returned."""

    clicks: list[dict[str, str]]
    started: list[dict[str, Any]]
    unpacked: list[dict[str, Any]]
    batch: dict[str, Any]
    stopped: list[dict[str, Any]]


def send(source: Path) -> None:
    """Out of the bucket, as the simulator is run on AWS."""
    from ecomm.aws import client
    from ecomm.settings import settings

    bucket, key = settings().raw_bucket, f"ecomm_user_activity_sample/{source.name}"
    client("s3").upload_file(str(source), bucket, key)
    command = [sys.executable, str(ROOT / "simulator" / "stream-data-app-simulation.py")]
    command += ["--source", f"s3://{bucket}/{key}", "--stream", settings().clicks_stream]
    subprocess.run(command, env={**os.environ, "AWS_ACCESS_KEY_ID": SIMULATOR}, check=True)
    client("s3").delete_object(Bucket=bucket, Key=key)


def send_bad() -> None:
    from ecomm.aws import client
    from ecomm.settings import settings

    records = [{"Data": record, "PartitionKey": "bad"} for record in (*BAD, DRILL)]
    assert client("kinesis").put_records(StreamName=settings().clicks_stream, Records=records)["FailedRecordCount"] == 0


def archived() -> int:
    """Records in the archive."""
    from ecomm.aws import client, list_objects
    from ecomm.settings import settings

    bucket, lines = settings().raw_bucket, 0
    for found in list_objects(bucket, "ecomm_user_activity_archive/"):
        body = client("s3").get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
        # The lines of an indented click after its first are no records.
        lines += sum(not line.startswith((b" ", b"}")) for line in gzip.decompress(body).splitlines())
    return lines


def wait_until_archived(records: int) -> None:
    deadline = time.monotonic() + ARCHIVE_SECONDS
    while (found := archived()) < records:
        assert time.monotonic() < deadline, f"{found} of {records} records are in the archive"
        time.sleep(0.5)
    assert found == records


@pytest.fixture(scope="module")
def outcome(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    lines = list(generate(2000, seed=11))
    source = tmp_path_factory.mktemp("clicks") / "clicks.csv"
    source.write_text(f"{HEADER}\n{''.join(lines)}")
    clicks = [
        click | {"user_id": str(REPLAYED_USERS[int(click["user_id"])])}
        for click in csv.DictReader(lines, fieldnames=HEADER.split(","))
    ]
    day = f"{datetime.now(UTC):%Y-%m-%d}"

    run("ecomm_dataset_upload", {"source": "generate", "generated_rows": 1000})
    started = [run("ecomm_streaming_start", {})["summarize"] for _ in range(2)]
    send(source)
    send_bad()
    wait_until_archived(len(clicks) + len(BAD) + 1)
    unpacked = [run("ecomm_archive_to_curated", {"day": day})["summarize"] for _ in range(2)]
    batch = run("ecomm_batch_kpis", {"months": unpacked[0]["months"]})
    stopped = [run("ecomm_streaming_stop", {})["summarize"] for _ in range(2)]
    return Outcome(clicks, started, unpacked, batch, stopped)


def test_starting_and_stopping_twice_is_as_once(outcome: Outcome) -> None:
    assert outcome.started[0] == outcome.started[1]
    assert outcome.started[0]["status"] == "RUNNING"
    assert set(outcome.started[0]["streams"].values()) == {4}
    assert outcome.stopped[0] == outcome.stopped[1]
    assert outcome.stopped[0]["status"] == "READY"
    assert outcome.stopped[0]["snapshot"]


def test_flink_counted_what_was_sent(outcome: Outcome) -> None:
    """The users who acted more than once, by the counts of the stream up to its last closed window."""
    from ecomm.aws import client
    from ecomm.settings import settings

    kinesis, stream = client("kinesis"), settings().counts_stream
    early = set()
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        rows = [json.loads(record["Data"]) for record in kinesis.get_records(ShardIterator=iterator)["Records"]]
        early |= {row["user_id"] for row in rows if row["kind"] == "early"}
    # Flat out, 2,000 clicks lie in one window or two; a user of more than 20 clicks is over the threshold in one.
    clicks = Counter(int(click["user_id"]) for click in outcome.clicks)
    assert {user for user, number in clicks.items() if number > 20} <= early
    assert early <= {user for user, number in clicks.items() if number > 10}


def test_a_day_unpacked_twice_is_there_once(outcome: Outcome) -> None:
    assert outcome.unpacked[0] == outcome.unpacked[1]
    found = outcome.unpacked[0]
    assert (found["rows"], found["malformed"], found["drill_clicks"]) == (len(outcome.clicks), len(BAD), 1)


def test_every_click_is_curated_once_and_what_is_none_is_kept_apart(outcome: Outcome) -> None:
    audited = outcome.batch["audit_activity"]
    assert (audited["rows_in"], audited["rows_quarantined"]) == (len(outcome.clicks), 0)
    assert audited["rows_curated"] == len(outcome.clicks)
    found = read_table(f"select {', '.join(FIELDS)} from ecomm_user_activity")
    sent = Counter(tuple(click[name] or None for name in FIELDS) for click in outcome.clicks)
    assert Counter(tuple(row[name] for name in FIELDS) for row in found) == sent
    malformed = read_table("select trim(record) as record, reason from ecomm_user_activity_malformed")
    assert sorted((str(row["record"]), str(row["reason"])) for row in malformed) == sorted(BAD.values())


def test_a_click_happened_when_it_was_sent(outcome: Outcome) -> None:
    rows = read_table("select distinct cast(cast(event_time as date) as varchar) as day from ecomm_user_activity")
    months = {str(row["day"])[:7] for row in rows}
    assert months == set(outcome.unpacked[0]["months"])
    assert all(month > "2025" for month in months)
