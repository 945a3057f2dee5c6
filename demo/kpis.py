"""Reads what the batch run made, through Athena, as an analyst would."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import boto3

from demo import DemoError

POLL_SECONDS = 0.1
TIMEOUT_SECONDS = 900
FAILED = ("FAILED", "CANCELLED")

Row = dict[str, Any]

# Athena answers in texts; these types become JSON numbers. An amount of money has two decimals, which a float of this
# size holds.
_NUMBERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "int", "bigint"), int),
    **dict.fromkeys(("decimal", "double", "float", "real"), float),
    "boolean": lambda text: text == "true",
}


@dataclass(frozen=True)
class Kpis:
    """Rows of the published KPI tables for the data set's months, both audiences, with the tables' own column names.

    events_by_hour: events of all users by UTC hour of the day, 0 to 23, over all days.
    """

    daily_visitors: list[Row]
    cart_abandonment: list[Row]
    popular_categories: list[Row]
    events_by_hour: list[int]


class Athena:
    """Queries of one workgroup, one after another."""

    def __init__(self, workgroup: str) -> None:
        self._workgroup = workgroup
        self._client = boto3.client("athena")

    def rows(self, query: str) -> list[Row]:
        """The result's rows by column name, numbers as numbers; raises DemoError with Athena's reason."""
        query_id = self._client.start_query_execution(QueryString=query, WorkGroup=self._workgroup)["QueryExecutionId"]
        self._wait(query_id, query)
        lines: list[Sequence[dict[str, str]]] = []
        columns: list[tuple[str, str]] = []
        for page in self._client.get_paginator("get_query_results").paginate(QueryExecutionId=query_id):
            result = page["ResultSet"]
            columns = [(column["Name"], column["Type"]) for column in result["ResultSetMetadata"]["ColumnInfo"]]
            lines += [row["Data"] for row in result["Rows"]]
        # The first line of a SELECT's result holds the column names.
        return [
            {name: _value(type_, cell) for (name, type_), cell in zip(columns, line, strict=True)} for line in lines[1:]
        ]

    def _wait(self, query_id: str, query: str) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            status = self._client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
            if status["State"] == "SUCCEEDED":
                return
            if status["State"] in FAILED:
                raise DemoError(f"Athena could not run this query: {status['StateChangeReason']}\n{query}")
            time.sleep(POLL_SECONDS)
        raise DemoError(f"Athena took more than {TIMEOUT_SECONDS} s for this query:\n{query}")


def read(athena: Athena, database: str, months: Sequence[str]) -> Kpis:
    """The KPIs of the months, each as "2019-10"."""

    def table(name: str, order: str) -> list[Row]:
        return athena.rows(f"select * from {database}.{name} where {_within('day', months)} order by {order}")

    by_hour = athena.rows(
        f"select extract(hour from hour) as hour_of_day, sum(events) as events from {database}.kpi_hourly_activity"
        f" where audience = 'all' and {_within('hour', months)} group by 1"
    )
    events = {row["hour_of_day"]: row["events"] for row in by_hour}
    return Kpis(
        daily_visitors=table("kpi_daily_visitors", "day, audience"),
        cart_abandonment=table("kpi_cart_abandonment", "day, audience"),
        popular_categories=table("kpi_popular_categories", "day, audience, rank_by_views nulls last"),
        events_by_hour=[events.get(hour, 0) for hour in range(24)],
    )


def _within(column: str, months: Sequence[str]) -> str:
    """A condition on a date or timestamp; compared as such, not formatted as text, so that it can prune."""
    firsts = [date.fromisoformat(f"{month}-01") for month in months]
    spans = [(first, (first + timedelta(days=31)).replace(day=1)) for first in firsts]
    return "(" + " or ".join(f"({column} >= date '{a}' and {column} < date '{b}')" for a, b in spans) + ")"


def _value(type_: str, cell: dict[str, str]) -> Any:
    text = cell.get("VarCharValue")
    return None if text is None else _NUMBERS.get(type_, str)(text)
