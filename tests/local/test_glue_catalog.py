"""The Data Catalog: filters, pages, and changes of partitions that the pipeline and Athena depend on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.glue_catalog import InvalidInputError, matching_partitions
from tests.conftest import Platform

MONTHS = [[year, month] for year in ("2018", "2019") for month in ("01", "10", "11")]
KEYS = [{"Name": "p_year", "Type": "string"}, {"Name": "p_month", "Type": "string"}]


@pytest.fixture
def glue(platform: Platform) -> Any:
    client = boto3.client("glue", endpoint_url=platform.endpoint)
    with contextlib.suppress(client.exceptions.AlreadyExistsException):
        client.create_database(DatabaseInput={"Name": "catalog_tests"})
    return client


def table(glue: Any, name: str, partitions: list[list[str]]) -> dict[str, str]:
    """Creates a table with these partitions; what names it in a call."""
    columns = [{"Name": "id", "Type": "bigint"}]
    glue.create_table(
        DatabaseName="catalog_tests",
        TableInput={"Name": name, "PartitionKeys": KEYS, "StorageDescriptor": {"Columns": columns}},
    )
    names = {"DatabaseName": "catalog_tests", "TableName": name}
    glue.batch_create_partition(**names, PartitionInputList=[partition(values) for values in partitions])
    return names


def partition(values: list[str], location: str = "s3://bucket/first/") -> dict[str, Any]:
    return {"Values": values, "StorageDescriptor": {"Location": location}}


@pytest.mark.parametrize(
    ("expression", "selects"),
    [
        ("", lambda year, month: True),
        ("p_year='2019'", lambda year, month: year == "2019"),
        ("p_year = '2019' AND p_month in ('10', '11')", lambda year, month: year == "2019" and month in ("10", "11")),
        ("p_month BETWEEN '01' AND '10' and not p_year = '2018'", lambda y, m: m <= "10" and y != "2018"),
        ("p_month like '1%' or p_year <> '2019'", lambda year, month: month[0] == "1" or year != "2019"),
        (
            "(P_YEAR >= '2019' or p_month < '10') and p_month != '11'",
            lambda y, m: (y == "2019" or m < "10") and m != "11",
        ),
        ("p_month = 10", lambda year, month: month == "10"),
        ("p_year is null", lambda year, month: False),
    ],
)
def test_an_expression_selects_partitions(expression: str, selects: Callable[[str, str], bool]) -> None:
    found = matching_partitions([partition(values) for values in MONTHS], KEYS, expression)
    assert [part["Values"] for part in found] == [values for values in MONTHS if selects(*values)]


def test_keys_are_compared_as_their_type() -> None:
    keys = [KEYS[0], {"Name": "p_month", "Type": "int"}]
    partitions = [partition(values) for values in [*MONTHS, ["2019", "9"]]]
    found = matching_partitions(partitions, keys, "p_month >= 9 and p_month < 11 and p_year = '2019'")
    assert [part["Values"][1] for part in found] == ["10", "9"]
    days = [partition([day]) for day in ("2019-10-31", "2019-11-01")]
    found = matching_partitions(days, [{"Name": "day", "Type": "date"}], "day > '2019-10-31'")
    assert [part["Values"] for part in found] == [["2019-11-01"]]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("p_day = '1'", "not a partition key"),
        ("p_year =", "Cannot read"),
        ("p_year = upper('x')", "may not contain"),
        ("p_year = (select 1)", "may not contain"),
    ],
)
def test_other_expressions_are_refused(expression: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        matching_partitions([partition(MONTHS[0])], KEYS, expression)


def test_get_partitions_filters_and_pages(glue: Any) -> None:
    names = table(glue, "paged", MONTHS)
    page = glue.get_partitions(**names, Expression="p_year = '2019'", MaxResults=2)
    assert [part["Values"] for part in page["Partitions"]] == [["2019", "01"], ["2019", "10"]]
    page = glue.get_partitions(**names, Expression="p_year = '2019'", MaxResults=2, NextToken=page["NextToken"])
    assert [part["Values"] for part in page["Partitions"]] == [["2019", "11"]]
    assert "NextToken" not in page
    with pytest.raises(ClientError, match="InvalidInputException"):
        glue.get_partitions(**names, Expression="nothing = 1")
    many = table(glue, "many", [["2019", str(number)] for number in range(100)])
    for start in range(100, 1100, 100):
        inputs = [partition(["2019", str(number)]) for number in range(start, start + 100)]
        glue.batch_create_partition(**many, PartitionInputList=inputs)
    assert len(glue.get_partitions(**many)["Partitions"]) == 1000
    pages = glue.get_paginator("get_partitions").paginate(**many)
    assert sum(len(page["Partitions"]) for page in pages) == 1100


def test_a_partition_is_switched_to_another_location(glue: Any) -> None:
    names = table(glue, "switched", MONTHS)
    glue.update_partition(
        **names, PartitionValueList=["2019", "10"], PartitionInput=partition(["2019", "10"], "s3://bucket/second/")
    )
    found = glue.get_partition(**names, PartitionValues=["2019", "10"])["Partition"]
    assert found["StorageDescriptor"]["Location"] == "s3://bucket/second/"
    entries = [
        {"PartitionValueList": values, "PartitionInput": partition(values, "s3://bucket/third/")}
        for values in (["2019", "11"], ["2020", "01"])
    ]
    errors = glue.batch_update_partition(**names, Entries=entries)["Errors"]
    assert [error["PartitionValueList"] for error in errors] == [["2020", "01"]]
    found = glue.get_partition(**names, PartitionValues=["2019", "11"])["Partition"]
    assert found["StorageDescriptor"]["Location"] == "s3://bucket/third/"
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        glue.update_partition(**names, PartitionValueList=["2020", "01"], PartitionInput=partition(["2020", "01"]))


def test_partitions_are_deleted(glue: Any) -> None:
    names = table(glue, "deleted", MONTHS)
    wanted = [{"Values": values} for values in (["2018", "01"], ["2017", "01"])]
    errors = glue.batch_delete_partition(**names, PartitionsToDelete=wanted)["Errors"]
    assert [error["PartitionValues"] for error in errors] == [["2017", "01"]]
    glue.delete_partition(**names, PartitionValues=["2018", "10"])
    assert [part["Values"] for part in glue.get_partitions(**names)["Partitions"]] == MONTHS[2:]


def test_what_does_not_exist_is_said(glue: Any) -> None:
    nowhere = {"DatabaseName": "catalog_tests", "TableName": "nowhere"}
    calls: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (glue.get_partitions, nowhere),
        (glue.create_partition, {**nowhere, "PartitionInput": partition(["1"])}),
        (glue.batch_create_partition, {**nowhere, "PartitionInputList": [partition(["1"])]}),
        (glue.get_tables, {"DatabaseName": "no_such_database"}),
    ]
    for call, arguments in calls:
        with pytest.raises(ClientError, match="EntityNotFoundException"):
            call(**arguments)


def test_get_tables_filters_by_name_and_pages(glue: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "table_tests"})
    for name in ("agg_activity", "agg_sessions", "kpi_growth"):
        glue.create_table(DatabaseName="table_tests", TableInput={"Name": name})

    def names(**arguments: Any) -> list[str]:
        pages = glue.get_paginator("get_tables").paginate(DatabaseName="table_tests", **arguments)
        return [found["Name"] for page in pages for found in page["TableList"]]

    assert names() == ["agg_activity", "agg_sessions", "kpi_growth"]
    assert names(Expression="agg_*") == ["agg_activity", "agg_sessions"]
    assert names(Expression=".*sessions|kpi.*") == ["agg_sessions", "kpi_growth"]
    assert names(PaginationConfig={"PageSize": 1}) == ["agg_activity", "agg_sessions", "kpi_growth"]


def test_a_stale_table_version_is_refused(glue: Any) -> None:
    names = table(glue, "versioned", [])
    version = glue.get_table(DatabaseName="catalog_tests", Name="versioned")["Table"]["VersionId"]
    update = {"DatabaseName": names["DatabaseName"], "TableInput": {"Name": "versioned", "Description": "new"}}
    glue.update_table(**update, VersionId=version)
    with pytest.raises(ClientError, match="ConcurrentModificationException"):
        glue.update_table(**update, VersionId=version)
