"""Metric math carried out: an expression's tree, evaluated on series.

Source: "Using metric math" of the CloudWatch user guide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from local.metrics.expression import Array, Call, ExpressionError, Name, Node, Number, Operation, Text, parse
from local.metrics.series import (
    ALL,
    ARITHMETIC,
    COMPARISONS,
    EACH,
    FUNCTIONS,
    TIMES,
    Series,
    Value,
    as_list,
    changes,
    combined,
    each,
    interpolated,
    mapped,
    not_array,
    over_all,
    repeated,
    single,
)


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
            return [one for member in node.members for one in as_list(self._evaluate(member))]
        if isinstance(node, Operation):
            return each(self._operation(node.sign), self._evaluate(node.left), self._evaluate(node.right))
        if isinstance(node, Call):
            return self._call(node)
        raise ExpressionError(f"The text {node.value!r} stands where a value was expected.")

    def _operation(self, sign: str) -> Callable[[float | Series, float | Series], float | Series]:
        if sign in ARITHMETIC:
            change = ARITHMETIC[sign]
        else:
            compare = COMPARISONS[sign]

            def change(left: float, right: float) -> float:
                return float(compare(left, right))

        return lambda left, right: combined(change, left, right)

    def _call(self, node: Call) -> Value:
        name, arguments = node.function, node.arguments
        if name not in FUNCTIONS:
            raise ExpressionError(
                f"The function {name} is not one that the local platform carries out; it knows "
                f"{', '.join(sorted(FUNCTIONS))}."
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
        if name in EACH:
            change = EACH[name]
            return change(value) if isinstance(value, float | int) else mapped(value, lambda one: one.map(change))
        if isinstance(value, float | int):
            raise ExpressionError(f"The function {name} takes a metric, not a number.")
        if name in ALL:
            return over_all(ALL[name], value, counts=name == "DATAPOINT_COUNT")
        return self._of_metrics(name, value)

    def _of_metrics(self, name: str, value: Series | list[Series]) -> Value:
        if name in TIMES:
            change_time = TIMES[name]
            filled = {at: change_time(datetime.fromtimestamp(at, UTC)) for at in self._times}
            return mapped(value, lambda one: one.with_values(filled))
        if name == "PERIOD":
            return float(single(name, value).period)
        if name in ("FIRST", "LAST", "METRIC_COUNT", "REMOVE_EMPTY"):
            return self._of_array(name, as_list(value))
        return mapped(value, lambda one: changes(name, one))

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
            fill = repeated if way.value == "REPEAT" else interpolated
            return mapped(value, lambda one: one.with_values(fill(one.values, self._times)))
        with_what = self._evaluate(way)
        if isinstance(with_what, list):
            raise ExpressionError("FILL takes one metric to fill with, not several.")
        filler = with_what.values if isinstance(with_what, Series) else dict.fromkeys(self._times, with_what)
        return mapped(value, lambda one: one.with_values(dict(sorted({**filler, **one.values}.items()))))

    def _if(self, arguments: tuple[Node, ...]) -> Value:
        if len(arguments) not in (2, 3):
            raise ExpressionError("IF takes a condition, a value where it holds, and one where it does not.")
        condition, *choices = [not_array("IF", self._evaluate(argument)) for argument in arguments]
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
