"""Alarms on metric math, which ministack's CloudFormation refuses and its CloudWatch keeps like any other."""

from __future__ import annotations

from functools import partial
from typing import Any

from ministack.services.cloudformation import provisioners


def install() -> None:
    provisioners._cw_metric_alarm_record = partial(_record, provisioners._cw_metric_alarm_record)


def _record(stock: Any, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    metrics = properties.get("Metrics")
    if not metrics:
        return dict(stock(name, properties))
    single = {key: value for key, value in properties.items() if key != "Metrics"}
    record = stock(name, {**single, "Namespace": "metric math", "MetricName": "metric math"})
    for member in ("Namespace", "MetricName", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit"):
        del record[member]
    return {**record, "Metrics": metrics}
