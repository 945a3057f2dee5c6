"""Queries of plain tasks do not outlive them."""

from __future__ import annotations

import pytest
from ecomm import athena
from ecomm.waiting import wait

from tests.plugins.conftest import ENDLESS, World


def test_a_query_ends_with_the_time_of_its_task(world: World) -> None:
    from airflow.sdk.exceptions import AirflowTaskTimeout
    from airflow.sdk.execution_time.timeout import TimeoutPosix

    with pytest.raises(AirflowTaskTimeout), TimeoutPosix(5):  # type: ignore[no-untyped-call]
        athena.run(ENDLESS)
    (query_id,) = world.aws.client("athena").list_query_executions(WorkGroup=world.names.athena_workgroup)[
        "QueryExecutionIds"
    ]
    assert wait(athena.waiting(query_id)) == "CANCELLED"
