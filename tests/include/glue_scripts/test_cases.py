"""The conversion's column of the table of cases and readers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from include.glue_scripts.csv_to_parquet import convert
from tests.cases.files import CASES, NO_DATA, Refused, months
from tests.include.glue_scripts.conftest import Workspace

MONTHS = months(CASES)


@pytest.fixture(scope="module")
def report(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """One run over all cases, each in a month of its own, with objects that are no data beside them."""
    workspace = Workspace(Path(tmp_path_factory.mktemp("cases")))
    for month, case in MONTHS.items():
        workspace.put(month, case.content(month), case.file)
        for name, content in NO_DATA.items():
            if name:
                workspace.put(month, content, name)
    yield convert(spark, workspace.arguments(",".join(MONTHS)))


@pytest.mark.parametrize(("month", "case"), MONTHS.items(), ids=[case.name for case in CASES])
def test_a_case_ends_as_the_table_says(report: dict[str, Any], month: str, case: Any) -> None:
    expected = case.conversion
    if isinstance(expected, Refused):
        assert expected.words in report["refused"].get(month, report["months"].get(month))
        return
    assert month in report["months"], report["refused"].get(month)
    counts = report["months"][month]
    assert (counts["rows_in"], counts["rows_curated"]) == (expected.lines, expected.curated)
    assert counts["reasons"] == dict(expected.aside)
    ((uri, of_file),) = counts["files"].items()
    assert uri.endswith(f"/{case.file}")
    assert of_file == {"rows_in": expected.lines, "rows_quarantined": sum(expected.aside.values())}
