"""Objects that are replaced while a run is at work: a month says that it was made of what the conversion has read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Platform
from tests.dags.conftest import deploy
from tests.plugins.conftest import context

HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
FORM: dict[str, Any] = {"months": [], "take_out": [], "most_quarantined": 1, "most_quarantined_by_month": {}}
UNTOUCHED, BEFORE_CONVERSION, AFTER_CONVERSION, AND_PUT_BACK = (f"2017-0{number}" for number in range(1, 5))


@pytest.fixture(scope="module")
def deployed(platform: Platform) -> dict[str, str]:
    """A stage of its own, so that no other test's months lie beside these."""
    return deploy(platform, "replaced")


def put(month: str, rows: int) -> None:
    from ecomm.aws import client
    from ecomm.settings import settings
    from ecomm.upload.layout import csv_key

    lines = (f"{month}-01 10:00:{number:02} UTC,view,1,2053013555631882655,,,1.00,4,\n" for number in range(rows))
    client("s3").put_object(Bucket=settings().raw_bucket, Key=csv_key(month), Body=(HEADER + "".join(lines)).encode())


def test_the_next_run_converts_what_was_replaced_after_it_was_read(settings_of_deployed: None) -> None:
    from ecomm.batch.months import job_arguments
    from ecomm.batch.served import counts, partitions
    from ecomm.batch.tasks import audit_months, plan, publish_months
    from ecomm.operators.glue_job import GlueJobRunOperator
    from ecomm.settings import settings

    months = (UNTOUCHED, BEFORE_CONVERSION, AFTER_CONVERSION, AND_PUT_BACK)
    for month in months:
        put(month, 5)
    run = plan(FORM, "first")
    for month in (BEFORE_CONVERSION, AND_PUT_BACK):
        put(month, 7)
    arguments = job_arguments(run["months"], run["version"], "category_id")
    GlueJobRunOperator(task_id="convert", job=settings().glue_job, arguments=arguments).execute(context())
    put(AFTER_CONVERSION, 9)
    put(AND_PUT_BACK, 5)
    publish_months(run, audit_months(run))

    served = {month: counts(partition)["rows_in"] for month, partition in partitions().items()}
    assert served == {UNTOUCHED: 5, BEFORE_CONVERSION: 7, AFTER_CONVERSION: 5, AND_PUT_BACK: 7}
    assert plan(FORM, "second")["months"] == [AFTER_CONVERSION, AND_PUT_BACK]
