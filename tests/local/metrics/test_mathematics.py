"""Metric math, by the tables of AWS's user guide, and what is refused of it."""

from __future__ import annotations

import pytest

from local.metrics.expression import ExpressionError
from local.metrics.mathematics import Mathematics
from local.metrics.series import Series, Value

TIMES = [0, 60, 120, 180, 240]


def series(*values: float | None) -> Series:
    """One value a minute, None where there is none."""
    return Series({at: value for at, value in zip(TIMES, values, strict=False) if value is not None}, 60)


def value(expression: str, **metrics: Series) -> Value:
    return Mathematics(metrics, {"e": expression}, TIMES, 60).value("e")


def values(expression: str, **metrics: Series) -> list[float | None]:
    found = value(expression, **metrics)
    assert isinstance(found, Series)
    return [found.values.get(at) for at in TIMES]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("metric1 < metric2", [0, 0, 1, 0, None]),
        ("metric1 >= 30", [1, 0, 0, 0, None]),
        ("metric1 > 15 AND metric2 > 15", [1, 0, 0, 0, None]),
        ("metric1 > 15 && metric2 > 15 || metric1 == 0", [1, 0, 1, 1, None]),
        ("NOT_USED + metric1 * 0", None),
        ("metric1 != 20", [1, 0, 1, 1, None]),
        ("100 / metric1", [100 / 30, 5, None, None, None]),
        ("-metric1 + 2 ^ 3", [-22, -12, 8, 8, None]),
        ("(metric1 - metric2) * 2", [20, 40, -40, 0, None]),
    ],
)
def test_signs(expression: str, expected: list[float | None] | None) -> None:
    metrics = {"metric1": series(30, 20, 0, 0), "metric2": series(20, None, 20, None)}
    if expected is None:
        with pytest.raises(ExpressionError, match="'NOT_USED'"):
            value(expression, **metrics)
    else:
        assert values(expression, **metrics) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("IF(metric1, metric2, metric3)", [30, 0, 20, None, None]),
        ("IF(metric1, 5, metric3)", [5, 5, 20, None, None]),
        ("IF(metric1, metric2, 5)", [30, 0, 5, 5, None]),
        ("IF(metric1, metric2)", [30, 0, None, None, None]),
        ("IF(1, metric2, metric3)", [30, None, 0, 0, 30]),
        ("IF(0, metric2, metric3)", [0, 0, 20, None, 20]),
    ],
)
def test_if(expression: str, expected: list[float | None]) -> None:
    metrics = {
        "metric1": series(1, 1, 0, 0, None),
        "metric2": series(30, None, 0, 0, 30),
        "metric3": series(0, 0, 20, None, 20),
    }
    assert values(expression, **metrics) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("DIFF(m)", [None, 5, None, -3, None]),
        ("RATE(m)", [None, 5 / 60, None, -3 / 120, None]),
        ("DIFF_TIME(m)", [None, 60, None, 120, None]),
        ("RUNNING_SUM(m)", [10, 25, None, 37, None]),
        ("FILL(m, 0)", [10, 15, 0, 12, 0]),
        ("FILL(m, REPEAT)", [10, 15, 15, 12, 12]),
        ("FILL(m, LINEAR)", [10, 15, 13.5, 12, None]),
        ("FILL(m, n)", [10, 15, 1, 12, None]),
        ("FILL(nothing, 0) == 0", [1, 1, 1, 1, 1]),
        ("m - AVG(m)", [10 - 37 / 3, 15 - 37 / 3, None, 12 - 37 / 3, None]),
        ("TIME_SERIES(MAX(m) - MIN(m))", [5, 5, 5, 5, 5]),
        ("SUM([m, n])", [11, 16, 1, 13, None]),
        ("MAX([m, n * 13])", [13, 15, 13, 13, None]),
        ("AVG([m, n])", [5.5, 8, 0.5, 6.5, None]),
        ("SUM(METRICS()) / METRIC_COUNT(METRICS())", [11 / 3, 16 / 3, 1 / 3, 13 / 3, None]),
        ('SUM(METRICS("n"))', [1, 1, 1, 1, None]),
        ("m / PERIOD(m)", [10 / 60, 15 / 60, None, 12 / 60, None]),
        ("ABS(n - m)", [9, 14, 1, 11, None]),
        ("CEIL(m / 4) + FLOOR(m / 4)", [5, 7, None, 6, None]),
        ("LAST([m, n])", [1, 1, 1, 1, None]),
        ("m * DATAPOINT_COUNT(m)", [30, 45, None, 36, None]),
        ("EPOCH(m) + MINUTE(m)", [0, 61, 122, 183, 244]),
    ],
)
def test_functions(expression: str, expected: list[float | None]) -> None:
    metrics = {"m": series(10, 15, None, 12), "n": series(1, 1, 1, 1), "nothing": series()}
    assert values(expression, **metrics) == pytest.approx(expected)


def test_an_expression_may_stand_on_others() -> None:
    mathematics = Mathematics({"m": series(1, 2)}, {"twice": "2 * m", "sum": "twice + m"}, TIMES, 60)
    assert mathematics.value("sum") == series(3, 6)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("ANOMALY_DETECTION_BAND(m)", "function ANOMALY_DETECTION_BAND is not one"),
        ("SEARCH('{N,d} m', 'Sum')", "function SEARCH is not one"),
        ("sum(m)", "function sum is not one"),
        ("SELECT AVG(x) FROM y", "has AVG where its end was expected"),
        ("m +", "has its end where a value was expected"),
        ("(m", r"has its end where \) was expected"),
        ("m % 2", "cannot be read from '% 2' on"),
        ("other", "no metric and no expression with the Id 'other'"),
        ("e + 1", "needs itself"),
        ("FILL(m)", "FILL takes a metric and what to fill it with"),
        ("SUM(m, m)", "SUM takes one value, not 2"),
        ("DIFF(3)", "takes a metric, not a number"),
        ("[m] + [m]", "Two arrays"),
    ],
)
def test_what_is_not_understood_is_told(expression: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=words):
        value(expression, m=series(1))
