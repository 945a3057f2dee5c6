"""What a profile says of a column, against what Python's own library says of the same values."""

from __future__ import annotations

import gzip
import math
import statistics
from collections.abc import Sequence
from typing import Any

import pytest

from tests.local.databrew.conftest import Profiles

# Neighbours that a double cannot tell apart.
IDS = [2053013555631882655, 2053013555631882656, 2053013555631882655, 2053013555631882657]
PRICES = [1.5, 0.0, 489.07, 1.5, 12.25, 3.0, 0.0, 1.5]


def table(**columns: Sequence[Any]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "".join(",".join(map(str, row)) + "\n" for row in [list(columns), *rows])


def test_ids_of_64_bits_stay_exact(profiles: Profiles) -> None:
    profiles.put("in/rows.csv", table(id=IDS))
    profiles.create("in/rows.csv")
    column = profiles.columns()["id"]
    assert column["type"] == "bigint"
    assert (column["distinctValuesCount"], column["uniqueValuesCount"]) == (3, 2)
    assert column["mostCommonValues"] == [
        {"value": IDS[0], "count": 2},
        {"value": IDS[1], "count": 1},
        {"value": IDS[3], "count": 1},
    ]
    assert (column["min"], column["max"], column["sum"]) == (min(IDS), max(IDS), sum(IDS))
    assert column["maximumValues"][0] == {"value": IDS[3], "count": 1}


def test_numbers_are_those_of_the_statistics_library(profiles: Profiles) -> None:
    profiles.put("in/rows.csv", table(price=PRICES, count=range(len(PRICES))))
    profiles.create("in/rows.csv")
    columns = profiles.columns()
    price = columns["price"]
    assert (price["type"], columns["count"]["type"]) == ("double", "int")
    assert (price["min"], price["max"], price["range"]) == (0.0, 489.07, 489.07)
    assert (price["zerosCount"], price["missingValuesCount"], price["mode"]) == (2, 0, 1.5)
    assert price["sum"] == pytest.approx(sum(PRICES))
    assert price["mean"] == pytest.approx(statistics.mean(PRICES))
    assert price["median"] == pytest.approx(statistics.median(PRICES))
    assert price["variance"] == pytest.approx(statistics.variance(PRICES))
    assert price["standardDeviation"] == pytest.approx(statistics.stdev(PRICES))
    quarters = statistics.quantiles(PRICES, n=4, method="inclusive")
    assert [price["percentile25"], price["percentile75"]] == pytest.approx([quarters[0], quarters[2]])
    assert price["interquartileRange"] == pytest.approx(quarters[2] - quarters[0])
    shares = [PRICES.count(value) / len(PRICES) for value in set(PRICES)]
    assert price["entropy"] == pytest.approx(-sum(share * math.log(share) for share in shares))
    assert price["minimumValues"][0] == {"value": 0.0, "count": 2}


def test_nan_is_a_brand_and_nothing_is_missing_a_value(profiles: Profiles) -> None:
    brands = ["nan", "", "apple", "nan", "", "lg"]
    profiles.put("in/rows.csv", table(row=range(6), brand=brands, only=["nan"] * 6))
    profiles.create("in/rows.csv")
    columns = profiles.columns()
    brand = columns["brand"]
    assert (brand["type"], columns["only"]["type"]) == ("string", "string")
    assert (brand["distinctValuesCount"], brand["uniqueValuesCount"], brand["missingValuesCount"]) == (3, 2, 2)
    assert brand["mostCommonValues"][0] == {"value": "nan", "count": 2}
    # Of texts the lengths are measured.
    assert (brand["min"], brand["max"], brand["mean"]) == (2, 5, statistics.mean([3, 5, 3, 2]))
    assert "sum" not in brand


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-5", "+7"], "int"),
        (["1", str(2**31)], "bigint"),
        (["1", str(2**63)], "double"),
        (["1", "2.05301E+18"], "double"),
        ([str(2**60), "2.05301E+18"], "string"),
        (["1", "x"], "string"),
        (["1", "2019-11-01 00:00:00 UTC"], "string"),
        (["true", "FALSE"], "boolean"),
        (["", ""], "string"),
    ],
)
def test_a_type_is_the_narrowest_of_all_values(profiles: Profiles, values: list[str], kind: str) -> None:
    profiles.put("in/rows.csv", table(row=range(len(values)), value=values))
    profiles.create("in/rows.csv")
    assert profiles.columns()["value"]["type"] == kind


