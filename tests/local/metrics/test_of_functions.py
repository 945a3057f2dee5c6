"""What a function prints in the embedded metric format becomes metrics, beside those of Lambda itself."""

from __future__ import annotations

import time
from pathlib import Path

from tests.conftest import Platform
from tests.local.function.conftest import Aws
from tests.waiting import wait_until

PRINTS = """
import json, time

def handle(event, context):
    metrics = [{"Name": "Stored", "Unit": "Count"}]
    directive = {"Namespace": "Test/Printed", "Dimensions": [["kind"]], "Metrics": metrics}
    print(json.dumps({
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        "kind": "early", "Stored": event["stored"],
    }))
"""


def test_a_function_measures_by_printing(platform: Platform, tmp_path: Path) -> None:
    aws = Aws(platform.endpoint, tmp_path)
    aws.make_function("prints", PRINTS)
    for values in (3, [4, 5]):
        aws.invoke("prints", {"stored": values})
    cloudwatch, now = aws.client("cloudwatch"), time.time()

    def stored() -> list[float] | None:
        points = cloudwatch.get_metric_statistics(
            Namespace="Test/Printed",
            MetricName="Stored",
            Dimensions=[{"Name": "kind", "Value": "early"}],
            StartTime=now - 300,
            EndTime=now + 300,
            Period=3600,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
        samples = sum(point["SampleCount"] for point in points)
        return [samples, sum(point["Sum"] for point in points)] if samples >= 3 else None

    assert wait_until(stored) == [3.0, 12.0]
