"""The conversion leaves alone what readers are given."""

from __future__ import annotations

import pytest
from ecomm.batch.conversion import ConvertOperator
from ecomm.batch.months import job_arguments
from ecomm.batch.publish import publish_activity
from ecomm.errors import DataError

from tests.plugins.conftest import World, context

NOVEMBER = "2019-11"


def convert(version: str) -> None:
    arguments = job_arguments([NOVEMBER], version, "category_id")
    ConvertOperator(task_id="convert", job="nobody", arguments=arguments).start(context())


def test_what_is_served_and_the_way_back_are_not_written_over(world: World) -> None:
    for version in ("v1", "v2"):
        publish_activity([NOVEMBER], [], version)
    for version in ("v1", "v2"):
        with pytest.raises(
            DataError, match=rf"/version={version}/ is published already.* start ecomm_batch_kpis with .*2019-11"
        ):
            convert(version)
    with pytest.raises(DataError, match="There is no Glue job nobody"):
        convert("v")
