"""Tells the operators that a run of a DAG failed: one mail a run, however many of its tasks did."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

from airflow.configuration import conf

from ecomm.settings import settings

log = logging.getLogger(__name__)

# What SNS takes as the subject of a mail.
SUBJECT_LETTERS = 100


def tell_operators(context: Any) -> None:
    """A DAG's `on_failure_callback`: publishes what failed, and where to look, to the topic of the operations.

    The provider's SnsNotifier would do, but loading it takes longer than all DAG files together, whenever one is read.
    Logs a warning where no topic is deployed; raises what SNS raises.
    """
    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    topic = settings().operations_topic_arn
    if not topic:
        log.warning("%s failed, and nobody is told: the settings name no topic; deploy the stacks first.", dag_id)
        return
    from ecomm.aws import client

    # There is none where no task failed, as in a run that was given up.
    task = context.get("ti")
    failed = f"the task {task.task_id} failed" if task else "a task failed"
    subject = f"Airflow: {dag_id} failed" + (f" at {task.task_id}" if task else "")
    client("sns").publish(TopicArn=topic, Subject=subject[:SUBJECT_LETTERS], Message=_text(dag_id, run_id, failed))
    log.info("Told %s.", topic)


def _text(dag_id: str, run_id: str, failed: str) -> str:
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return (
        f"In the run {run_id} of {dag_id} {failed}, and no try is left. "
        f"What was published before goes on serving.\n\n"
        f"{base}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}\n\n"
        "1. Open the run, choose the red task, and read the end of its log: it says what is wrong and what to do.\n"
        "2. Mend that, then clear the task: the run goes on from there. No task does again what it finds done.\n\n"
        f"Stage {settings().stage}, region {settings().region}.\n"
    )
