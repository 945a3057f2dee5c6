"""One Spark session for the suite, started as the local platform starts Glue jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from include.glue_scripts import csv_to_parquet
from tests.conftest import ROOT

REAL_ROWS = Path(os.environ.get("ECOMM_REAL_DATA", ROOT.parent / "shared" / "data")) / "2019-Oct-head.csv"
# Only where the real rows are: they are not part of the project.
collect_ignore = [] if REAL_ROWS.is_file() else ["test_real_rows.py"]


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    settings: dict[str, bool | float | int | str | None] = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        # Short jobs spend most of their time on compilation; the quick compiler alone halves it.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.shuffle.partitions": "2",
        "spark.log.level": "ERROR",
    }
    SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    session = csv_to_parquet.start_session()
    yield session
    session.stop()


class Workspace:
    """Folders of one test, laid out as the buckets are."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, month: str, content: str | bytes, name: str = "events.csv") -> Path:
        """Writes a file of the data set into its month's folder and returns its path."""
        year, number = month.split("-")
        path = self.root / "raw" / f"p_year={year}" / f"p_month={number}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def arguments(self, months: str, cluster_by: str = "category_id") -> csv_to_parquet.Arguments:
        return csv_to_parquet.Arguments.of(
            {
                "SOURCE": f"{self.root}/raw",
                "MONTHS": months,
                "CURATED": f"{self.root}/curated/version=one",
                "QUARANTINE": f"{self.root}/quarantine/version=one",
                "CLUSTER_BY": cluster_by,
                "REPORT": f"{self.root}/reports/one.json",
            }
        )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)
