"""The data that one DAG makes and another waits for."""

from __future__ import annotations

from airflow.sdk import Asset

from ecomm.settings import settings

# By name and not by s3:// address: for that, Airflow would load the Amazon provider whenever it reads a DAG file, which
# takes longer than all the rest of it (docs/decisions/0032).

# An event's `extra` says what came: {"months": ["2019-11"], "rows": …, "bytes": …}.
UNCOMPRESSED = Asset(
    name="ecomm_user_activity_uncompressed",
    group="ecomm",
    extra={"location": f"s3://{settings().raw_bucket}/ecomm_user_activity_uncompressed/"},
)
# An event's `extra` says what was published: {"months": ["2019-11"], "version": …, "tables": {name: …}}.
KPIS = Asset(name="ecomm_kpis", group="ecomm", extra={"location": f"s3://{settings().curated_bucket}/kpi/"})
