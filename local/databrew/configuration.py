"""Which statistics of which columns a profile job wants.

Source: "Building a profile job configuration programmatically", DataBrew developer guide. What the local platform does
not compute is refused where a job names it, and left out where a job takes all that there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.api_errors import ApiError

NONE = "NONE"
ALL = "ALL"
DATASET_STATISTICS = ("DUPLICATE_ROWS_COUNT",)
# Of every type; the length of a string stands for the string; of numbers alone.
OF_VALUES = (
    "DISTINCT_VALUES_COUNT", "UNIQUE_VALUES_COUNT", "ENTROPY", "MOST_COMMON_VALUES", "MISSING_VALUES_COUNT",
)  # fmt: skip
OF_SIZES = ("MIN", "MAX", "MEAN", "STANDARD_DEVIATION", "MEDIAN", "MODE")
OF_NUMBERS = (
    "SUM", "ZEROS_COUNT", "VARIANCE", "RANGE", "PERCENTILES", "INTER_QUARTILE_RANGE", "MINIMUM_VALUES",
    "MAXIMUM_VALUES",
)  # fmt: skip
COLUMN_STATISTICS = (*OF_VALUES, *OF_SIZES, *OF_NUMBERS)
_SAMPLE_SIZES = {"MOST_COMMON_VALUES": 50, "MINIMUM_VALUES": 5, "MAXIMUM_VALUES": 5}
_NOT_COMPUTED = (
    "CORRELATION", "SKEWNESS", "KURTOSIS", "MEDIAN_ABSOLUTE_DEVIATION", "OUTLIER_DETECTION", "VALUE_DISTRIBUTION",
    "Z_SCORE_DISTRIBUTION",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """The statistics of a column, and how long the lists among them are at most (None: whole)."""

    statistics: frozenset[str]
    sizes: Mapping[str, int | None] = field(default_factory=lambda: dict(_SAMPLE_SIZES))


@dataclass(frozen=True)
class Configuration:
    """A job's `Configuration`, as CreateProfileJob takes it."""

    definition: Mapping[str, Any]

    @classmethod
    def of(cls, definition: Mapping[str, Any] | None) -> Configuration:
        """Checked; raises ApiError where it wants what is not computed here, or what does not exist."""
        made = cls(definition or {})
        if made.definition.get("EntityDetectorConfiguration"):
            raise _refused("The local platform detects no personal data; leave EntityDetectorConfiguration out.")
        made._check(made._dataset, DATASET_STATISTICS)
        for configuration in made._columns:
            made._check(configuration["Statistics"], COLUMN_STATISTICS)
            for selector in configuration.get("Selectors") or []:
                _matches(selector, "")
        made.of_column("")
        made.columns([""])
        return made

    def of_dataset(self) -> frozenset[str]:
        return frozenset(self._dataset.get("IncludedStatistics") or DATASET_STATISTICS) - {NONE}

    def columns(self, names: Iterable[str]) -> list[str]:
        """Those of the dataset's columns that are profiled."""
        selectors = self.definition.get("ProfileColumns") or []
        return [name for name in names if not selectors or any(_matches(selector, name) for selector in selectors)]

    def of_column(self, name: str) -> Wanted:
        """Of several configurations that mean the column the last one counts."""
        statistics: Iterable[str] = COLUMN_STATISTICS
        sizes: dict[str, int | None] = dict(_SAMPLE_SIZES)
        for configuration in self._columns:
            selectors = configuration.get("Selectors") or []
            if selectors and not any(_matches(selector, name) for selector in selectors):
                continue
            statistics = configuration["Statistics"].get("IncludedStatistics") or statistics
            for override in configuration["Statistics"].get("Overrides") or []:
                sizes[override["Statistic"]] = _size(override)
        return Wanted(frozenset(statistics) - {NONE}, sizes)

    @property
    def left_out(self) -> tuple[str, ...]:
        """What DataBrew would compute for this job and the local platform does not."""
        takes_all = not self._dataset.get("IncludedStatistics") or not any(
            configuration["Statistics"].get("IncludedStatistics") for configuration in self._columns
        )
        return _NOT_COMPUTED if takes_all else ()

    @property
    def _dataset(self) -> Mapping[str, Any]:
        return self.definition.get("DatasetStatisticsConfiguration") or {}

    @property
    def _columns(self) -> list[Mapping[str, Any]]:
        return self.definition.get("ColumnStatisticsConfigurations") or []

    @staticmethod
    def _check(statistics: Mapping[str, Any], computed: Iterable[str]) -> None:
        overridden = [override["Statistic"] for override in statistics.get("Overrides") or []]
        for name in [*(statistics.get("IncludedStatistics") or []), *overridden]:
            if name in _NOT_COMPUTED:
                raise _refused(f"The local platform does not compute the statistic {name}; leave it out.")
            if name not in (*computed, NONE):
                raise _refused(f"There is no statistic {name} here; there are {', '.join(computed)}.")


def _size(override: Mapping[str, Any]) -> int | None:
    statistic, parameters = override["Statistic"], override.get("Parameters") or {}
    if statistic not in _SAMPLE_SIZES or parameters.keys() != {"sampleSize"}:
        raise _refused(f"{statistic} has no parameters {', '.join(parameters)}; lists have sampleSize.")
    size = parameters["sampleSize"]
    if size != ALL and not (size.isdigit() and int(size)):
        raise _refused(f"The sampleSize {size!r} of {statistic} is neither a number above 0 nor {ALL}.")
    return None if size == ALL else int(size)


def _matches(selector: Mapping[str, str], name: str) -> bool:
    if "Name" in selector:
        return selector["Name"] == name
    try:
        return re.fullmatch(selector.get("Regex", ""), name) is not None
    except re.error as error:
        raise _refused(f"The selector {selector['Regex']!r} is no regular expression: {error}.") from error


def _refused(sentence: str) -> ApiError:
    return ApiError("ValidationException", sentence)
