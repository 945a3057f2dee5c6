"""Metric math carried out: what each sign and function makes of series of values.

Source: "Using metric math" of the CloudWatch user guide.
"""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from local.metrics.expression import Array, Call, ExpressionError, Name, Node, Number, Operation, Text, parse


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


def _power(left: float, right: float) -> float:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return math.nan
    return math.nan if isinstance(result, complex) else result


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else math.nan,
    "^": _power,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "AND": lambda left, right: bool(left) and bool(right),
    "OR": lambda left, right: bool(left) or bool(right),
}
_EACH: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
    "LOG": lambda value: math.log(value) if value > 0 else math.nan,
    "LOG10": lambda value: math.log10(value) if value > 0 else math.nan,
}
_ALL: dict[str, Callable[[list[float]], float]] = {
    "AVG": lambda values: sum(values) / len(values),
    "MAX": max,
    "MIN": min,
    "SUM": sum,
    "STDDEV": statistics.pstdev,
    "DATAPOINT_COUNT": len,
}
_TIMES: dict[str, Callable[[datetime], float]] = {
    "MINUTE": lambda at: at.minute,
    "HOUR": lambda at: at.hour,
    "DAY": lambda at: at.isoweekday(),
    "DATE": lambda at: at.day,
    "MONTH": lambda at: at.month,
    "YEAR": lambda at: at.year,
    "EPOCH": lambda at: at.timestamp(),
}
_FUNCTIONS = (
    *_EACH, *_ALL, *_TIMES, "DIFF", "DIFF_TIME", "RATE", "RUNNING_SUM", "FILL", "IF", "FIRST", "LAST", "METRICS",
    "METRIC_COUNT", "PERIOD", "REMOVE_EMPTY", "TIME_SERIES",
)  # fmt: skip


class Mathematics:
    """Evaluates expressions on one request's metrics.

    metrics: by Id, those of the request. expressions: by Id, the others. times: at which a series could have a value.
    """

    def __init__(
        self, metrics: Mapping[str, Series], expressions: Mapping[str, str], times: list[int], period: int
    ) -> None:
        self._metrics = metrics
        self._expressions = expressions
        self._times = times
        self._period = period
        self._under_way: list[str] = []

    def value(self, name: str) -> Value:
        """Of the metric or expression of this Id. Raises ExpressionError."""
        if name in self._metrics:
            return self._metrics[name]
        if name not in self._expressions:
            raise ExpressionError(f"There is no metric and no expression with the Id {name!r}.")
        if name in self._under_way:
            raise ExpressionError(f"The expression {name!r} needs itself: {' → '.join([*self._under_way, name])}.")
        self._under_way.append(name)
        try:
            return self._evaluate(parse(self._expressions[name]))
        finally:
            self._under_way.pop()

    def _evaluate(self, node: Node) -> Value:
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Name):
            return self.value(node.value)
        if isinstance(node, Array):
            return [one for member in node.members for one in _as_list(self._evaluate(member))]
        if isinstance(node, Operation):
            return _each(self._operation(node.sign), self._evaluate(node.left), self._evaluate(node.right))
        if isinstance(node, Call):
            return self._call(node)
        raise ExpressionError(f"The text {node.value!r} stands where a value was expected.")

    def _operation(self, sign: str) -> Callable[[float | Series, float | Series], float | Series]:
        if sign in _ARITHMETIC:
            change = _ARITHMETIC[sign]
        else:
            compare = _COMPARISONS[sign]

            def change(left: float, right: float) -> float:
                return float(compare(left, right))

        return lambda left, right: _combined(change, left, right)

    def _call(self, node: Call) -> Value:
        name, arguments = node.function, node.arguments
        if name not in _FUNCTIONS:
            raise ExpressionError(
                f"The function {name} is not one that the local platform carries out; it knows "
                f"{', '.join(sorted(_FUNCTIONS))}."
            )
        if name == "METRICS":
            wanted = arguments[0].value if arguments and isinstance(arguments[0], Text) else ""
            return [series for identity, series in self._metrics.items() if wanted in identity]
        if name == "FILL":
            return self._fill(arguments)
        if name == "IF":
            return self._if(arguments)
        if len(arguments) != 1:
            raise ExpressionError(f"The function {name} takes one value, not {len(arguments)}.")
        return self._one(name, self._evaluate(arguments[0]))

    def _one(self, name: str, value: Value) -> Value:
        if name == "TIME_SERIES":
            if not isinstance(value, float | int):
                raise ExpressionError("TIME_SERIES takes a number.")
            return Series(dict.fromkeys(self._times, value), self._period)
        if name in _EACH:
            change = _EACH[name]
            return change(value) if isinstance(value, float | int) else _mapped(value, lambda one: one.map(change))
        if isinstance(value, float | int):
            raise ExpressionError(f"The function {name} takes a metric, not a number.")
        if name in _ALL:
            return _over_all(_ALL[name], value, counts=name == "DATAPOINT_COUNT")
        return self._of_metrics(name, value)

    def _of_metrics(self, name: str, value: Series | list[Series]) -> Value:
        if name in _TIMES:
            change_time = _TIMES[name]
            filled = {at: change_time(datetime.fromtimestamp(at, UTC)) for at in self._times}
            return _mapped(value, lambda one: one.with_values(filled))
        if name == "PERIOD":
            return float(_single(name, value).period)
        if name in ("FIRST", "LAST", "METRIC_COUNT", "REMOVE_EMPTY"):
            return self._of_array(name, _as_list(value))
        return _mapped(value, lambda one: _changes(name, one))

    def _of_array(self, name: str, members: list[Series]) -> Value:
        if name == "METRIC_COUNT":
            return float(len(members))
        if name == "REMOVE_EMPTY":
            return [one for one in members if one.values]
        if not members:
            return Series({}, self._period)
        return members[0 if name == "FIRST" else -1]

    def _fill(self, arguments: tuple[Node, ...]) -> Value:
        if len(arguments) != 2:
            raise ExpressionError("FILL takes a metric and what to fill it with: a number, REPEAT or LINEAR.")
        value = self._evaluate(arguments[0])
        if isinstance(value, float | int):
            raise ExpressionError("FILL takes a metric, not a number.")
        way = arguments[1]
        if isinstance(way, Name) and way.value in ("REPEAT", "LINEAR"):
            fill = _repeated if way.value == "REPEAT" else _interpolated
            return _mapped(value, lambda one: one.with_values(fill(one.values, self._times)))
        with_what = self._evaluate(way)
        if isinstance(with_what, list):
            raise ExpressionError("FILL takes one metric to fill with, not several.")
        filler = with_what.values if isinstance(with_what, Series) else dict.fromkeys(self._times, with_what)
        return _mapped(value, lambda one: one.with_values(dict(sorted({**filler, **one.values}.items()))))

    def _if(self, arguments: tuple[Node, ...]) -> Value:
        if len(arguments) not in (2, 3):
            raise ExpressionError("IF takes a condition, a value where it holds, and one where it does not.")
        condition, *choices = [_not_array("IF", self._evaluate(argument)) for argument in arguments]
        if not isinstance(condition, Series):
            chosen = 0 if condition else 1
            return choices[chosen] if chosen < len(choices) else Series({}, self._period)
        values = {}
        for at, holds in condition.values.items():
            # Where the condition holds, a missing value is 0; where it does not, it stays missing.
            chosen_value = choices[0] if holds else choices[1] if len(choices) > 1 else math.nan
            if isinstance(chosen_value, Series):
                chosen_value = chosen_value.values.get(at, 0 if holds else math.nan)
            values[at] = chosen_value
        return condition.with_values(values)


