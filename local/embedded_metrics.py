"""Metrics in log lines: the embedded metric format.

Source: "Specification: Embedded metric format" of the CloudWatch user guide. A line that is no JSON object with
`_aws.CloudWatchMetrics` is just a line; one that is and breaks a rule gives no metric, and says why.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

from local.metrics.sending import LARGEST, NEWEST_SECONDS, OLDEST_SECONDS, UNITS
from local.metrics.store import Datum, Metric
from local.metrics.summary import Summary

MOST_METRICS = 100
MOST_VALUES = 100
MOST_DIMENSIONS = 30
LONGEST_NAME = 255


class MalformedDocumentError(ValueError):
    """A sentence that names what is wrong with the line."""


def metrics_in(line: str, account: str, region: str) -> list[Datum]:
    """Those of a line, none where it is not in the format. Raises MalformedDocumentError."""
    # Most lines are not, and to see that costs nothing.
    if '"CloudWatchMetrics"' not in line:
        return []
    start = line.find("{")
    try:
        # Lambda's text format puts time and request before what a function prints.
        document = json.loads(line[start:])
    except ValueError:
        return []
    metadata = document.get("_aws") if isinstance(document, dict) else None
    if not isinstance(metadata, dict) or "CloudWatchMetrics" not in metadata:
        return []
    directives = metadata["CloudWatchMetrics"]
    if not isinstance(directives, list) or not all(isinstance(one, dict) for one in directives):
        raise MalformedDocumentError("_aws.CloudWatchMetrics is not an array of objects")
    at = _time(metadata.get("Timestamp"))
    return [datum for one in directives for datum in _directive(one, document, at, account, region)]


def _time(timestamp: Any) -> float:
    if isinstance(timestamp, bool) or not isinstance(timestamp, int):
        raise MalformedDocumentError("_aws.Timestamp is not a whole number of milliseconds since 1970")
    at, now = timestamp / 1000, time.time()
    if not now - OLDEST_SECONDS <= at <= now + NEWEST_SECONDS:
        raise MalformedDocumentError("_aws.Timestamp is over two weeks ago or over two hours ahead")
    return at


def _directive(
    directive: Mapping[str, Any], document: Mapping[str, Any], at: float, account: str, region: str
) -> Iterator[Datum]:
    namespace = directive.get("Namespace")
    if not _is_name(namespace):
        raise MalformedDocumentError("the Namespace of a directive is not a text of 1 to 255 characters")
    sets, definitions = directive.get("Dimensions"), directive.get("Metrics")
    if not isinstance(sets, list) or not all(isinstance(one, list) for one in sets):
        raise MalformedDocumentError("the Dimensions of a directive are not an array of arrays")
    if not isinstance(definitions, list) or len(definitions) > MOST_METRICS:
        raise MalformedDocumentError(f"the Metrics of a directive are not an array of at most {MOST_METRICS}")
    dimensions = [_dimensions(names, document) for names in sets]
    for definition in definitions:
        name, unit, resolution, summary = _definition(definition, document)
        for of_set in dimensions:
            yield Datum(Metric(account, region, str(namespace), name, of_set), unit, at, resolution, summary)


def _dimensions(names: list[Any], document: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if len(names) > MOST_DIMENSIONS:
        raise MalformedDocumentError(f"a set of dimensions has more than {MOST_DIMENSIONS} names")
    found = {}
    for name in names:
        value = document.get(name) if isinstance(name, str) else None
        if not isinstance(value, str) or not value:
            raise MalformedDocumentError(f"the dimension {name!r} is no member of the document with a text")
        found[name] = value
    return tuple(sorted(found.items()))


def _definition(definition: Any, document: Mapping[str, Any]) -> tuple[str, str, int, Summary]:
    given = definition.get("Name") if isinstance(definition, dict) else None
    if not _is_name(given):
        raise MalformedDocumentError("the Name of a metric is not a text of 1 to 255 characters")
    name = str(given)
    unit = definition.get("Unit", "None")
    if unit not in UNITS:
        raise MalformedDocumentError(f"the unit {unit!r} of the metric {name!r} is not one of CloudWatch's")
    resolution = definition.get("StorageResolution", 60)
    if resolution not in (1, 60):
        raise MalformedDocumentError(f"the StorageResolution {resolution!r} of the metric {name!r} is not 1 or 60")
    if name not in document:
        raise MalformedDocumentError(f"the metric {name!r} is no member of the document")
    target = document[name]
    values = target if isinstance(target, list) else [target]
    if len(values) > MOST_VALUES or not values or not all(map(_is_number, values)):
        raise MalformedDocumentError(f"the metric {name!r} is not a number, or an array of 1 to {MOST_VALUES} numbers")
    counts: dict[float, float] = {}
    for value in values:
        counts[float(value)] = counts.get(float(value), 0) + 1
    return name, unit, resolution, Summary.of_values(counts)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= LONGEST_NAME and bool(value.strip())


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < LARGEST
    )
