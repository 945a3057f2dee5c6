"""How a run ends, that it can be ended, and what outlives the platform."""

from __future__ import annotations

import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from local import objects
from local.clients import factory
from local.databrew import ProfileEngine
from tests.conftest import Platform, start_platform, stop_platform
from tests.local.aws import refusal
from tests.local.databrew.conftest import ENDED, Profiles, many_rows
from tests.waiting import wait_until


def test_a_run_tells_of_itself_and_keeps_a_log(profiles: Profiles) -> None:
    profiles.put("in/rows.csv", "a\n1\n")
    profiles.create("in/rows.csv")
    run_id = profiles.start()
    run = profiles.ended(run_id)
    assert (run["State"], run["DatasetName"], run["Attempt"]) == ("SUCCEEDED", profiles.name, 0)
    assert run["CompletedOn"] >= run["StartedOn"]
    assert run["LogGroupName"] == f"/aws-glue-databrew/jobs-{profiles.name}"
    lines = profiles.lines(run_id)
    assert lines[0] == f"Reading 1 objects, 4 bytes, of {profiles.name}"
    assert any(line.startswith("Not computed by the local platform: CORRELATION, ") for line in lines)
    assert lines[-1] == "SUCCEEDED"
    (listed,) = profiles.databrew.list_job_runs(Name=profiles.name)["JobRuns"]
    assert (listed["RunId"], listed["State"]) == (run_id, "SUCCEEDED")


@pytest.mark.parametrize(
    ("key", "body", "sentence"),
    [
        ("in/nothing<.*>", "a\n1\n", r"s3://\S+/in/nothing<\.\*> is no object with anything in it; upload the data"),
        ("in/<.*>", "\n", "holds no line with columns"),
        ("in/<.*>", "a,A\n1,2\n", "has two columns of one name: a,A"),
    ],
    ids=["none", "empty", "names"],
)
def test_a_dataset_that_cannot_be_read_fails_the_run(profiles: Profiles, key: str, body: str, sentence: str) -> None:
    profiles.put("in/rows.csv", body)
    profiles.put("other.csv", "a\n1\n")
    profiles.create(key, MaxRetries=1)
    run = profiles.ended(profiles.start())
    assert (run["State"], run["Attempt"]) == ("FAILED", 1)
    assert re.search(sentence, run["ErrorMessage"]), run["ErrorMessage"]
    assert profiles.s3.list_objects_v2(Bucket=profiles.bucket, Prefix="profiles/")["KeyCount"] == 0


def test_files_of_other_columns_or_without_a_line_are_left_out_by_name(profiles: Profiles) -> None:
    for name in ("a", "b"):
        profiles.put(f"in/{name}.csv", "x,y\n1,2\n")
    profiles.put("in/headerless.csv", "3,4\n5,6\n")
    profiles.put("in/0-others.csv", "x;y\n1;2\n")
    profiles.put("in/0-empty.csv", "\r\n \r\n")
    profiles.create("in/<.*>")
    run_id = profiles.start()
    assert profiles.ended(run_id)["State"] == "SUCCEEDED"
    lines = profiles.lines(run_id)
    assert f"Left out: s3://{profiles.bucket}/in/0-empty.csv holds no line with columns." in lines
    others = f"Left out: s3://{profiles.bucket}/in/0-others.csv has other columns (x;y) than s3://"
    assert any(line.startswith(others) for line in lines)
    assert any(line.startswith("4 rows; 0 lines left out") for line in lines)


def test_a_result_that_cannot_be_written_fails_the_run(profiles: Profiles) -> None:
    profiles.put("in/rows.csv", "a\n1\n")
    profiles.create("in/rows.csv")
    output = {"Bucket": "nobody-has-this-bucket"}
    role = profiles.databrew.describe_job(Name=profiles.name)["RoleArn"]
    profiles.databrew.update_profile_job(Name=profiles.name, OutputLocation=output, RoleArn=role)
    run = profiles.ended(profiles.start())
    assert run["State"] == "FAILED"
    assert "could not be written" in run["ErrorMessage"]
    assert "NoSuchBucket" in run["ErrorMessage"]


