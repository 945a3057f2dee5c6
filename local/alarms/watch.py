"""One look at what an alarm watches: its datapoints, and the state that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.alarms.definition import COMPARISONS, period, watched
from local.alarms.evaluation import FURTHER_PERIODS, Rule, Verdict, evaluate
from local.metrics.mathematics import Mathematics
from local.metrics.queries import MetricQueries
from local.metrics.series import Series
from local.metrics.store import MINUTE
from local.metrics.summary import Summary

# So long after the end of a period, what was measured in it has arrived.
SETTLE_SECONDS = {10: 2.0, MINUTE: 4.0}


@dataclass(frozen=True)
class Look:
    """values: by time. summaries: what they were computed from, where an alarm is on one metric."""

    verdict: Verdict
    values: Mapping[int, float]
    summaries: Mapping[int, Summary]


def end_of_range(alarm: Mapping[str, Any], now: float) -> int:
    """The end of the newest period to be evaluated; it moves every minute, or every ten seconds for short periods."""
    interval = 10 if period(alarm) < MINUTE else MINUTE
    return int((now - SETTLE_SECONDS[interval]) // interval * interval)


def look(queries: MetricQueries, alarm: Mapping[str, Any], end: int) -> Look:
    """Raises ExpressionError."""
    width, count = period(alarm), int(alarm["EvaluationPeriods"]) + FURTHER_PERIODS
    begin = end - width * count
    times = list(range(begin, end, width))
    wanted, identity = watched(alarm)
    metrics = {one["Id"]: queries.series(one["MetricStat"], begin, count) for one in wanted if one.get("MetricStat")}
    expressions = {one["Id"]: one["Expression"] for one in wanted if one.get("Expression")}
    value = Mathematics(metrics, expressions, times, width).value(identity)
    values = value.values if isinstance(value, Series) else {}
    threshold, compare = float(alarm["Threshold"]), COMPARISONS[alarm["ComparisonOperator"]]
    rule = Rule(
        lambda one: compare(one, threshold),
        int(alarm["EvaluationPeriods"]),
        int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]),
        # As on AWS, whatever the alarm says.
        "ignore" if alarm.get("Namespace") == "AWS/DynamoDB" else alarm["TreatMissingData"],
    )
    verdict = evaluate(rule, values, times)
    summaries = queries.summaries(wanted[0]["MetricStat"], begin, count) if not alarm.get("Metrics") else {}
    if _too_few_samples(alarm, [summaries[at] for at in verdict.times if at in summaries]):
        verdict = replace(verdict, state=None)
    return Look(verdict, values, summaries)


def _too_few_samples(alarm: Mapping[str, Any], summaries: list[Summary]) -> bool:
    """Whether a percentile says nothing, and the alarm is asked to wait then."""
    if alarm.get("EvaluateLowSampleCountPercentile") != "ignore" or not alarm.get("ExtendedStatistic"):
        return False
    share = float(alarm["ExtendedStatistic"][1:]) / 100
    side = 1 - share if share >= 0.5 else share
    return side > 0 and sum(summary.samples for summary in summaries) < 10 / side
