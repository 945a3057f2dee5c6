"""Two functions that take the same batches of counts, each measured as a process of its own on Lambda's Python.

Run as `python -m bench.function_ways WAY FOLDER`: the folder has `way.json` with the way's environment and batches,
and gets `measured.json`: a list of {"calls": {"service.Operation": n}, "seconds"}, one a batch. The first batch is a
warm-up: connections and caches are no part of a rate.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

Handler = Callable[[dict[str, Any], Any], Any]
THRESHOLD = 10


class Context:
    """As much of Lambda's context as the function looks at."""

    function_name = function_version = invoked_function_arn = aws_request_id = "bench"
    memory_limit_in_mb = "512"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


def ours() -> Handler:
    """The function as it is deployed; its zip is in the search path."""
    handler: Handler = importlib.import_module("ecomm_detect_high_event_volume.handler").handle
    return handler


def published(publish: Callable[[int], bool]) -> Handler:
    """As the published copies of the pipeline do it, with what they have in common and none of their mistakes in names.

    publish: whether a count is published.
    """
    from aws_kinesis_agg.deaggregator import deaggregate_records

    table = boto3.resource("dynamodb").Table(os.environ["PEER_TABLE"])
    cloudwatch, sns = boto3.client("cloudwatch"), boto3.client("sns")

    def handle(event: dict[str, Any], context: object) -> Any:
        import base64
        from datetime import datetime

        for record in deaggregate_records(event["Records"]):
            try:
                row = json.loads(base64.b64decode(record["kinesis"]["data"]))
                count = int(row["num_actions_per_watermark"])
                table.put_item(
                    Item={
                        # Two counts of one second are one item, the later one.
                        "ctimestamp": f"{datetime.now():%Y-%m-%d %H:%M:%S}",
                        "user_id": row["user_id"],
                        "num_actions_per_watermark": count,
                    }
                )
                dimensions = [{"Name": "user_id", "Value": str(row["user_id"])}]
                cloudwatch.put_metric_data(
                    Namespace="published-copy",
                    MetricData=[{"MetricName": "num_actions", "Dimensions": dimensions, "Value": count}],
                )
                if publish(count):
                    sns.publish(
                        TopicArn=os.environ["PEER_TOPIC"],
                        Subject="Unusual user activity",
                        Message=f"User {row['user_id']} acted {count} times.",
                    )
            except Exception as error:
                print(error)  # noqa: T201 - as they do
        return "processed"

    return handle


WAYS: dict[str, Callable[[], Handler]] = {
    "ours": ours,
    "published": lambda: published(lambda count: True),
    "published_above_threshold": lambda: published(lambda count: count > THRESHOLD),
}


def main() -> None:
    way, folder = sys.argv[1], Path(sys.argv[2])
    given = json.loads((folder / "way.json").read_text())
    os.environ.update(given["environment"])
    calls: Counter[str] = Counter()
    boto3.setup_default_session()
    session: Any = boto3.DEFAULT_SESSION

    def count(request: Any, event_name: str, **more: Any) -> None:
        """Every request that goes out, those that are tried again included."""
        _, service, operation = event_name.split(".")
        calls[f"{service}.{operation}"] += 1

    session.events.register("before-send", count)
    handler = WAYS[way]()
    measured = []
    for event in given["batches"]:
        calls.clear()
        start = time.monotonic()
        answer = handler(event, Context())
        seconds = time.monotonic() - start
        if way == "ours" and answer["batchItemFailures"]:
            raise RuntimeError(f"{len(answer['batchItemFailures'])} records failed; the figure would be wrong.")
        measured.append({"calls": dict(calls), "seconds": seconds})
    (folder / "measured.json").write_text(json.dumps(measured[1:]))


if __name__ == "__main__":
    main()
