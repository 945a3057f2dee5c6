"""PutMetricData: what may be sent, and what is kept of it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

from local.api_errors import ApiError
from local.metrics.store import Datum, Metric
from local.metrics.summary import Summary
from local.query_protocol import seconds

MOST_DATA = 1000
MOST_VALUES = 150
MOST_DIMENSIONS = 30
OLDEST_SECONDS = 14 * 86400
NEWEST_SECONDS = 2 * 3600
LARGEST = 2.0**360
_SIZES = [f"{prefix}{unit}" for prefix in ("", "Kilo", "Mega", "Giga", "Tera") for unit in ("bytes", "bits")]
_AMOUNTS = [*(size.capitalize() for size in _SIZES), "Count"]
UNITS = frozenset(
    [*_AMOUNTS, *(f"{one}/Second" for one in _AMOUNTS), "Seconds", "Milliseconds", "Microseconds", "Percent", "None"]
)


def data_of(request: Mapping[str, Any], account: str, region: str) -> list[Datum]:
    """What a request sends. Raises ApiError for all of it where one value is wrong, as AWS does."""
    namespace = request.get("Namespace")
    if not namespace:
        raise ApiError("MissingParameter", "The parameter Namespace is required.")
    sent = request.get("MetricData") or []
    if len(sent) > MOST_DATA:
        raise _invalid(f"The collection MetricData must not have a size greater than {MOST_DATA}.")
    return [
        _datum(Metric(account, region, namespace, _name(one, place), _dimensions(one, place)), one, place)
        for place, one in enumerate(sent, 1)
    ]


def sorted_dimensions(dimensions: Iterable[Mapping[str, str]] | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((one["Name"], one.get("Value", "")) for one in dimensions or ()))


def _name(one: Mapping[str, Any], place: int) -> str:
    if not one.get("MetricName"):
        raise ApiError("MissingParameter", f"The parameter MetricData.member.{place}.MetricName is required.")
    return str(one["MetricName"])


def _dimensions(one: Mapping[str, Any], place: int) -> tuple[tuple[str, str], ...]:
    given = one.get("Dimensions") or []
    if len(given) > MOST_DIMENSIONS:
        raise _invalid(
            f"The collection MetricData.member.{place}.Dimensions must not have a size greater than {MOST_DIMENSIONS}."
        )
    for dimension in given:
        if not dimension.get("Name") or not dimension.get("Value"):
            raise _invalid(f"The parameter MetricData.member.{place}.Dimensions has an empty name or value.")
    return sorted_dimensions(given)


def _datum(metric: Metric, one: Mapping[str, Any], place: int) -> Datum:
    path = f"MetricData.member.{place}"
    now = time.time()
    at = seconds(one["Timestamp"]) if one.get("Timestamp") is not None else now
    if not now - OLDEST_SECONDS <= at <= now + NEWEST_SECONDS:
        raise _invalid(
            f"The parameter {path}.Timestamp must specify a time no more than two weeks in the past "
            "and no more than two hours in the future."
        )
    unit = one.get("Unit") or "None"
    if unit not in UNITS:
        raise _invalid(f"The parameter {path}.Unit must be a value in the set [ {', '.join(sorted(UNITS))} ].")
    resolution = one.get("StorageResolution") or 60
    if resolution not in (1, 60):
        raise _invalid(f"The parameter {path}.StorageResolution must be 1 or 60.")
    return Datum(metric, unit, at, resolution, _summary(one, path))


def _summary(one: Mapping[str, Any], path: str) -> Summary:
    given = [name for name in ("Value", "Values", "StatisticValues") if one.get(name) is not None]
    if len(given) != 1:
        raise ApiError(
            "InvalidParameterCombination",
            f"The parameters {path}.Value, {path}.Values and {path}.StatisticValues are mutually exclusive, and one of "
            "them is required.",
        )
    if given == ["StatisticValues"]:
        found = one["StatisticValues"]
        numbers = [_number(found.get(name), path) for name in ("SampleCount", "Sum", "Minimum", "Maximum")]
        if numbers[0] <= 0 or numbers[2] > numbers[3]:
            raise _invalid(f"The parameter {path}.StatisticValues is not that of any values.")
        return Summary.of_statistics(*numbers)
    values = one["Values"] if given == ["Values"] else [one["Value"]]
    counts = one.get("Counts") or [1] * len(values)
    if not 1 <= len(values) <= MOST_VALUES or len(counts) != len(values):
        raise _invalid(f"The parameter {path}.Values must have 1 to {MOST_VALUES} values, and Counts as many.")
    found = {}
    for value, count in zip(values, counts, strict=True):
        number = _number(value, path)
        found[number] = found.get(number, 0) + _number(count, path)
    if min(found.values()) <= 0:
        raise _invalid(f"The parameter {path}.Counts must have numbers over 0 only.")
    return Summary.of_values(found)


def _number(value: Any, path: str) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > LARGEST:
        raise _invalid(f"The parameter {path} holds {value!r}, which is no number that CloudWatch keeps.")
    return float(value)


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message)
