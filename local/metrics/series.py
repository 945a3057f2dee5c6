"""Series of values, and what each sign and function of metric math makes of them."""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from local.metrics.expression import ExpressionError


@dataclass(frozen=True)
class Series:
    """Values by time; a time without a value is missing."""

    values: Mapping[int, float]
    period: int

    def map(self, change: Callable[[float], float]) -> Series:
        return self.with_values({at: change(value) for at, value in self.values.items()})

    def with_values(self, values: Mapping[int, float]) -> Series:
        return Series({at: value for at, value in values.items() if math.isfinite(value)}, self.period)


type Value = float | Series | list[Series]


def power(left: float, right: float) -> float:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return math.nan
    return math.nan if isinstance(result, complex) else result


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else math.nan,
    "^": power,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "AND": lambda left, right: bool(left) and bool(right),
    "OR": lambda left, right: bool(left) or bool(right),
}
EACH: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
    "LOG": lambda value: math.log(value) if value > 0 else math.nan,
    "LOG10": lambda value: math.log10(value) if value > 0 else math.nan,
}
ALL: dict[str, Callable[[list[float]], float]] = {
    "AVG": lambda values: sum(values) / len(values),
    "MAX": max,
    "MIN": min,
    "SUM": sum,
    "STDDEV": statistics.pstdev,
    "DATAPOINT_COUNT": len,
}
TIMES: dict[str, Callable[[datetime], float]] = {
    "MINUTE": lambda at: at.minute,
    "HOUR": lambda at: at.hour,
    "DAY": lambda at: at.isoweekday(),
    "DATE": lambda at: at.day,
    "MONTH": lambda at: at.month,
    "YEAR": lambda at: at.year,
    "EPOCH": lambda at: at.timestamp(),
}
FUNCTIONS = (
    *EACH, *ALL, *TIMES, "DIFF", "DIFF_TIME", "RATE", "RUNNING_SUM", "FILL", "IF", "FIRST", "LAST", "METRICS",
    "METRIC_COUNT", "PERIOD", "REMOVE_EMPTY", "TIME_SERIES",
)  # fmt: skip


def combined(change: Callable[[float, float], float], left: float | Series, right: float | Series) -> float | Series:
    if isinstance(left, Series):
        if isinstance(right, Series):
            return of_both(change, left, right)
        return left.with_values({at: change(value, right) for at, value in left.values.items()})
    if isinstance(right, Series):
        return right.with_values({at: change(left, value) for at, value in right.values.items()})
    return change(left, right)


def of_both(change: Callable[[float, float], float], left: Series, right: Series) -> Series:
    """A value that only one of them has at a time meets a 0."""
    times = sorted({*left.values, *right.values})
    return left.with_values({at: change(left.values.get(at, 0), right.values.get(at, 0)) for at in times})


def each(change: Callable[[float | Series, float | Series], float | Series], left: Value, right: Value) -> Value:
    if isinstance(left, list) and isinstance(right, list):
        raise ExpressionError("Two arrays of metrics cannot be combined.")
    if isinstance(left, list):
        return [series(change(one, right)) for one in left]  # type: ignore[arg-type]
    if isinstance(right, list):
        return [series(change(left, one)) for one in right]
    return change(left, right)


def over_all(function: Callable[[list[float]], float], value: Series | list[Series], counts: bool) -> Value:
    if isinstance(value, Series):
        numbers = list(value.values.values())
        return float(function(numbers)) if numbers or counts else math.nan
    times = sorted({at for one in value for at in one.values})
    # Of several metrics, those without a value at a time are left out of it; an average takes them for 0.
    missing = 0.0 if function is ALL["AVG"] else None
    found = {}
    for at in times:
        numbers = [number for one in value if (number := one.values.get(at, missing)) is not None]
        found[at] = float(function(numbers))
    return Series(found, value[0].period if value else 0)


def changes(name: str, series: Series) -> Series:
    if name == "RUNNING_SUM":
        total, sums = 0.0, {}
        for at, value in series.values.items():
            total += value
            sums[at] = total
        return series.with_values(sums)
    found = {}
    pairs = list(series.values.items())
    for (before, old), (at, new) in pairwise(pairs):
        found[at] = {"DIFF": new - old, "DIFF_TIME": float(at - before), "RATE": (new - old) / (at - before)}[name]
    return series.with_values(found)


def repeated(values: Mapping[int, float], times: list[int]) -> dict[int, float]:
    last, found = math.nan, {}
    for at in times:
        last = found[at] = values.get(at, last)
    return found


def interpolated(values: Mapping[int, float], times: list[int]) -> dict[int, float]:
    found = dict(values)
    for (before, old), (after, new) in pairwise(values.items()):
        for at in times:
            if before < at < after:
                found[at] = old + (new - old) * (at - before) / (after - before)
    return dict(sorted(found.items()))


def mapped(value: Series | list[Series], change: Callable[[Series], Series]) -> Value:
    return change(value) if isinstance(value, Series) else [change(one) for one in value]


def as_list(value: Value) -> list[Series]:
    if isinstance(value, float | int):
        raise ExpressionError("A number stands where a metric was expected.")
    return [value] if isinstance(value, Series) else value


def single(name: str, value: Series | list[Series]) -> Series:
    if isinstance(value, list):
        raise ExpressionError(f"The function {name} takes one metric, not several.")
    return value


def series(value: float | Series) -> Series:
    assert isinstance(value, Series)
    return value


def not_array(name: str, value: Value) -> float | Series:
    if isinstance(value, list):
        raise ExpressionError(f"The function {name} takes one metric, not several.")
    return value
