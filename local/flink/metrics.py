"""A running job's figures as Managed Flink's metrics in CloudWatch.

Source: Managed Service for Apache Flink guide, "Metrics and dimensions"; level APPLICATION, dimension Application.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from local.flink.rest import Rest, RestError

NAMESPACE = "AWS/KinesisAnalytics"
# Of the job as a whole, in milliseconds or as counts.
_JOB = {
    "uptime": "Milliseconds",
    "downtime": "Milliseconds",
    "fullRestarts": "Count",
    "numRestarts": "Count",
    "numberOfFailedCheckpoints": "Count",
    "lastCheckpointDuration": "Milliseconds",
    "lastCheckpointSize": "Bytes",
}
# Of its operators: how the values of all of them become one, and the unit.
_OPERATORS = {
    "numLateRecordsDropped": ("sum", "Count"),
    "millisBehindLatest": ("max", "Milliseconds"),
    "currentInputWatermark": ("min", "Milliseconds"),
    "currentOutputWatermark": ("min", "Milliseconds"),
}
# Metrics of the application's own, of which only those in this group reach CloudWatch: Managed Service for Apache Flink
# guide, "Use custom metrics". Here they are sums of counters.
_OWN_GROUP, _OWN = "kinesisanalytics", ("sum", "Count")
# What the source operators take in is what the application receives.
_SOURCES = {"numRecordsInPerSecond": ("sum", "Count/Second"), "numRecordsIn": ("sum", "Count")}
_COMBINE: Mapping[str, Callable[[list[float]], float]] = {"sum": sum, "min": min, "max": max}
_NO_WATERMARK = -(2**63)


class Metrics:
    def __init__(self, rest: Rest, cloudwatch: Any) -> None:
        self._rest = rest
        self._cloudwatch = cloudwatch

    def put(self, application: str, job: str) -> None:
        """Sends the figures of this moment; none where the job manager does not answer."""
        try:
            found = self.of_job(job) | self.of_operators(job)
        except RestError:
            return
        data = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": "Application", "Value": application}],
                "Value": value,
                "Unit": _JOB[name] if name in _JOB else _kind(name)[1],
            }
            for name, value in found.items()
        ]
        if data:
            self._cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)

    def of_job(self, job: str) -> dict[str, float]:
        found = self._rest.get(f"/jobs/{job}/metrics?get={','.join(_JOB)}")
        # Flink says -1, or nothing, of a checkpoint before the first one.
        return {metric["id"]: float(metric["value"]) for metric in found if _is_number(metric["value"])}

    def of_operators(self, job: str) -> dict[str, float]:
        """By name, over all operators of all tasks."""
        values: dict[str, list[float]] = {}
        for vertex in self._rest.get(f"/jobs/{job}")["vertices"]:
            for name, value in self._of_vertex(f"/jobs/{job}/vertices/{vertex['id']}/subtasks/metrics").items():
                values.setdefault(name, []).append(value)
        return {name: _COMBINE[_kind(name)[0]](found) for name, found in values.items()}

    def _of_vertex(self, path: str) -> Mapping[str, float]:
        wanted = [metric["id"] for metric in self._rest.get(path) if _name(metric["id"])]
        found: dict[str, list[float]] = {}
        # The names are long and an address is not: some at a time.
        for start in range(0, len(wanted), 10):
            names = urllib.parse.quote(",".join(wanted[start : start + 10]), safe=",")
            for metric in self._rest.get(f"{path}?get={names}"):
                name = _name(metric["id"]) or ""
                value = metric[_kind(name)[0]]
                if value != _NO_WATERMARK:
                    found.setdefault(name, []).append(value)
        return {name: _COMBINE[_kind(name)[0]](values) for name, values in found.items()}


def _kind(name: str) -> tuple[str, str]:
    """How the values of an operator's metric become one, and its unit."""
    return (_OPERATORS | _SOURCES).get(name, _OWN)


def _name(identity: str) -> str | None:
    """The metric that an operator's long name ends in, where it is one of those wanted."""
    operator, _, name = identity.rpartition(".")
    if name in _SOURCES:
        return name if operator.startswith("Source") else None
    if operator.endswith(f".{_OWN_GROUP}"):
        return name
    return name if name in _OPERATORS and operator else None


def _is_number(text: str) -> bool:
    try:
        return float(text) >= 0
    except ValueError:
        return False
