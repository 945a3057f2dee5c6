"""Flink's rate through Kinesis against its rate over the same events in files.

Both are the application itself, started through the platform's API, with the same statements, parallelism and
checkpoints. The peer's package differs in its tables alone: the first reads files, the second throws its rows away. So
it pays neither for the connector nor for the Kinesis that shares this machine's processor. Bar: half of its rate. The
two take turns, and the best of each is compared: the first job on a cluster has Java's compiler at work beside it.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from bench.endpoint import Endpoint, local_platform
from bench.report import ROOT, Figure, report
from simulator.dataset_generator import HEADER, generate
from simulator.stream_data_simulator import Options, stream_data_simulator
from simulator.stream_data_simulator.events import JSON_END, EventReader
from simulator.stream_data_simulator.replays import Marks

CODE = ROOT / "include/flink/target/flink-application.zip"
PROPERTIES = ROOT / "include/flink/application_properties.json"
BUCKET = "bench-flink"
ROWS = 300_000
EVENTS_A_SECOND = 26
ROUNDS = 2
# As many as the shards: catching up with fewer would take clicks for late.
PARALLELISM = 4
BAR = 0.5
FROM = datetime(2019, 11, 1, tzinfo=UTC)
SECONDS = 240


def run() -> bool:
    """Whether the bar was reached."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, local_platform() as endpoint:
        rows, events = Path(folder) / "rows.csv", Path(folder) / "events"
        write_rows(rows)
        write_events(rows, events)
        create_streams()
        # Spread as evenly over the shards as the file over its readers; how a skewed key does is another question.
        stream_data_simulator(Options(source=str(rows), stream="in", partition_key="user_id", replay_from=FROM))
        create_application("from-file", file_package(events))
        create_application("from-kinesis", CODE.read_bytes())
        runs: dict[str, list[Samples]] = {"from-file": [], "from-kinesis": []}
        for _ in range(ROUNDS):
            runs["from-file"].append(measure(endpoint, "from-file", finished))
            runs["from-kinesis"].append(measure(endpoint, "from-kinesis", handed_on_all))
    ours, peer = (max(map(rate, runs[name])) for name in ("from-kinesis", "from-file"))
    figure = Figure("Flink through Kinesis, from files", ours, peer, "events a second", BAR)
    return report("flink", [figure], runs)


def finished(job: dict[str, Any]) -> bool:
    return bool(job["state"] == "FINISHED")


def handed_on_all(job: dict[str, Any]) -> bool:
    return handed_on(job) >= ROWS


def create_streams() -> None:
    """`in` and `out`, and the bucket of the packages."""
    kinesis = boto3.client("kinesis")
    for stream in ("in", "out"):
        kinesis.create_stream(StreamName=stream, ShardCount=PARALLELISM)
        kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})
    boto3.client("s3").create_bucket(Bucket=BUCKET)


