"""PutMetricData, GetMetricData, GetMetricStatistics and ListMetrics of a running platform."""

from __future__ import annotations

import math
import signal
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from local import cbor
from tests.conftest import Platform, start_platform, stop_platform
from tests.local.aws import client, refusal

DIMENSIONS = [{"Name": "Stream", "Value": "one"}]


@pytest.fixture
def cloudwatch(platform: Platform) -> Any:
    return client(platform, "cloudwatch")


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    name: str = request.node.name
    return f"Test/{name}"


def statistics(cloudwatch: Any, namespace: str, name: str = "m", **options: Any) -> list[dict[str, Any]]:
    now = time.time()
    given = {"Statistics": ["SampleCount", "Sum", "Average", "Minimum", "Maximum"], "Period": 300, **options}
    points: list[dict[str, Any]] = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName=name, StartTime=now - 600, EndTime=now + 300, **given
    )["Datapoints"]
    return points


def test_statistics_are_of_all_that_was_sent(cloudwatch: Any, namespace: str) -> None:
    at = time.time()
    cloudwatch.put_metric_data(
        Namespace=namespace,
        MetricData=[
            {"MetricName": "m", "Unit": "Count", "Timestamp": at, "Value": 10},
            {"MetricName": "m", "Unit": "Count", "Timestamp": at, "Values": [1, 2], "Counts": [2, 1]},
            {
                "MetricName": "m",
                "Unit": "Count",
                "Timestamp": at,
                "StatisticValues": {"SampleCount": 4, "Sum": 12, "Minimum": 3, "Maximum": 3},
            },
        ],
    )
    (point,) = statistics(cloudwatch, namespace, ExtendedStatistics=["p50", "p100"])
    del point["Timestamp"]
    assert point == {
        "SampleCount": 8.0,
        "Sum": 26.0,
        "Average": 3.25,
        "Minimum": 1.0,
        "Maximum": 10.0,
        "Unit": "Count",
        "ExtendedStatistics": {"p50": 3.0, "p100": 10.0},
    }


def test_other_dimensions_are_another_metric(cloudwatch: Any, namespace: str) -> None:
    cloudwatch.put_metric_data(
        Namespace=namespace,
        MetricData=[
            {"MetricName": "m", "Value": 1},
            {"MetricName": "m", "Value": 2, "Dimensions": DIMENSIONS},
            {"MetricName": "m", "Value": 4, "Dimensions": [*DIMENSIONS, {"Name": "Shard", "Value": "0"}]},
        ],
    )
    assert [point["Sum"] for point in statistics(cloudwatch, namespace)] == [1]
    assert [point["Sum"] for point in statistics(cloudwatch, namespace, Dimensions=DIMENSIONS)] == [2]
    assert not statistics(cloudwatch, namespace, Dimensions=[{"Name": "Shard", "Value": "0"}])
    listed = cloudwatch.list_metrics(Namespace=namespace, Dimensions=[{"Name": "Stream"}])["Metrics"]
    assert len(listed) == 2
    assert len(cloudwatch.list_metrics(Namespace=namespace)["Metrics"]) == 3


def test_a_query_computes_and_returns_what_it_is_asked_for(cloudwatch: Any, namespace: str) -> None:
    now = int(time.time()) // 10 * 10
    for back, value in ((30, 1), (20, 3), (10, 8)):
        cloudwatch.put_metric_data(
            Namespace=namespace,
            MetricData=[{"MetricName": "m", "Value": value, "Timestamp": now - back, "StorageResolution": 1}],
        )
    stat = {"Metric": {"Namespace": namespace, "MetricName": "m"}, "Period": 10, "Stat": "Maximum"}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {"Id": "m", "MetricStat": stat, "ReturnData": False},
            {"Id": "growth", "Expression": "DIFF(m)", "Label": "how it grows"},
            {"Id": "filled", "Expression": "IF(FILL(m, 0) > 2, 1, 0)"},
        ],
        StartTime=now - 40,
        EndTime=now,
        ScanBy="TimestampAscending",
    )
    found = {one["Id"]: (one["Label"], one["Values"]) for one in answer["MetricDataResults"]}
    assert found == {"growth": ("how it grows", [2.0, 5.0]), "filled": ("filled", [0.0, 0.0, 1.0, 1.0])}
    newest_first = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "m", "MetricStat": stat}], StartTime=now - 40, EndTime=now
    )["MetricDataResults"]
    assert newest_first[0]["Values"] == [8.0, 3.0, 1.0]
    assert newest_first[0]["Label"] == "m"


