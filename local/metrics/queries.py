"""GetMetricData, GetMetricStatistics and ListMetrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from local.api_errors import ApiError
from local.metrics.expression import ExpressionError
from local.metrics.mathematics import Mathematics
from local.metrics.sending import sorted_dimensions
from local.metrics.series import Series
from local.metrics.store import MINUTE, Metric, MetricStore
from local.metrics.summary import STATISTICS, Summary, is_percentile, known_statistic
from local.query_protocol import seconds

SHORT_PERIODS = (1, 5, 10, 20, 30)
MOST_DATAPOINTS = 1440
METRICS_PER_PAGE = 500


class MetricQueries:
    """Answers for one account and region."""

    def __init__(self, store: MetricStore, account: str, region: str) -> None:
        self._store = store
        self._scope = account, region

    def metric(self, namespace: str, name: str, dimensions: Sequence[Mapping[str, str]] | None) -> Metric:
        return Metric(*self._scope, namespace, name, sorted_dimensions(dimensions))

    def summaries(self, stat: Mapping[str, Any], begin: int, count: int) -> dict[int, Summary]:
        """Of a MetricStat, over `count` of its periods from `begin` on."""
        wanted = stat["Metric"]
        metric = self.metric(wanted["Namespace"], wanted["MetricName"], wanted.get("Dimensions"))
        return self._store.summaries(metric, stat.get("Unit"), begin, int(stat["Period"]), count)

    def series(self, stat: Mapping[str, Any], begin: int, count: int) -> Series:
        """The statistic that it asks for."""
        found = {at: summary.statistic(stat["Stat"]) for at, summary in self.summaries(stat, begin, count).items()}
        return Series({at: value for at, value in found.items() if value is not None}, int(stat["Period"]))

    def get_metric_data(self, request: Mapping[str, Any]) -> dict[str, Any]:
        queries = request.get("MetricDataQueries") or []
        start, end = _range(request)
        period = max((check_query(query) for query in queries), default=0) or MINUTE
        metrics = {}
        for query in queries:
            if stat := query.get("MetricStat"):
                own = int(stat["Period"])
                begin = start // own * own
                metrics[query["Id"]] = self.series(stat, begin, math.ceil((end - begin) / own))
        begin = start // period * period
        mathematics = Mathematics(
            metrics,
            {query["Id"]: query["Expression"] for query in queries if query.get("Expression")},
            list(range(begin, end, period)),
            period,
        )
        ascending = request.get("ScanBy") == "TimestampAscending"
        results = []
        for query in queries:
            if query.get("ReturnData", True):
                results += self._results(query, mathematics, ascending)
        return {"MetricDataResults": results, "Messages": []}

    def _results(self, query: Mapping[str, Any], mathematics: Mathematics, ascending: bool) -> list[dict[str, Any]]:
        try:
            value = mathematics.value(query["Id"])
        except ExpressionError as error:
            raise ApiError("ValidationError", f"Error in expression '{query['Id']}': {error}") from error
        if isinstance(value, float | int):
            raise ApiError(
                "ValidationError",
                f"Error in expression '{query['Id']}': it gives a number, and must give one time series or several.",
            )
        label = (
            query.get("Label")
            or (query.get("MetricStat") or {"Metric": {"MetricName": query["Id"]}})["Metric"]["MetricName"]
        )
        results = []
        for series in value if isinstance(value, list) else [value]:
            points = sorted(series.values.items(), reverse=not ascending)
            results.append(
                {
                    "Id": query["Id"],
                    "Label": label,
                    "Timestamps": [at for at, _ in points],
                    "Values": [number for _, number in points],
                    "StatusCode": "Complete",
                }
            )
        return results

    def get_metric_statistics(self, request: Mapping[str, Any]) -> dict[str, Any]:
        for name in ("Namespace", "MetricName", "Period"):
            if not request.get(name):
                raise ApiError("MissingParameter", f"The parameter {name} is required.")
        start, end = _range(request)
        period = check_period(int(request["Period"]))
        plain, extended = request.get("Statistics") or [], request.get("ExtendedStatistics") or []
        if not plain and not extended:
            raise ApiError("MissingParameter", "The parameter Statistics or ExtendedStatistics is required.")
        if any(name not in STATISTICS for name in plain) or not all(map(is_percentile, extended)):
            raise ApiError(
                "InvalidParameterValue",
                f"The statistics must be of {', '.join(STATISTICS)}, the extended ones percentiles such as p99.",
            )
        begin = start // period * period
        count = math.ceil((end - begin) / period)
        if count > MOST_DATAPOINTS:
            raise ApiError(
                "InvalidParameterCombination",
                f"You have requested up to {count:,} datapoints, which exceeds the limit of {MOST_DATAPOINTS:,}. "
                "You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
            )
        metric = self.metric(request["Namespace"], request["MetricName"], request.get("Dimensions"))
        points = []
        for unit in [request["Unit"]] if request.get("Unit") else self._store.units(metric):
            for at, summary in self._store.summaries(metric, unit, begin, period, count).items():
                point: dict[str, Any] = {"Timestamp": at, "Unit": unit}
                point |= {name: summary.statistic(name) for name in plain}
                percentiles = {name: summary.statistic(name) for name in extended}
                known = {name: value for name, value in percentiles.items() if value is not None}
                points.append(point | ({"ExtendedStatistics": known} if known else {}))
        return {"Label": request["MetricName"], "Datapoints": sorted(points, key=lambda point: point["Timestamp"])}

    def list_metrics(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found = [metric for metric in self._store.metrics(*self._scope) if _matches(metric, request)]
        first = int(request.get("NextToken") or 0)
        page = found[first : first + METRICS_PER_PAGE]
        answer: dict[str, Any] = {
            "Metrics": [
                {
                    "Namespace": metric.namespace,
                    "MetricName": metric.name,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
                }
                for metric in page
            ]
        }
        if first + METRICS_PER_PAGE < len(found):
            answer["NextToken"] = str(first + METRICS_PER_PAGE)
        return answer


def check_query(query: Mapping[str, Any]) -> int:
    """The period of a metric or expression, 0 where an expression names none. Raises ApiError."""
    stat, expression = query.get("MetricStat"), query.get("Expression")
    if not query.get("Id") or bool(stat) == bool(expression):
        raise ApiError("ValidationError", "Each member of the queries needs an Id, and a MetricStat or an Expression.")
    if not stat:
        return int(query.get("Period") or 0)
    if not known_statistic(stat.get("Stat", "")):
        raise ApiError(
            "ValidationError",
            f"The statistic {stat.get('Stat')!r} of {query['Id']} is not one that the local platform knows: "
            f"{', '.join(STATISTICS)} and percentiles such as p99.",
        )
    if not (stat.get("Metric") or {}).get("MetricName") or not stat["Metric"].get("Namespace"):
        raise ApiError("ValidationError", f"The metric of {query['Id']} needs a Namespace and a MetricName.")
    return check_period(int(stat.get("Period") or 0))


def check_period(period: int) -> int:
    """Raises ApiError where CloudWatch knows no such period."""
    if period in SHORT_PERIODS or (period > 0 and period % MINUTE == 0):
        return period
    raise ApiError(
        "InvalidParameterValue",
        f"The parameter Period must be {', '.join(map(str, SHORT_PERIODS))} or a multiple of {MINUTE}, not {period}.",
    )


def _range(request: Mapping[str, Any]) -> tuple[int, int]:
    if request.get("StartTime") is None or request.get("EndTime") is None:
        raise ApiError("MissingParameter", "The parameters StartTime and EndTime are required.")
    start, end = seconds(request["StartTime"]), seconds(request["EndTime"])
    if start >= end:
        raise ApiError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    return int(start), math.ceil(end)


def _matches(metric: Metric, request: Mapping[str, Any]) -> bool:
    dimensions = dict(metric.dimensions)
    return (
        request.get("Namespace") in (None, "", metric.namespace)
        and request.get("MetricName") in (None, "", metric.name)
        and all(
            one["Name"] in dimensions and one.get("Value") in (None, "", dimensions[one["Name"]])
            for one in request.get("Dimensions") or []
        )
    )
