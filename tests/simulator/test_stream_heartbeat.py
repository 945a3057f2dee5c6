"""The metric by which an alarm knows that the simulator is on; the template's alarm asks for the same one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import boto3
import pytest

from simulator.stream_data_simulator.heartbeat import METRIC, NAMESPACE, Heartbeat
from tests.conftest import ROOT, Platform


def test_the_metric_is_there_while_the_simulator_is_on(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", platform.endpoint)
    stream = f"clicks-{uuid4().hex}"
    with Heartbeat(stream, boto3.session.Session()):
        pass
    now = datetime.now(UTC)
    points = boto3.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=METRIC,
        Dimensions=[{"Name": "StreamName", "Value": stream}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]
    assert [point["Maximum"] for point in points] == [1.0]


def test_clicks_go_on_where_cloudwatch_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with Heartbeat("clicks", boto3.session.Session()):
        pass


def test_the_alarm_asks_for_this_metric() -> None:
    template = (ROOT / "infra" / "streaming.yaml").read_text()
    assert f"Namespace: {NAMESPACE}\n              MetricName: {METRIC}\n" in template
    assert f"cloudwatch:namespace: {NAMESPACE}\n" in template