def _combined(change: Callable[[float, float], float], left: float | Series, right: float | Series) -> float | Series:
    if isinstance(left, Series):
        if isinstance(right, Series):
            return _of_both(change, left, right)
        return left.with_values({at: change(value, right) for at, value in left.values.items()})
    if isinstance(right, Series):
        return right.with_values({at: change(left, value) for at, value in right.values.items()})
    return change(left, right)


def _of_both(change: Callable[[float, float], float], left: Series, right: Series) -> Series:
    """A value that only one of them has at a time meets a 0."""
    times = sorted({*left.values, *right.values})
    return left.with_values({at: change(left.values.get(at, 0), right.values.get(at, 0)) for at in times})


def _each(change: Callable[[float | Series, float | Series], float | Series], left: Value, right: Value) -> Value:
    if isinstance(left, list) and isinstance(right, list):
        raise ExpressionError("Two arrays of metrics cannot be combined.")
    if isinstance(left, list):
        return [_series(change(one, right)) for one in left]  # type: ignore[arg-type]
    if isinstance(right, list):
        return [_series(change(left, one)) for one in right]
    return change(left, right)


def _over_all(function: Callable[[list[float]], float], value: Series | list[Series], counts: bool) -> Value:
    if isinstance(value, Series):
        numbers = list(value.values.values())
        return float(function(numbers)) if numbers or counts else math.nan
    times = sorted({at for one in value for at in one.values})
    # Of several metrics, those without a value at a time are left out of it; an average takes them for 0.
    missing = 0.0 if function is _ALL["AVG"] else None
    found = {}
    for at in times:
        numbers = [number for one in value if (number := one.values.get(at, missing)) is not None]
        found[at] = float(function(numbers))
    return Series(found, value[0].period if value else 0)


def _changes(name: str, series: Series) -> Series:
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


def _repeated(values: Mapping[int, float], times: list[int]) -> dict[int, float]:
    last, found = math.nan, {}
    for at in times:
        last = found[at] = values.get(at, last)
    return found


def _interpolated(values: Mapping[int, float], times: list[int]) -> dict[int, float]:
    found = dict(values)
    for (before, old), (after, new) in pairwise(values.items()):
        for at in times:
            if before < at < after:
                found[at] = old + (new - old) * (at - before) / (after - before)
    return dict(sorted(found.items()))


def _mapped(value: Series | list[Series], change: Callable[[Series], Series]) -> Value:
    return change(value) if isinstance(value, Series) else [change(one) for one in value]


def _as_list(value: Value) -> list[Series]:
    if isinstance(value, float | int):
        raise ExpressionError("A number stands where a metric was expected.")
    return [value] if isinstance(value, Series) else value


def _single(name: str, value: Series | list[Series]) -> Series:
    if isinstance(value, list):
        raise ExpressionError(f"The function {name} takes one metric, not several.")
    return value


def _series(value: float | Series) -> Series:
    assert isinstance(value, Series)
    return value


def _not_array(name: str, value: Value) -> float | Series:
    if isinstance(value, list):
        raise ExpressionError(f"The function {name} takes one metric, not several.")
    return value
