"""Fixtures of the plugin's tests: AWS is the local platform, and each test has names of its own on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from copy import copy
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from tests import airflow_environment  # before anything imports airflow
from tests.conftest import Platform
from tests.faults import Faults

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
# A query that nobody waits for to the end.
ENDLESS = (
    "select count_if((a.n * b.n * c.n) % 7 = 3) as number from unnest(sequence(1, 10000)) as a (n) "
    "cross join unnest(sequence(1, 10000)) as b (n) cross join unnest(sequence(1, 10000)) as c (n)"
)


@pytest.fixture
def aws(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`ecomm.aws`, with clients that reach the platform and nothing else."""
    from ecomm import aws
    from ecomm.settings import settings

    monkeypatch.setenv("AWS_ENDPOINT_URL", platform.endpoint)
    settings.cache_clear()
    yield aws
    settings.cache_clear()


@pytest.fixture
def faults(platform: Platform) -> Iterator[Faults]:
    asked = Faults(platform.endpoint)
    yield asked
    asked.clear()


class World:
    """Buckets, a curated database with the fact and the quarantine, and a workgroup: a test's own."""

    def __init__(self, aws: Any, settings: Any) -> None:
        self.aws = aws
        self.names = settings
        for bucket in (settings.raw_bucket, settings.curated_bucket, settings.artifacts_bucket):
            aws.client("s3").create_bucket(Bucket=bucket)
        aws.client("athena").create_work_group(
            Name=settings.athena_workgroup,
            Configuration={
                "EnforceWorkGroupConfiguration": False,
                "ResultConfiguration": {"OutputLocation": f"s3://{settings.artifacts_bucket}/athena-results/"},
            },
        )
        aws.client("glue").create_database(DatabaseInput={"Name": settings.curated_database})
        contract = json.loads((airflow_environment.ROOT / "include/contract/ecomm_user_activity.json").read_text())
        self.create("ecomm_user_activity", {column["name"]: column["type"] for column in contract["columns"]})
        self.create("ecomm_user_activity_quarantine", {"line": "string"})

    def create(self, table: str, columns: dict[str, str]) -> None:
        self.aws.client("glue").create_table(
            DatabaseName=self.names.curated_database,
            TableInput={
                "Name": table,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
                "PartitionKeys": [{"Name": "p_year", "Type": "string"}, {"Name": "p_month", "Type": "string"}],
                "StorageDescriptor": {
                    **PARQUET,
                    "Location": f"s3://{self.names.curated_bucket}/{table}/",
                    "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
                },
            },
        )

    def put(self, bucket: str, key: str, text: str = "x\n") -> None:
        self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())

    def keys(self, prefix: str) -> list[str]:
        """Of the curated bucket."""
        return [found["Key"] for found in self.aws.list_objects(self.names.curated_bucket, prefix)]

    def query(self, sql: str) -> list[dict[str, str | None]]:
        from ecomm import athena

        return list(athena.rows(athena.run(sql).query_id))

    def convert(self, version: str, month: str, curated: int, quarantined: int, last_event: str = "") -> None:
        """Leaves the Parquet files that a conversion would leave, with so many rows.

        last_event: the time of the last of the events; the others, and it as well by default, begin the month.
        """
        from ecomm import athena
        from ecomm.batch.months import version_location
        from ecomm.contract import partition

        first = f"timestamp '{month}-01 00:00:00'"
        event = (
            f"if(product_id = {curated}, timestamp '{last_event or f'{month}-01 00:00:00'}', {first}) as event_time, "
            "'view' as event_type, product_id, bigint '2' as category_id, cast(null as varchar) as category_code, "
            "cast(null as varchar) as brand, cast(1 as decimal(10, 2)) as price, bigint '3' as user_id, "
            "cast(null as varchar) as user_session, false as repeated"
        )
        for table, columns, rows in (
            ("ecomm_user_activity", event, curated),
            ("ecomm_user_activity_quarantine", "cast(product_id as varchar) as line", quarantined),
        ):
            if rows:
                name = f"made_{uuid4().hex[:12]}"
                athena.run(
                    f"create table {self.names.curated_database}.{name} with (format = 'PARQUET', "
                    f"external_location = '{version_location(table, version)}{partition(month)}/') as "
                    f"select {columns} from unnest(sequence(bigint '1', {rows})) as made (product_id)"
                )
                self.aws.client("glue").delete_table(DatabaseName=self.names.curated_database, Name=name)

    def report(self, version: str, months: dict[str, dict[str, Any]]) -> None:
        """Leaves the report of a conversion; a month has rows_in, rows_curated, rows_quarantined and reasons."""
        from ecomm.batch.months import report_key

        totals = {
            name: sum(month[name] for month in months.values())
            for name in ("rows_in", "rows_curated", "rows_quarantined")
        }
        content = {"version": version, "months": months, **totals}
        self.put(self.names.artifacts_bucket, report_key(version), json.dumps(content))


@pytest.fixture
def world(aws: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    from ecomm.settings import settings

    word = uuid4().hex[:10]
    for name in ("RAW_BUCKET", "CURATED_BUCKET", "ARTIFACTS_BUCKET", "ATHENA_WORKGROUP"):
        monkeypatch.setenv(f"ECOMM_{name}", f"{name.split('_')[0].lower()}-{word}")
    for name in ("RAW_DATABASE", "CURATED_DATABASE"):
        monkeypatch.setenv(f"ECOMM_{name}", f"{name.split('_')[0].lower()}_{word}")
    settings.cache_clear()
    return World(aws, settings())


def context(run_id: str = "run", try_number: int = 1, max_tries: int = 2) -> Any:
    """What Airflow tells an operator of the run it is in, as far as ours ask."""
    xcoms: dict[str, Any] = {}
    return {
        "ti": SimpleNamespace(
            dag_id="dag",
            run_id=run_id,
            task_id="task",
            map_index=-1,
            try_number=try_number,
            max_tries=max_tries,
            xcoms=xcoms,
            xcom_push=xcoms.__setitem__,
        ),
        "dag_run": SimpleNamespace(run_id=run_id, start_date=datetime.now(UTC)),
    }


Execute = Callable[[Any, Any], Any]


@pytest.fixture(params=["worker", "triggerer"])
def execute(request: pytest.FixtureRequest) -> Execute:
    """Executes an operator in a context, once as a worker waits, once as a triggerer does for a deferred task."""

    def on_the_worker(operator: Any, run: Any) -> Any:
        operator.deferrable = False
        return operator.execute(run)

    def in_the_triggerer(operator: Any, run: Any) -> Any:
        operator.deferrable = True
        goes_on = copy(operator)  # in another process
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute(run)
        path, arguments = deferred.value.trigger.serialize()
        assert path == "ecomm.triggers.StateTrigger"
        arguments = json.loads(json.dumps(arguments))  # through the database
        event = asyncio.run(first_event(StateTrigger(**arguments)))
        return getattr(goes_on, deferred.value.method_name)(run, event)

    from airflow.sdk.exceptions import TaskDeferred
    from ecomm.triggers import StateTrigger

    return on_the_worker if request.param == "worker" else in_the_triggerer


async def first_event(trigger: Any) -> Any:
    return (await anext(trigger.run())).payload
