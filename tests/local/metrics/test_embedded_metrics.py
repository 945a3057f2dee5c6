"""The embedded metric format: what a log line says becomes metrics; a line that breaks a rule gives none."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from local.embedded_metrics import MalformedDocumentError, metrics_in
from tests.conftest import Platform
from tests.local.aws import client

ACCOUNT = "000000000000"


def document(directives: Any = None, **members: Any) -> dict[str, Any]:
    directive = {
        "Namespace": "Ecomm/Detection",
        "Dimensions": [["service"], ["service", "kind"]],
        "Metrics": [{"Name": "Stored", "Unit": "Count"}, {"Name": "Latency", "Unit": "Milliseconds"}],
    }
    given = {"service": "detect", "kind": "early", "Stored": 7, "Latency": [10, 20, 20], "user_id": "512"}
    metadata = {
        "Timestamp": int(time.time() * 1000),
        "CloudWatchMetrics": [directive] if directives is None else directives,
    }
    return {"_aws": metadata, **given, **members}


def of_metrics(*metrics: dict[str, Any]) -> dict[str, Any]:
    return {"Namespace": "A", "Dimensions": [[]], "Metrics": list(metrics)}


def read(value: Any) -> list[Any]:
    return metrics_in(value if isinstance(value, str) else json.dumps(value), ACCOUNT, "us-east-1")


def test_each_set_of_dimensions_is_a_metric_of_its_own() -> None:
    found = {(one.metric.name, one.metric.dimensions): one for one in read(document())}
    service, both = (("service", "detect"),), (("kind", "early"), ("service", "detect"))
    assert set(found) == {(name, dimensions) for name in ("Stored", "Latency") for dimensions in (service, both)}
    latency = found["Latency", service]
    assert (latency.unit, latency.resolution, latency.metric.namespace) == ("Milliseconds", 60, "Ecomm/Detection")
    assert (latency.summary.samples, latency.summary.total, latency.summary.statistic("p50")) == (3, 50, 20)


def test_several_directives_no_dimensions_no_unit_and_high_resolution() -> None:
    directives = [
        {"Namespace": "A", "Dimensions": [[]], "Metrics": [{"Name": "Stored", "StorageResolution": 1}]},
        {"Namespace": "B", "Dimensions": [["kind"]], "Metrics": [{"Name": "Stored"}]},
    ]
    first, second = read(document(directives))
    assert (first.metric.namespace, first.metric.dimensions, first.unit, first.resolution) == ("A", (), "None", 1)
    assert (second.metric.namespace, second.metric.dimensions) == ("B", (("kind", "early"),))


def test_the_documents_own_time_counts() -> None:
    told = document()
    told["_aws"]["Timestamp"] = int((time.time() - 3600) * 1000)
    assert {one.time for one in read(told)} == {told["_aws"]["Timestamp"] / 1000}


@pytest.mark.parametrize(
    "line",
    [
        "plain text",
        '{"message": "json"}',
        '{"_aws": {"other": 1}}',
        "[1]",
        '{"CloudWatchMetrics": 1',
        '"CloudWatchMetrics"',
    ],
)
def test_other_lines_are_just_lines(line: str) -> None:
    assert read(line) == []


def test_what_lambda_puts_before_a_line_does_not_hide_it() -> None:
    assert len(read(f"2026-11-24T03:00:00.000Z\t0b2c\tINFO\t{json.dumps(document())}")) == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"service": 5}, "dimension 'service'"),
        ({"service": ""}, "dimension 'service'"),
        ({"Stored": "7"}, "metric 'Stored' is not a number"),
        ({"Stored": True}, "metric 'Stored' is not a number"),
        ({"Latency": []}, "metric 'Latency' is not a number"),
        ({"Latency": [1] * 101}, "1 to 100 numbers"),
        ({"_aws": {"CloudWatchMetrics": []}}, "Timestamp is not a whole number"),
        ({"_aws": {"Timestamp": 1574109732004, "CloudWatchMetrics": []}}, "over two weeks ago"),
        ({"directives": {"a": 1}}, "not an array of objects"),
        ({"directives": [{"Dimensions": [[]], "Metrics": []}]}, "Namespace"),
        ({"directives": [{"Namespace": "A", "Dimensions": ["kind"], "Metrics": []}]}, "array of arrays"),
        ({"directives": [of_metrics({"Name": "Nope"})]}, "'Nope' is no member"),
        ({"directives": [of_metrics({"Name": "Stored", "Unit": "s"})]}, "unit 's'"),
        ({"directives": [of_metrics(*[{"Name": "n"}] * 101)]}, "at most 100"),
    ],
)
def test_a_document_that_breaks_a_rule_says_which(change: dict[str, Any], words: str) -> None:
    with pytest.raises(MalformedDocumentError, match=words):
        read(document(**change))


def test_lines_put_into_a_log_become_metrics_and_broken_ones_are_told(platform: Platform) -> None:
    logs, cloudwatch = client(platform, "logs"), client(platform, "cloudwatch")
    names = {"logGroupName": "/aws/lambda/embedded", "logStreamName": "one"}
    logs.create_log_group(logGroupName=names["logGroupName"])
    logs.create_log_stream(**names)
    now = int(time.time() * 1000)
    lines = ["START", json.dumps(document()), json.dumps(document(Stored="many")), json.dumps(document()), "END"]
    logs.put_log_events(**names, logEvents=[{"timestamp": now, "message": line} for line in lines])
    points = cloudwatch.get_metric_statistics(
        Namespace="Ecomm/Detection",
        MetricName="Stored",
        Dimensions=[{"Name": "service", "Value": "detect"}],
        StartTime=now / 1000 - 300,
        EndTime=now / 1000 + 300,
        Period=3600,
        Statistics=["Sum"],
        Unit="Count",
    )["Datapoints"]
    assert [point["Sum"] for point in points] == [14.0]
    assert "gives no metric: the metric 'Stored' is not a number" in (platform.var / "platform.log").read_text()
    found = logs.filter_log_events(logGroupName=names["logGroupName"])["events"]
    assert [event["message"] for event in found] == lines
