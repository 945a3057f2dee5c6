"""What is known of the values of a metric within some time, and the statistics of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

# Of more values than this, each is kept to within a percent: enough for a percentile.
MOST_VALUES = 300
_PERCENT = math.log(1.01)
_PERCENTILE = re.compile(r"p(100(\.0+)?|\d{1,2}(\.\d+)?)")
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


class Summary(NamedTuple):
    """Never changed: a merge makes a new one.

    values: how often each was sent; None where sums were sent in their place, of which there are no percentiles.
    """

    samples: float
    total: float
    minimum: float
    maximum: float
    values: Mapping[float, float] | None

    @classmethod
    def of_values(cls, values: Mapping[float, float]) -> Summary:
        count, total = sum(values.values()), sum(value * times for value, times in values.items())
        return cls(count, total, min(values), max(values), values)

    @classmethod
    def of_statistics(cls, count: float, total: float, minimum: float, maximum: float) -> Summary:
        """Of a set of statistics; where it says so, all values were the same."""
        same = minimum == maximum and math.isclose(total, minimum * count)
        return cls(count, total, minimum, maximum, {minimum: count} if same else None)

    def statistic(self, name: str) -> float | None:
        """None where it cannot be told, as a percentile of statistics."""
        if name in STATISTICS:
            return {
                "SampleCount": self.samples,
                "Average": self.total / self.samples if self.samples else 0.0,
                "Sum": self.total,
                "Minimum": self.minimum,
                "Maximum": self.maximum,
            }[name]
        return None if self.values is None or self.minimum < 0 else _percentile(self.values, float(name[1:]))


def known_statistic(name: str) -> bool:
    return name in STATISTICS or is_percentile(name)


def is_percentile(name: str) -> bool:
    return _PERCENTILE.fullmatch(name) is not None


def merged(summaries: Iterable[Summary]) -> Summary:
    """Of all of them together; there is at least one."""
    parts = list(summaries)
    if len(parts) == 1:
        return parts[0]
    values: dict[float, float] | None = {}
    for part in parts:
        if part.values is None:
            values = None
            break
        assert values is not None
        for value, times in part.values.items():
            values[value] = values.get(value, 0) + times
    return Summary(
        sum(part.samples for part in parts),
        sum(part.total for part in parts),
        min(part.minimum for part in parts),
        max(part.maximum for part in parts),
        values if values is None or len(values) <= MOST_VALUES else _rounded(values),
    )


def _rounded(values: Mapping[float, float]) -> dict[float, float]:
    found: dict[float, float] = {}
    for value, times in values.items():
        key = math.exp(round(math.log(value) / _PERCENT) * _PERCENT) if value > 0 else value
        found[key] = found.get(key, 0) + times
    return found


def _percentile(values: Mapping[float, float], percent: float) -> float:
    """Between the two nearest ranks, as if each value stood there as often as it was sent."""
    ordered = sorted(values.items())
    rank = percent / 100 * max(sum(values.values()) - 1, 0)

    def at(index: int) -> float:
        seen = 0.0
        for value, times in ordered:
            seen += times
            if index < seen:
                return value
        return ordered[-1][0]

    lower = at(int(rank))
    return lower + (rank - int(rank)) * (at(int(rank) + 1) - lower)
