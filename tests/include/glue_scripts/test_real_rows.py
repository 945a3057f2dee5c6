"""The conversion of real rows: all of them are events, and no value changes on the way."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import datetime

from pyspark.sql import SparkSession

from include.glue_scripts.csv_to_parquet import COLUMNS, convert
from tests.include.glue_scripts.conftest import REAL_ROWS, Workspace


def test_every_real_row_is_curated_unchanged(spark: SparkSession, workspace: Workspace) -> None:
    workspace.put("2019-10", REAL_ROWS.read_bytes(), name="2019-Oct.csv")
    report = convert(spark, workspace.arguments("2019-10"))
    assert (report["rows_in"], report["rows_curated"], report["rows_quarantined"]) == (17_434, 17_434, 0)

    with REAL_ROWS.open(newline="") as file:
        expected = Counter(tuple(row[name] for name in COLUMNS) for row in csv.DictReader(file))
    rows = spark.read.parquet(str(workspace.root / "curated/version=one")).select(*COLUMNS).collect()
    assert Counter(tuple(as_text(row[name]) for name in COLUMNS) for row in rows) == expected


def as_text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else str(value)