def write_rows(rows: Path) -> None:
    """Generated rows as close together as the real ones of November are on average."""
    with rows.open("w") as file:
        file.write(HEADER)
        for number, line in enumerate(generate(ROWS, months=["2019-11"])):
            moment = FROM + timedelta(seconds=number // EVENTS_A_SECOND)
            file.write(f"{moment:%Y-%m-%d %H:%M:%S UTC},{line.split(',', 1)[1]}")


def write_events(rows: Path, folder: Path) -> None:
    """The events as the simulator sends them when it replays the rows, one a line; a file for each reader.

    As in the shards, the events of all files are of the same time at the same place: one file, read in parts, would
    keep the windows of its last part open until the first one is through.
    """
    reader = EventReader("category_id", Marks())
    folder.mkdir()
    with ExitStack() as opened, rows.open("rb") as source:
        files = [opened.enter_context((folder / f"{number}.json").open("wb")) for number in range(PARALLELISM)]
        next(source)
        first: int | None = None
        for number, line in enumerate(source):
            event = reader.read(line.rstrip(b"\n"))
            first = event.seconds if first is None else first
            moment = FROM + timedelta(seconds=event.seconds - first)
            files[number % PARALLELISM].write(
                event.head + f"{moment:%Y-%m-%dT%H:%M:%S.000Z}".encode() + JSON_END + b"\n"
            )


def file_package(events: Path) -> bytes:
    """The application's package with other tables: events from the files, and nothing kept of the counts."""
    options = {
        "ecomm_user_activity_stream_1": (
            f"with ('connector' = 'filesystem', 'path' = '{events.as_uri()}', 'format' = 'counted-json')"
        ),
        "ecomm_user_activity_stream_2": "with ('connector' = 'blackhole')",
        "ecomm_traffic": "with ('connector' = 'blackhole')",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(CODE) as shipped, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as ours:
        for member in shipped.infolist():
            content = shipped.read(member)
            table = Path(member.filename).stem
            if table in options:
                declared = re.sub(r"^partitioned by .*\n", "", content.decode(), flags=re.M)
                content = (re.split(r"^with \(", declared, flags=re.M)[0] + options[table]).encode()
            ours.writestr(member, content)
    return packed.getvalue()


def create_application(name: str, package: bytes) -> None:
    """An application that reads stream `in` from its beginning and writes to `out`."""
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"{name}.zip", Body=package)
    groups = {group["PropertyGroupId"]: group["PropertyMap"] for group in json.loads(PROPERTIES.read_text())}
    for group, stream in (("InputStream0", "in"), ("OutputStream0", "out")):
        groups[group]["stream.arn"] = f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"
    groups["InputStream0"]["source.init.position"] = "TRIM_HORIZON"
    boto3.client("kinesisanalyticsv2").create_application(
        ApplicationName=name,
        RuntimeEnvironment="FLINK-2_2",
        ServiceExecutionRole="arn:aws:iam::000000000000:role/bench",
        ApplicationConfiguration={
            "ApplicationCodeConfiguration": {
                "CodeContentType": "ZIPFILE",
                "CodeContent": {"S3ContentLocation": {"BucketARN": f"arn:aws:s3:::{BUCKET}", "FileKey": f"{name}.zip"}},
            },
            "EnvironmentProperties": {
                "PropertyGroups": [{"PropertyGroupId": name, "PropertyMap": values} for name, values in groups.items()]
            },
            "FlinkApplicationConfiguration": {
                "ParallelismConfiguration": {
                    "ConfigurationType": "CUSTOM",
                    "Parallelism": PARALLELISM,
                    "ParallelismPerKPU": PARALLELISM,
                    "AutoScalingEnabled": False,
                }
            },
        },
    )


Samples = list[tuple[float, int]]  # seconds, and the events that have come from the source by then


def measure(endpoint: Endpoint, name: str, done: Callable[[dict[str, Any]], bool]) -> Samples:
    """Starts the application and watches its sources until `done` says of its job that they are through."""
    client = boto3.client("kinesisanalyticsv2")
    before = {job["jid"] for job in get(endpoint, "/jobs/overview")["jobs"]}
    # From the beginning of the stream, and not where the round before it ended.
    fresh = {"ApplicationRestoreConfiguration": {"ApplicationRestoreType": "SKIP_RESTORE_FROM_SNAPSHOT"}}
    client.start_application(ApplicationName=name, RunConfiguration=fresh)
    start = time.monotonic()
    samples: Samples = []
    while time.monotonic() - start < SECONDS:
        jobs = [job for job in get(endpoint, "/jobs/overview")["jobs"] if job["jid"] not in before]
        if jobs:
            job = get(endpoint, f"/jobs/{jobs[0]['jid']}")
            samples.append((time.monotonic() - start, handed_on(job)))
            if done(job):
                end(name)
                return samples
        time.sleep(0.2)
    raise RuntimeError(f"{name} was not through after {SECONDS} s: {samples[-3:]}.")


def end(name: str) -> None:
    """Returns when the application takes nothing of the machine any more; one whose job ends does so by itself."""
    client = boto3.client("kinesisanalyticsv2")
    deadline = time.monotonic() + SECONDS
    while (found := status(client, name)) != "READY":
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} is still {found} after {SECONDS} s.")
        if found == "RUNNING":
            with suppress(client.exceptions.ResourceInUseException):
                client.stop_application(ApplicationName=name, Force=True)
        time.sleep(0.2)


def status(client: Any, name: str) -> str:
    return str(client.describe_application(ApplicationName=name)["ApplicationDetail"]["ApplicationStatus"])


def handed_on(job: dict[str, Any]) -> int:
    """Events that have come from the source; the windows that take in every one of them say how many."""
    # A job that is being set up has no vertices yet.
    windows = [vertex for vertex in job["vertices"] if not vertex["name"].startswith("Source:")]
    return max((int(vertex["metrics"]["read-records"]) for vertex in windows), default=0)


def rate(samples: Samples) -> float:
    """Events a second between the first ones and the last."""
    begin = next(sample for sample in samples if sample[1])
    end = next(sample for sample in samples if sample[1] >= samples[-1][1])
    return (end[1] - begin[1]) / (end[0] - begin[0])


def get(endpoint: Endpoint, path: str) -> dict[str, Any]:
    """What Flink's REST API says; no jobs where the cluster was not started yet."""
    try:
        with urllib.request.urlopen(endpoint.flink + path, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (urllib.error.URLError, ConnectionError):
        return {"jobs": []}