def test_a_run_is_stopped_and_leaves_nothing(profiles: Profiles, platform: Platform) -> None:
    profiles.put("in/rows.csv", many_rows())
    profiles.create("in/rows.csv")
    run_id = profiles.start()
    wait_until(lambda: profiles.run(run_id)["State"] == "RUNNING")
    assert "runs; stop the run first" in refusal(profiles.databrew.delete_job, Name=profiles.name)[1]
    profiles.databrew.stop_job_run(Name=profiles.name, RunId=run_id)
    assert profiles.run(run_id)["State"] in ("STOPPING", "STOPPED")
    assert profiles.ended(run_id)["State"] == "STOPPED"
    assert profiles.s3.list_objects_v2(Bucket=profiles.bucket, Prefix="profiles/")["KeyCount"] == 0
    assert not list((platform.var / "aws/databrew").glob("*"))
    code, sentence = refusal(profiles.databrew.stop_job_run, Name=profiles.name, RunId=run_id)
    assert (code, sentence) == ("ValidationException", f"The run {run_id} is STOPPED; it cannot be stopped.")


class Slow:
    """Runs that take seconds, by the engine itself: their time-out may be a fraction of a minute."""

    def __init__(self, platform: Platform, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = folder / "rows.csv"
        file.write_text(many_rows())
        stored = objects.StoredObject("bucket", "rows.csv", file.stat().st_size, file)
        monkeypatch.setattr(objects, "_listing", lambda bucket, prefix: [stored])
        self.engine = ProfileEngine(factory(platform.endpoint, "us-east-1"), folder / "work")

    def start(self, name: str, timeout: float = 0) -> dict[str, Any]:
        """The run's record; timeout: in minutes, 0 for none."""
        job = {"Timeout": timeout, "MaxRetries": 3, "JobSample": {"Mode": "FULL_DATASET"}, "Outputs": []}
        dataset = {"Name": "slow", "Input": {"S3InputDefinition": {"Bucket": "bucket", "Key": "rows.csv"}}}
        run: dict[str, Any] = {"RunId": name, "State": "STARTING", "StartedOn": 0.0, "Attempt": 0}
        self.engine.start(job, dataset, run)
        return run


@pytest.fixture
def slow(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(platform, tmp_path, monkeypatch)


def test_a_run_that_takes_too_long_is_ended(slow: Slow) -> None:
    run = slow.start("late", timeout=1 / 100)
    wait_until(lambda: run["State"] in ENDED)
    assert (run["State"], run["Attempt"]) == ("TIMEOUT", 0)
    assert run["ErrorMessage"] == "The run took longer than its 0.01 minutes."


def test_a_run_is_stopped_whatever_it_is_at(slow: Slow) -> None:
    """From the first moment on, in steps of 3 ms: while its database is made, and while it is read into."""
    for number in range(40):
        run = slow.start(f"stopped-{number}")
        time.sleep(number * 0.003)
        assert slow.engine.stop(run["RunId"])
        wait_until(lambda run=run: run["State"] in ENDED)  # type: ignore[misc]
        assert (run["State"], run.get("ErrorMessage")) == ("STOPPED", None)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_the_platform_knew_outlives_it(tmp_path: Path, how: int) -> None:
    running = start_platform(tmp_path / "var")
    try:
        before = Profiles(running, "outlives")
        before.put("in/rows.csv", many_rows())
        before.create("in/rows.csv")
        run_id = before.start()
        described = before.databrew.describe_job(Name=before.name)
        state = running.var / "aws/state/databrew.json"
        wait_until(lambda: state.is_file() and run_id in state.read_text())
        stop_platform(running, how)
        running = start_platform(tmp_path / "var")
        after = Profiles(running, "outlives")
        del described["ResponseMetadata"]
        assert described.items() <= after.databrew.describe_job(Name=after.name).items()
        run = after.run(run_id)
        assert (run["State"], "platform was stopped" in run["ErrorMessage"]) == ("FAILED", True)
        after.put("in/rows.csv", "a\n1\n")
        assert after.profile()["sampleSize"] == 1
    finally:
        stop_platform(running)


def test_runs_of_a_job_may_be_at_work_together(profiles: Profiles) -> None:
    profiles.put("in/rows.csv", "a\n1\n2\n")
    profiles.create("in/rows.csv")
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(profiles.start())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {profiles.ended(run_id)["State"] for run_id in found} == {"SUCCEEDED"}
    assert len({profiles.run(run_id)["Outputs"][0]["Location"]["Key"] for run_id in found}) == 4