def test_what_cloudwatch_does_not_keep_is_refused(cloudwatch: Any, namespace: str) -> None:
    def put(**datum: Any) -> tuple[str, str]:
        return refusal(cloudwatch.put_metric_data, Namespace=namespace, MetricData=[{"MetricName": "m", **datum}])

    assert put(Value=1, Unit="Clicks")[0] == "InvalidParameterValue"
    assert put(Value=1, Timestamp=time.time() - 15 * 86400)[0] == "InvalidParameterValue"
    assert put(Value=1, StorageResolution=30)[0] == "InvalidParameterValue"
    assert put(Value=1, Values=[1])[0] == "InvalidParameterCombination"
    assert put(Values=[1, 2], Counts=[1])[0] == "InvalidParameterValue"
    assert put(Value=math.inf)[0] in ("InvalidParameterValue", "MalformedInput")
    assert not cloudwatch.list_metrics(Namespace=namespace)["Metrics"]
    code, message = refusal(
        cloudwatch.get_metric_data,
        MetricDataQueries=[{"Id": "e", "Expression": "FORECAST(m)"}],
        StartTime=time.time() - 60,
        EndTime=time.time(),
    )
    assert code == "ValidationError" and "FORECAST" in message
    assert "60" in refusal(lambda **options: statistics(cloudwatch, namespace, **options), Period=45)[1]


def test_the_older_protocols_are_spoken_too(platform: Platform, cloudwatch: Any, namespace: str) -> None:
    form = {
        "Action": "PutMetricData",
        "Version": "2010-08-01",
        "Namespace": namespace,
        "MetricData.member.1.MetricName": "m",
        "MetricData.member.1.Values.member.1": "3",
        "MetricData.member.1.Values.member.2": "4",
        "MetricData.member.1.Dimensions.member.1.Name": "Stream",
        "MetricData.member.1.Dimensions.member.1.Value": "one",
    }
    authorization = {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20261124/us-east-1/monitoring/aws4_request"}

    def ask(body: bytes, path: str, **headers: str) -> tuple[int, bytes]:
        request = urllib.request.Request(
            platform.endpoint + path,
            body,
            {**authorization, **{name.replace("_", "-"): value for name, value in headers.items()}},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    as_form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert ask(urllib.parse.urlencode(form).encode(), "/", **as_form)[0] == 200
    assert [point["Sum"] for point in statistics(cloudwatch, namespace, Dimensions=DIMENSIONS)] == [7]
    listed = {"Action": "ListMetrics", "Namespace": namespace}
    status, xml = ask(urllib.parse.urlencode(listed).encode(), "/", **as_form)
    assert status == 200
    assert b"<Metrics><member><Namespace>" in xml and b"<Name>Stream</Name><Value>one</Value>" in xml
    status, xml = ask(b"Action=GetDashboard&DashboardName=none", "/", **as_form)
    assert (status, b"<Code>ResourceNotFound</Code>" in xml) == (404, True)

    as_cbor = {"Content_Type": "application/cbor", "Smithy_Protocol": "rpc-v2-cbor"}
    path = "/service/GraniteServiceVersion20100801/operation"
    request = {"Namespace": namespace, "MetricData": [{"MetricName": "m", "Value": 5.5, "Timestamp": "at"}]}
    tagged = b"\xc1\xfb" + struct.pack(">d", time.time())
    body = cbor.dumps(request, None).replace(b"\x62at", tagged)
    assert ask(body, f"{path}/PutMetricData", **as_cbor)[0] == 200
    status, answer = ask(cbor.dumps({"Namespace": namespace}, None), f"{path}/ListMetrics", **as_cbor)
    assert status == 200
    assert [one["MetricName"] for one in cbor.loads(answer)["Metrics"]] == ["m", "m"]
    status, answer = ask(cbor.dumps({"Namespace": ""}, None), f"{path}/PutMetricData", **as_cbor)
    assert (status, cbor.loads(answer)["__type"]) == (400, "MissingParameter")


def test_metrics_outlive_stops_and_kills(tmp_path: Path) -> None:
    platform = start_platform(tmp_path)
    try:
        for how in (signal.SIGKILL, signal.SIGTERM):
            client(platform, "cloudwatch").put_metric_data(
                Namespace="Test/Kept", MetricData=[{"MetricName": "m", "Value": 2, "Timestamp": time.time()}]
            )
            stop_platform(platform, how)
            platform = start_platform(tmp_path)
        assert sum(point["Sum"] for point in statistics(client(platform, "cloudwatch"), "Test/Kept")) == 4
    finally:
        stop_platform(platform)
