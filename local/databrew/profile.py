"""The statistics of a dataset, from the rows themselves, in the layout of DataBrew's results.

A column is reduced to its distinct values with their numbers of rows first; all else is computed from those. Missing is
what is empty; the text `nan` is a text. Whole numbers of 64 bits stay exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.databrew.configuration import OF_NUMBERS, OF_SIZES, Configuration, Wanted
from local.databrew.statement import Query, identifier

# By DataBrew's name of each, what computes the attributes of the result.
Statistics = dict[str, Callable[[], dict[str, Any]]]
_INT32 = (-(2**31), 2**31 - 1)
_EXACT_IN_DOUBLES = 2**53


def profile(query: Query, columns: list[str], rows: int, configuration: Configuration) -> dict[str, Any]:
    """The results of the table `data`: sampleSize, duplicateRowsCount and columns, each as it is wanted."""
    result: dict[str, Any] = {"sampleSize": rows}
    if "DUPLICATE_ROWS_COUNT" in configuration.of_dataset():
        every = ", ".join(map(identifier, columns))
        # By a hash of 64 bits: among 10^8 rows two that differ share one with a chance of one in 4,000.
        ((different,),) = query(f"SELECT count(DISTINCT hash({every})) FROM data")
        result["duplicateRowsCount"] = rows - different
    result["columns"] = [
        _Column(query, name, rows, configuration.of_column(name)).result() for name in configuration.columns(columns)
    ]
    return result


@dataclass
class _Column:
    query: Query
    name: str
    rows: int
    wanted: Wanted

    def result(self) -> dict[str, Any]:
        self.query(
            f"CREATE OR REPLACE TEMP TABLE counted AS SELECT {identifier(self.name)} AS value, count(*) AS times "
            f"FROM data WHERE {identifier(self.name)} IS NOT NULL GROUP BY 1"
        )
        kind = self._type()
        if kind in ("int", "bigint", "double"):
            number = "DOUBLE" if kind == "double" else "BIGINT"
            self.query(
                f"CREATE OR REPLACE TEMP TABLE counted AS SELECT CAST(value AS {number}) AS value, "
                "CAST(sum(times) AS BIGINT) AS times FROM counted GROUP BY 1"
            )
        found = self._of_values()
        if kind != "boolean" and self.wanted.statistics & {*OF_SIZES, *OF_NUMBERS}:
            found |= self._of_sizes("length(value)" if kind == "string" else "value")
        return {"name": self.name, "type": kind, **found}

    def _type(self) -> str:
        """The narrowest that all values are of; `2.05E+18` is a double, `nan` is none.

        Whole numbers that a double cannot hold stay texts beside one: as doubles, different ids would be the same.
        """
        ((values, whole, least, most, numbers, booleans),) = self.query(
            """
            SELECT count(*), count(whole), min(whole), max(whole),
              count(*) FILTER (regexp_full_match(value, '[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?')),
              count(*) FILTER (lower(value) IN ('true', 'false'))
            FROM (
              SELECT value, CASE WHEN regexp_full_match(value, '[+-]?[0-9]{1,19}')
                THEN try_cast(value AS BIGINT) END AS whole
              FROM counted
            )
            """
        )
        if not values:
            return "string"
        if whole == values:
            return "int" if least >= _INT32[0] and most <= _INT32[1] else "bigint"
        if numbers == values and (whole == 0 or max(abs(least), abs(most)) <= _EXACT_IN_DOUBLES):
            return "double"
        return "boolean" if booleans == values else "string"

    def _of_values(self) -> dict[str, Any]:
        ((distinct, unique, present, entropy),) = self.query(
            "SELECT count(*), count(*) FILTER (times = 1), coalesce(CAST(sum(times) AS BIGINT), 0), "
            "-sum(times / total * ln(times / total)) FROM counted, (SELECT sum(times) AS total FROM counted)"
        )
        statistics: Statistics = {
            "DISTINCT_VALUES_COUNT": lambda: {"distinctValuesCount": distinct},
            "UNIQUE_VALUES_COUNT": lambda: {"uniqueValuesCount": unique},
            "ENTROPY": lambda: {"entropy": entropy},
            "MOST_COMMON_VALUES": lambda: {
                "mostCommonValues": self._list("MOST_COMMON_VALUES", "times DESC, value"),
            },
            "MISSING_VALUES_COUNT": lambda: {"missingValuesCount": self.rows - present},
        }
        return self._wanted(statistics)

    def _of_sizes(self, size: str) -> dict[str, Any]:
        """Of the values' sizes: numbers themselves, or lengths of strings."""
        self.query(
            f"CREATE OR REPLACE TEMP TABLE sized AS SELECT {size} AS size, CAST(sum(times) AS BIGINT) AS times "
            "FROM counted GROUP BY 1"
        )
        ((least, most, mean, zeros, present),) = self.query(
            "SELECT min(size), max(size), sum(size::DOUBLE * times) / sum(times), "
            "coalesce(CAST(sum(times) FILTER (size = 0) AS BIGINT), 0), CAST(sum(times) AS BIGINT) FROM sized"
        )
        if present is None:
            return {}
        found: Statistics = {
            "MIN": lambda: {"min": least},
            "MAX": lambda: {"max": most},
            "MEAN": lambda: {"mean": mean},
            "STANDARD_DEVIATION": lambda: {"standardDeviation": self._variance(mean, present) ** 0.5},
            "MEDIAN": lambda: {"median": self._percentile(50, present)},
            "MODE": lambda: {"mode": self._one("SELECT size FROM sized ORDER BY times DESC, size LIMIT 1")},
        }
        # 64 bits hold no sum of such ids.
        exact = "DOUBLE" if isinstance(most, float) else "HUGEINT"
        of_numbers: Statistics = {
            "SUM": lambda: {"sum": self._one(f"SELECT sum(size::{exact} * times) FROM sized")},
            "ZEROS_COUNT": lambda: {"zerosCount": zeros},
            "VARIANCE": lambda: {"variance": self._variance(mean, present)},
            "RANGE": lambda: {"range": most - least},
            "PERCENTILES": lambda: {
                f"percentile{percent}": self._percentile(percent, present) for percent in (5, 25, 75, 95)
            },
            "INTER_QUARTILE_RANGE": lambda: {
                "interquartileRange": self._percentile(75, present) - self._percentile(25, present)
            },
            "MINIMUM_VALUES": lambda: {"minimumValues": self._list("MINIMUM_VALUES", "value")},
            "MAXIMUM_VALUES": lambda: {"maximumValues": self._list("MAXIMUM_VALUES", "value DESC")},
        }
        return self._wanted(found | of_numbers if size == "value" else found)

    def _wanted(self, statistics: Statistics) -> dict[str, Any]:
        """Computes those of the statistics that the job wants."""
        wanted = [compute for statistic, compute in statistics.items() if statistic in self.wanted.statistics]
        return {name: value for compute in wanted for name, value in compute().items()}

    def _one(self, statement: str) -> Any:
        ((value,),) = self.query(statement)
        return value

    def _list(self, statistic: str, order: str) -> list[dict[str, Any]]:
        size = self.wanted.sizes[statistic]
        limit = "" if size is None else f" LIMIT {size}"
        values = self.query(f"SELECT value, times FROM counted ORDER BY {order}{limit}")
        return [{"value": value, "count": times} for value, times in values]

    def _variance(self, mean: float, present: int) -> float:
        """Of the sample, without bias; 0 of a single value."""
        squares = self._one(f"SELECT sum(times * (size::DOUBLE - {mean!r}) ** 2) FROM sized")
        return float(squares) / max(present - 1, 1)

    def _percentile(self, percent: int, present: int) -> float:
        """Linear between the two values on either side of the place."""
        place, rest = divmod((present - 1) * percent, 100)
        ((low, high),) = self.query(
            f"SELECT min(size) FILTER (upto > {place}), min(size) FILTER (upto > {place + 1}) "
            "FROM (SELECT size, sum(times) OVER (ORDER BY size) AS upto FROM sized)"
        )
        return float(low + (high - low) * rest / 100) if rest else float(low)
