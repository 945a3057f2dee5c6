"""What an alarm watches, and whether the platform can: what it cannot is refused when the alarm is made."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from local.api_errors import ApiError
from local.metrics.expression import ExpressionError
from local.metrics.mathematics import Mathematics
from local.metrics.queries import check_query
from local.metrics.series import Series
from local.metrics.store import MINUTE
from local.metrics.summary import STATISTICS, is_percentile

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
HIGH_RESOLUTION_PERIODS = (10, 20, 30)
MOST_METRICS = 10
LONGEST_SECONDS = 86400
LONGEST_SECONDS_OF_HOURS = 7 * 86400
# What PutMetricAlarm keeps, as DescribeAlarms tells it.
MEMBERS = (
    "AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions", "InsufficientDataActions", "MetricName",
    "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit", "EvaluationPeriods",
    "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "EvaluateLowSampleCountPercentile",
    "Metrics",
)  # fmt: skip
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")


def members(request: Mapping[str, Any]) -> dict[str, Any]:
    """The alarm that a request or a template describes. Raises ApiError."""
    unknown = set(request) - {*MEMBERS, "AlarmName", "Tags"}
    if unknown:
        raise _invalid(f"The local platform evaluates no alarm with {', '.join(sorted(unknown))}.")
    found: dict[str, Any] = {
        "ActionsEnabled": True,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "TreatMissingData": "missing",
        **{name: request[name] for name in MEMBERS if request.get(name) is not None},
    }
    if not found.get("Metrics"):
        found.pop("Metrics", None)
        found.setdefault("Dimensions", [])
    _check_comparison(found)
    found["Threshold"] = float(found["Threshold"])
    _check_watched(found)
    _check_range(found)
    return found


def watched(alarm: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """The queries of an alarm, and the Id of the one that is compared."""
    if alarm.get("Metrics"):
        return alarm["Metrics"], next(one["Id"] for one in alarm["Metrics"] if one.get("ReturnData", True))
    stat: dict[str, Any] = {
        "Metric": {name: alarm.get(name) for name in ("Namespace", "MetricName", "Dimensions")},
        "Period": alarm["Period"],
        "Stat": alarm.get("ExtendedStatistic") or alarm["Statistic"],
    }
    if alarm.get("Unit"):
        stat["Unit"] = alarm["Unit"]
    return [{"Id": "m1", "MetricStat": stat}], "m1"


def period(alarm: Mapping[str, Any]) -> int:
    """Seconds of one datapoint."""
    if not alarm.get("Metrics"):
        return int(alarm["Period"])
    stats = [int(one["MetricStat"]["Period"]) for one in alarm["Metrics"] if one.get("MetricStat")]
    named = [int(one["Period"]) for one in alarm["Metrics"] if one.get("Period")]
    return max([*stats, *named], default=MINUTE)


def _check_comparison(alarm: Mapping[str, Any]) -> None:
    comparison = alarm.get("ComparisonOperator")
    if comparison not in COMPARISONS:
        raise _invalid(
            f"The ComparisonOperator {comparison!r} is not one that the local platform evaluates: "
            f"{', '.join(COMPARISONS)}. Those on bands of anomalies need a model that it does not have."
        )
    if alarm.get("Threshold") is None:
        raise ApiError("MissingParameter", "The parameter Threshold is required.")
    if alarm["TreatMissingData"] not in TREATMENTS:
        raise _invalid(f"Option for TreatMissingData must be one of {', '.join(TREATMENTS)}.")
    if alarm.get("EvaluateLowSampleCountPercentile") not in (None, "evaluate", "ignore"):
        raise _invalid("Option for EvaluateLowSampleCountPercentile must be evaluate or ignore.")


def _check_watched(alarm: Mapping[str, Any]) -> None:
    if alarm.get("Metrics"):
        beside = [name for name in _OF_ONE_METRIC if alarm.get(name)]
        if beside:
            raise _invalid(f"The parameter Metrics stands in the place of {', '.join(beside)}: give one or the other.")
        _check_queries(alarm["Metrics"])
        return
    for name in ("MetricName", "Namespace", "Period"):
        if not alarm.get(name):
            raise ApiError("MissingParameter", f"The parameter {name} is required where there is no Metrics.")
    statistic, extended = alarm.get("Statistic"), alarm.get("ExtendedStatistic")
    if bool(statistic) == bool(extended):
        raise _invalid("An alarm on one metric needs a Statistic or an ExtendedStatistic, and not both.")
    if statistic and statistic not in STATISTICS:
        raise _invalid(f"The Statistic must be one of {', '.join(STATISTICS)}, not {statistic!r}.")
    if extended and not is_percentile(extended):
        raise _invalid(f"The ExtendedStatistic {extended!r} is not one that the local platform knows: p0 to p100.")


def _check_queries(queries: list[dict[str, Any]]) -> None:
    periods = {check_query(query) for query in queries} - {0}
    if len(periods) > 1:
        raise _invalid(
            f"All metrics of an alarm must have the same Period, not {', '.join(map(str, sorted(periods)))}."
        )
    stats = [query for query in queries if query.get("MetricStat")]
    if not 1 <= len(stats) <= MOST_METRICS:
        raise _invalid(f"An alarm watches 1 to {MOST_METRICS} metrics, not {len(stats)}.")
    names = [query["Id"] for query in queries]
    if len(set(names)) < len(names):
        raise _invalid("The Ids of an alarm's Metrics must be distinct.")
    returned = [query["Id"] for query in queries if query.get("ReturnData", True)]
    if len(returned) != 1:
        raise _invalid(f"Exactly one of an alarm's Metrics must return data, not {len(returned)}.")
    width = max(periods)
    expressions = {query["Id"]: query["Expression"] for query in queries if query.get("Expression")}
    # Carried out on nothing, an expression shows whether it can be, and what kind of value it gives.
    empty = Mathematics({query["Id"]: Series({}, width) for query in stats}, expressions, [], width)
    for name in names:
        try:
            value = empty.value(name)
        except ExpressionError as error:
            raise _invalid(f"Error in expression {name!r}: {error}") from error
        if name in returned and not isinstance(value, Series):
            kind = "several time series" if isinstance(value, list) else "a number"
            raise _invalid(f"Error in expression {name!r}: it gives {kind}, and an alarm compares one time series.")


def _check_range(alarm: Mapping[str, Any]) -> None:
    width, count = period(alarm), int(alarm.get("EvaluationPeriods") or 0)
    if width not in HIGH_RESOLUTION_PERIODS and (width <= 0 or width % MINUTE):
        raise _invalid(f"Period must be 10, 20, 30 or a multiple of {MINUTE}, not {width}.")
    if count < 1:
        raise _invalid("EvaluationPeriods must be 1 or more.")
    longest = LONGEST_SECONDS if width < 3600 else LONGEST_SECONDS_OF_HOURS
    if width * count > longest:
        raise _invalid(f"Metrics cannot be checked across more than {longest} seconds (EvaluationPeriods * Period).")
    wanted = alarm.get("DatapointsToAlarm")
    if wanted is not None and not 1 <= wanted <= count:
        raise _invalid(f"DatapointsToAlarm must be 1 to EvaluationPeriods ({count}), not {wanted}.")


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationError", message)
