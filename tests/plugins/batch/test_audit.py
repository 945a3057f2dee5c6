"""Nothing is published unless the job's report, the files and the rows in agree, and few enough were set aside."""

from __future__ import annotations

from typing import Any

import pytest
from ecomm import catalog
from ecomm.batch.audit import audit
from ecomm.errors import DataError

from tests.plugins.conftest import World

MONTH = "2019-11"


def told(rows_in: int, curated: int, quarantined: int, **reasons: int) -> dict[str, Any]:
    return {"rows_in": rows_in, "rows_curated": curated, "rows_quarantined": quarantined, "reasons": reasons}


def test_rows_that_agree_pass(world: World) -> None:
    world.convert("v", "2019-10", curated=100, quarantined=0)
    world.convert("v", MONTH, curated=199, quarantined=1)
    world.report("v", {"2019-10": told(100, 100, 0), MONTH: told(200, 199, 1, price=1)})
    found = audit(["2019-10", MONTH], "v", most_quarantined=0.01)
    assert (found["rows_in"], found["rows_curated"], found["rows_quarantined"]) == (300, 299, 1)
    assert found["months"][MONTH]["reasons"] == {"price": 1}


def test_the_audit_leaves_no_table_behind(world: World) -> None:
    world.convert("v", MONTH, curated=1, quarantined=0)
    world.report("v", {MONTH: told(1, 1, 0)})
    audit([MONTH], "v", most_quarantined=0)
    world.report("v", {MONTH: told(2, 2, 0)})
    with pytest.raises(DataError):
        audit([MONTH], "v", most_quarantined=0)
    names = [table["Name"] for table in catalog.list_tables(world.names.curated_database)]
    assert sorted(names) == ["ecomm_user_activity", "ecomm_user_activity_quarantine"]


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (told(200, 199, 0), "of 200 rows of 2019-11, 199 were curated and 0 quarantined, which is not all"),
        (told(201, 200, 1), "2019-11 has 199 curated rows in its files, 200 in the job's report"),
        (told(201, 199, 2), "2019-11 has 1 quarantined rows in its files, 2 in the job's report"),
        (told(200, 199, 1, price=1), r"0\.50% of 2019-11's rows were set aside, 0\.10% are allowed \(price: 1\);"),
    ],
)  # fmt: skip
def test_rows_that_do_not_agree_fail(world: World, report: dict[str, Any], message: str) -> None:
    world.convert("v", MONTH, curated=199, quarantined=1)
    world.report("v", {MONTH: report})
    with pytest.raises(DataError, match=f"Nothing was published: .*{message}"):
        audit([MONTH], "v", most_quarantined=0.001)


def test_a_month_missing_in_the_report_fails(world: World) -> None:
    world.report("v", {MONTH: told(0, 0, 0)})
    with pytest.raises(DataError, match="the report has no 2019-10"):
        audit(["2019-10", MONTH], "v", most_quarantined=1)


def test_a_missing_report_fails(world: World) -> None:
    with pytest.raises(DataError, match=r"left no report at s3://.*/reports/csv_to_parquet/v\.json; run it again"):
        audit([MONTH], "v", most_quarantined=1)