def test_the_result_has_databrews_layout(profiles: Profiles) -> None:
    profiles.put("in/rows.csv", table(a=[1, 1, 1, 2], b=["x", "x", "y", "x"]))
    profiles.create("in/rows.csv")
    run = profiles.ended(profiles.start())
    key = run["Outputs"][0]["Location"]["Key"]
    assert key == f"profiles/{profiles.name}_{run['RunId'].removeprefix('db_')}.json"
    found = profiles.profile()
    assert (found["sampleSize"], found["duplicateRowsCount"], found["version"]) == (4, 1, "1.0")
    assert [column["name"] for column in found["columns"]] == ["a", "b"]
    assert (found["jobName"], found["location"][:5]) == (profiles.name, "s3://")
    assert found["startedOn"] <= found["writtenOn"]


def test_a_job_gets_the_statistics_that_it_names(profiles: Profiles) -> None:
    profiles.put("in/rows.csv", table(a=range(9), b=["x"] * 9, c=range(9)))
    some = {"IncludedStatistics": ["DISTINCT_VALUES_COUNT", "MAX", "MOST_COMMON_VALUES"]}
    short = {"Statistic": "MOST_COMMON_VALUES", "Parameters": {"sampleSize": "2"}}
    configuration = {
        "ProfileColumns": [{"Regex": "[ab]"}],
        "DatasetStatisticsConfiguration": {"IncludedStatistics": ["NONE"]},
        "ColumnStatisticsConfigurations": [
            {"Statistics": some},
            {"Selectors": [{"Name": "a"}], "Statistics": {"Overrides": [short]}},
            {"Selectors": [{"Name": "b"}], "Statistics": {"IncludedStatistics": ["MISSING_VALUES_COUNT"]}},
        ],
    }
    profiles.create("in/rows.csv", Configuration=configuration)
    found = profiles.profile()
    assert "duplicateRowsCount" not in found
    first, second = found["columns"]
    assert first == {
        "name": "a",
        "type": "int",
        "distinctValuesCount": 9,
        "mostCommonValues": [{"value": 0, "count": 1}, {"value": 1, "count": 1}],
        "max": 8,
    }
    assert second == {"name": "b", "type": "string", "missingValuesCount": 0}


def test_all_objects_of_an_expression_are_one_dataset(profiles: Profiles) -> None:
    for month, rows in (("10", [1, 2]), ("11", [2, 3])):
        profiles.put(f"raw/p_month={month}/rows.csv", table(a=rows))
    profiles.put("raw/p_month=12/rows.csv.gz", gzip.compress(table(a=[4]).encode()))
    profiles.put("raw/p_month=12/deeper/rows.csv", "other,columns\n1,2\n")
    profiles.create(r"raw/p_month=<\d{2}>/<[^/]+>")
    found = profiles.profile()
    assert (found["sampleSize"], found["columns"][0]["distinctValuesCount"]) == (5, 4)


def test_a_folder_is_the_files_right_in_it(profiles: Profiles) -> None:
    profiles.put("raw/one", "1;2\n")
    profiles.put("raw/two", "3;4\r\n5;6\r\n")
    profiles.put("raw/deeper/rows", "7;8\n")
    profiles.create("raw/", options={"Delimiter": ";", "HeaderRow": False})
    found = profiles.profile()
    assert found["sampleSize"] == 3
    assert [column["name"] for column in found["columns"]] == ["Column_1", "Column_2"]


def test_lines_that_are_no_rows_are_counted_in_the_log(profiles: Profiles) -> None:
    bad = b"1,2,3,4\nshort\n5,\xff\xfe,6\n"
    good = 'a,b,c\n1,"with, comma and ""quotes""",2\n3,,4\n'
    pieces = '8,"a line\nbreak",9\n'
    profiles.put("in/rows.csv", (good + pieces).encode() + bad + b'6,"never closed,7\n7,nul\0,8\n')
    profiles.create("in/rows.csv")
    run_id = profiles.start()
    assert profiles.ended(run_id)["State"] == "SUCCEEDED"
    assert any("2 rows; 7 lines left out" in line for line in profiles.lines(run_id))
    assert profiles.columns()["b"]["mostCommonValues"] == [{"value": 'with, comma and "quotes"', "count": 1}]


def test_a_sample_is_as_long_as_the_job_says_and_20000_rows_otherwise(profiles: Profiles) -> None:
    profiles.put("in/rows.csv", table(a=range(21_000)))
    profiles.create("in/rows.csv", JobSample={"Mode": "CUSTOM_ROWS", "Size": 100})
    assert profiles.profile()["sampleSize"] == 100
    profiles.databrew.delete_job(Name=profiles.name)
    profiles.create_job(JobSample={})
    assert profiles.profile()["sampleSize"] == 20_000
