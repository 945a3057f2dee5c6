"""The stream's story: start Flink, send clicks, and hold its counts against the archive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from ecomm.settings import Settings

from demo import DemoError, clicks
from demo.airflow_api import Airflow
from demo.alerts import Alert, Alerts, latencies
from demo.archive import Archive
from demo.clicks import Sent
from demo.counts import Counts, CountsStream, Key, closed, differences
from demo.follow import follow
from demo.machine import OPERATOR, Machine
from demo.progress import Progress

START = "ecomm_streaming_start"
# Flink closes a window when every shard has a click from 10 seconds after its end; the quietest has one in 5 seconds.
CLOSED_AFTER = timedelta(seconds=10 + 5)
# On a busy machine; on an idle one it is seconds.
ARCHIVE_SECONDS, WINDOWS_SECONDS, MAIL_SECONDS = 600.0, 300.0, 300.0
FAULTS_SHOWN = 5


@dataclass(frozen=True)
class Streamed:
    """What went through the stream, and what came out.

    windows: those that were held against the archive. late, malformed: Flink's own counters of this time.
    alerts: the users who were alerted, with the mail about each.
    """

    sent: Sent
    archive: Archive
    counts: Counts
    windows: dict[Key, int]
    late: int
    malformed: int
    alerts: list[Alert]


def start(airflow: Airflow, progress: Progress) -> str:
    """Runs the DAG that starts the application, and gives its run's id."""
    run_id = f"demo__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    airflow.unpause(START)
    airflow.trigger(START, run_id, {})
    follow(airflow, START, run_id, progress)
    return run_id


def run(machine: Machine, names: Settings, source: str, progress: Progress) -> Streamed:
    """Sends the clicks of `source` and waits until they are archived and counted.

    Raises DemoError where a click or a count is missing or wrong.
    """
    sent = clicks.send(source, names.clicks_stream, machine, progress)
    stream = CountsStream(names.counts_stream, sent.begin)
    with progress.waiting("Flink sees the attack"):
        stream.read_until(lambda counts: _attacks(counts, sent), "The early count of the attack", WINDOWS_SECONDS)
    progress.done("the attack was seen before the end of its window")
    alerts = Alerts(names.detection_function, machine.config.mail, OPERATOR, sent.begin)
    with progress.waiting("the function mails the operator"):
        mail = alerts.wait_for_mail(sent.attacker, MAIL_SECONDS)
    progress.done(f"mail to {mail.address}: {mail.subject}")
    archive = Archive(names.raw_bucket, sent.begin)
    with progress.waiting("Firehose writes the archive"):
        archive.wait_for(sent.events, ARCHIVE_SECONDS)
    progress.done(f"all {sent.events:,} clicks are in the archive, {len(archive.objects)} objects")
    windows = closed(archive.clicks, archive.last - CLOSED_AFTER)
    with progress.waiting("Flink closes the windows"):
        stream.read_until(lambda counts: windows.keys() <= counts.final.keys(), "The last windows", WINDOWS_SECONDS)
    if faults := differences(stream.counts, windows, archive.clicks):
        raise DemoError(f"Flink counted wrong: {'; '.join(faults[:FAULTS_SHOWN])}; {len(faults)} windows in all.")
    progress.done(f"{len(stream.counts.final):,} windows counted as in the archive")
    if others := [user for user in alerts.users() if user != sent.attacker]:
        raise DemoError(f"Users {others} were alerted, who are no attackers; the threshold is {alerts.threshold}.")
    alerted = latencies([sent.attacker], {sent.attacker: mail}, archive.clicks, alerts.threshold)
    late, malformed = (
        _counter(names.flink_application, name, sent.begin) for name in ("numLateRecordsDropped", "malformedRecords")
    )
    return Streamed(sent, archive, stream.counts, windows, late, malformed, alerted)


def _attacks(counts: Counts, sent: Sent) -> bool:
    return any(user == sent.attacker for user, _ in counts.early)


def _counter(application: str, metric: str, since: datetime) -> int:
    """How much the counter grew since then, as CloudWatch has it; it begins at 0 with each start of the application."""
    points: list[dict[str, Any]] = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/KinesisAnalytics",
        MetricName=metric,
        Dimensions=[{"Name": "Application", "Value": application}],
        StartTime=since,
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=60,
        Statistics=["Maximum", "Minimum"],
    )["Datapoints"]
    if not points:
        return 0
    return round(max(point["Maximum"] for point in points) - min(point["Minimum"] for point in points))
