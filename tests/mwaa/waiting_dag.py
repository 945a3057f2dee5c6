"""A DAG whose first task waits in the triggerer, with the defaults of every DAG: test_runs.py runs it in each image."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, Param, dag
from ecomm.dag_defaults import EVERY_DAG


class WaitOperator(BaseOperator):
    """Defers once, and logs what its parameter is before and after."""

    def execute(self, context: Any) -> None:
        self.log.info("started with %s", context["params"]["number"])
        self.defer(trigger=TimeDeltaTrigger(timedelta(0)), method_name="resume")

    def resume(self, context: Any, event: Any) -> None:
        del event
        self.log.info("resumed with %s", context["params"]["number"])


@dag(schedule=None, params={"number": Param(1, type="integer")}, **EVERY_DAG)
def waiting_dag() -> None:
    WaitOperator(task_id="wait")


waiting_dag()
