"""A task that runs a Glue job which waits, and a task that fails when it is asked to: for the tests beside it."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag
from ecomm.failure_notice import tell_operators
from ecomm.operators.glue_job import GlueJobRunOperator

QUICK = {"retry_delay": timedelta(seconds=1), "owner": "tests"}


def one_glue_run(dag_id: str, *, deferrable: bool, retries: int, seconds: int) -> None:
    @dag(dag_id, schedule=None, default_args=QUICK, on_failure_callback=tell_operators, params={"go": ""})
    def glue() -> None:
        GlueJobRunOperator(
            task_id="convert",
            job="waits",
            arguments={"--GO": "{{ params.go }}"},
            deferrable=deferrable,
            retries=retries,
            execution_timeout=timedelta(seconds=seconds),
        )

    glue()


one_glue_run("one_glue_run", deferrable=False, retries=1, seconds=600)
one_glue_run("one_glue_run_deferred", deferrable=True, retries=1, seconds=600)
one_glue_run("short_glue_run", deferrable=False, retries=0, seconds=30)
one_glue_run("short_glue_run_deferred", deferrable=True, retries=0, seconds=30)
