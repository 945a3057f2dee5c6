"""The counting application on a local platform of its own, and what its counts should be."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import boto3

from tests.conftest import ROOT, Platform
from tests.local.flink.baseline import Alarm

CODE = ROOT / "include/flink/target/flink-application.zip"
PROPERTIES = ROOT / "include/flink/application_properties.json"
ROLE = "arn:aws:iam::000000000000:role/flink"
BUCKET = "flink-tests"
WINDOW = 10_000
SHARDS = 4
RUN_SECONDS = 150
COUNT_SECONDS = 150

Event = dict[str, Any]
# (user, beginning of the window in milliseconds since 1970)
Window = tuple[int, int]


class Counting:
    """One application `name` with two streams of its own, of so many shards each.

    platform may be set anew after a restart: all that is asked goes to its endpoint.
    """

    def __init__(self, platform: Platform, name: str, shards: int = SHARDS) -> None:
        self.platform = platform
        self.name = name
        self.code = f"{name}.zip"
        self._shards = shards
        self.input, self.output = f"{name}-in", f"{name}-out"
        self._read: list[dict[str, Any]] = []
        self._read_to: dict[str, str] = {}
        self.log_stream = (f"/aws/kinesis-analytics/{name}", "application")

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.platform.endpoint)

    @property
    def flink(self) -> Any:
        return self.client("kinesisanalyticsv2")

    # The application

    def create(self, **detection: str) -> None:
        self.create_streams()
        self.flink.create_application(
            ApplicationName=self.name,
            RuntimeEnvironment="FLINK-2_2",
            ServiceExecutionRole=ROLE,
            ApplicationConfiguration=self.configuration(**detection),
            CloudWatchLoggingOptions=[{"LogStreamARN": self._log_arn()}],
        )

    def create_streams(self) -> None:
        """The streams, and the code's bucket."""
        kinesis, s3 = self.client("kinesis"), self.client("s3")
        for stream in (self.input, self.output):
            kinesis.create_stream(StreamName=stream, ShardCount=self._shards)
        s3.create_bucket(Bucket=BUCKET)
        s3.upload_file(str(CODE), BUCKET, self.code)

    def configuration(self, **detection: str) -> dict[str, Any]:
        """ApplicationConfiguration, for the API or a template."""
        code = {"S3ContentLocation": {"BucketARN": f"arn:aws:s3:::{BUCKET}", "FileKey": self.code}}
        return {
            "ApplicationCodeConfiguration": {"CodeContentType": "ZIPFILE", "CodeContent": code},
            "EnvironmentProperties": {"PropertyGroups": self.groups(**detection)},
            "ApplicationSnapshotConfiguration": {"SnapshotsEnabled": True},
            "FlinkApplicationConfiguration": {
                "CheckpointConfiguration": {
                    "ConfigurationType": "CUSTOM",
                    "CheckpointingEnabled": True,
                    "CheckpointInterval": 2000,
                    "MinPauseBetweenCheckpoints": 500,
                },
                "ParallelismConfiguration": {
                    "ConfigurationType": "CUSTOM",
                    "Parallelism": self._shards,
                    "ParallelismPerKPU": 4,
                    "AutoScalingEnabled": False,
                },
            },
        }

    def _log_arn(self) -> str:
        group, stream = self.log_stream
        return f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:log-stream:{stream}"

    def groups(self, **detection: str) -> list[dict[str, Any]]:
        """The example's property groups for these streams; detection: its keys with _ for the dot."""
        groups = {one["PropertyGroupId"]: one["PropertyMap"] for one in json.loads(PROPERTIES.read_text())}
        for group, stream in (("InputStream0", self.input), ("OutputStream0", self.output)):
            groups[group]["stream.arn"] = f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"
        # What is sent before the source has looked at the stream counts too.
        groups["InputStream0"] |= {"source.init.position": "TRIM_HORIZON", "source.shard.discovery.interval": "1 s"}
        groups["Detection"] |= {name.replace("_", "."): value for name, value in detection.items()}
        return [{"PropertyGroupId": name, "PropertyMap": values} for name, values in groups.items()]

    def detail(self) -> dict[str, Any]:
        found: dict[str, Any] = self.flink.describe_application(ApplicationName=self.name)["ApplicationDetail"]
        return found

    def start(self, **restore: str) -> str:
        """Waits until it runs; the operation's id. restore: ApplicationRestoreConfiguration."""
        run = {"ApplicationRestoreConfiguration": restore} if restore else {}
        operation = self.flink.start_application(ApplicationName=self.name, RunConfiguration=run)["OperationId"]
        assert self.settled(RUN_SECONDS) == "RUNNING", self.failure(operation)
        return str(operation)

    def stop(self, force: bool = False) -> None:
        self.flink.stop_application(ApplicationName=self.name, Force=force)
        assert self.settled(RUN_SECONDS) == "READY"

    def update(self, **detection: str) -> list[str]:
        """Changes the properties; the states that it goes through until it is settled."""
        changed = {"EnvironmentPropertyUpdates": {"PropertyGroups": self.groups(**detection)}}
        version = self.detail()["ApplicationVersionId"]
        answer = self.flink.update_application(
            ApplicationName=self.name, CurrentApplicationVersionId=version, ApplicationConfigurationUpdate=changed
        )
        return [answer["ApplicationDetail"]["ApplicationStatus"], self.settled(RUN_SECONDS)]

    def settled(self, seconds: float) -> str:
        """The state, once it is one that lasts."""
        deadline = time.monotonic() + seconds
        while (status := self.detail()["ApplicationStatus"]) not in ("READY", "RUNNING"):
            assert time.monotonic() < deadline, f"{self.name} is still {status} after {seconds} s."
            time.sleep(0.2)
        return str(status)

    def operation(self, operation: str) -> dict[str, Any]:
        answer = self.flink.describe_application_operation(ApplicationName=self.name, OperationId=operation)
        found: dict[str, Any] = answer["ApplicationOperationInfoDetails"]
        return found

    def failure(self, operation: str) -> str:
        details = self.operation(operation).get("OperationFailureDetails") or {}
        return str(details.get("ErrorInfo", {}).get("ErrorString", ""))

    def snapshots(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.flink.list_application_snapshots(ApplicationName=self.name)[
            "SnapshotSummaries"
        ]
        return found

    def log(self) -> list[str]:
        group, stream = self.log_stream
        pages = self.client("logs").get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
        return [event["message"] for event in pages["events"]]

    def metric(self, name: str) -> float:
        """The largest value that CloudWatch has of it; 0 without one."""
        now = time.time()
        points = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/KinesisAnalytics",
            MetricName=name,
            Dimensions=[{"Name": "Application", "Value": self.name}],
            StartTime=now - 3600,
            EndTime=now + 60,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        return max((point["Maximum"] for point in points), default=0)

    # The streams

    def shards(self) -> list[str]:
        """A hash key of each shard of the first stream that takes records."""
        found = self.client("kinesis").list_shards(StreamName=self.input)["Shards"]
        taking = [shard for shard in found if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
        return [shard["HashKeyRange"]["StartingHashKey"] for shard in taking]

    def send(self, records: Sequence[Event | str], shards: Sequence[str] = ()) -> None:
        """Over these shards, or all, in turn, each in the order given; a text is sent as it is."""
        kinesis = self.client("kinesis")
        keys = itertools.cycle(shards or self.shards())
        for batch in itertools.batched(records, 500):
            entries = [
                {
                    "Data": record if isinstance(record, str) else json.dumps(record),
                    "PartitionKey": "key",
                    "ExplicitHashKey": key,
                }
                for record, key in zip(batch, keys, strict=False)
            ]
            assert kinesis.put_records(StreamName=self.input, Records=entries)["FailedRecordCount"] == 0

    def wake(self, since: int, shards: Sequence[str] = ()) -> None:
        """Returns when each of these shards, or of all, takes part in the watermark, as for the next 20 s it does.

        Shards that were silent are read again one after the other. In real time that is nothing against the watermark's
        delay; a minute's clicks sent within a second would be late by it.
        """
        users = dict(enumerate(shards or self.shards(), start=1))
        for user, shard in users.items():
            self.send([click(-user, since)] * 11, [shard])
        self.wait_for([(-user, since) for user in users], "early", since)

    def close(self, after: int, shards: Sequence[str] = ()) -> None:
        """Ends all windows up to `after` (milliseconds), by a click long after it in each of these shards or of all."""
        taking = shards or self.shards()
        self.send([click(0, after + 60_000)] * len(taking), taking)

    def rows(self, kind: str, since: int = 0) -> list[tuple[Window, int]]:
        """The counts of this kind in the output for windows from `since` on, without those of `close`."""
        found = []
        for row in self._output():
            if row["kind"] == kind and row["user_id"]:
                start = milliseconds(row["window_start"])
                assert milliseconds(row["window_end"]) == start + WINDOW
                if start >= since:
                    found.append(((row["user_id"], start), row["num_actions_per_watermark"]))
        return found

    def wait_for(self, expected: Iterable[Window], kind: str, since: int) -> list[tuple[Window, int]]:
        """The counts, as soon as none of these windows is missing."""
        wanted, deadline = set(expected), time.monotonic() + COUNT_SECONDS
        while missing := wanted - dict(rows := self.rows(kind, since)).keys():
            assert time.monotonic() < deadline, f"{len(missing)} of {len(wanted)} {kind} windows are missing."
            time.sleep(0.3)
        return rows

    def alarms(self, since: int) -> list[Alarm]:
        """The traffic rows in the output for windows from `since` on."""
        found = [row for row in self._output() if row["kind"] == "traffic"]
        assert all(milliseconds(row["window_end"]) == milliseconds(row["window_start"]) + 5000 for row in found)
        alarms = [
            Alarm(milliseconds(row["window_start"]), row["signal"], row["observed"], row["baseline"]) for row in found
        ]
        return [alarm for alarm in alarms if alarm.start >= since]

    def wait_for_alarms(self, expected: Iterable[Alarm], since: int) -> list[Alarm]:
        """The alarms, as soon as none of these is missing; windows are judged in their order."""
        wanted, deadline = set(expected), time.monotonic() + COUNT_SECONDS
        while missing := wanted - set(alarms := self.alarms(since)):
            assert time.monotonic() < deadline, f"{sorted(missing)} are missing; there are {alarms}."
            time.sleep(0.3)
        return alarms

    def _output(self) -> list[dict[str, Any]]:
        """All records of the second stream; each is read once."""
        kinesis = self.client("kinesis")
        for shard in kinesis.list_shards(StreamName=self.output)["Shards"]:
            name = shard["ShardId"]
            last = self._read_to.get(name)
            where = (
                {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": last}
                if last
                else {"ShardIteratorType": "TRIM_HORIZON"}
            )
            iterator = kinesis.get_shard_iterator(StreamName=self.output, ShardId=name, **where)["ShardIterator"]
            while records := (answer := kinesis.get_records(ShardIterator=iterator))["Records"]:
                self._read += [json.loads(record["Data"]) for record in records]
                self._read_to[name] = records[-1]["SequenceNumber"]
                iterator = answer["NextShardIterator"]
        return self._read


def click(user: int, at: int) -> Event:
    """A record of the first stream, sent at `at` (milliseconds since 1970)."""
    sent = datetime.fromtimestamp(at / 1000, UTC)
    return {
        "event_time": "2019-11-01 00:00:00 UTC",
        "event_type": "view",
        "product_id": 1003461,
        "category_id": 2053013555631882655,
        "category_code": "electronics.smartphone",
        "brand": None,
        "price": 489.07,
        "user_id": user,
        "user_session": "4d3b30da-a5e4-49df-b1a8-ba5943f1dd33",
        "txn_timestamp": f"{sent:%Y-%m-%dT%H:%M:%S}.{at % 1000:03}Z",
    }


def milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def counted(clicks: Iterable[Event]) -> Counter[Window]:
    """Clicks by user and window."""
    moments = ((one["user_id"], milliseconds(one["txn_timestamp"])) for one in clicks)
    return Counter((user, at - at % WINDOW) for user, at in moments)


def finals(clicks: Iterable[Event]) -> dict[Window, int]:
    """What the user's statement says: more than one click in a window."""
    return {window: count for window, count in counted(clicks).items() if count > 1}


def early(clicks: Iterable[Event], threshold: int) -> dict[Window, int]:
    return {window: threshold + 1 for window, count in counted(clicks).items() if count > threshold}
