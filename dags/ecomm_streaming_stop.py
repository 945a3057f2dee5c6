"""
### Stops the counting of clicks

Brings the Flink application to READY. Its state goes into a snapshot first, from which ecomm_streaming_start goes
on: clicks that arrive meanwhile stay in the stream for its retention, 24 hours, and are counted then.

What the form asks for, as the API and the command line take it:

```json
{"force": true}
```

**force** stops without a snapshot, for an application that cannot make one or hangs while it starts. The next start
then goes back to the snapshot before, and counts again what came since; who reads stream 2 takes a count that comes
twice as one.

**May be repeated.** An application that is stopped is left alone. It fails with the application's own error where it
does not stop within 30 minutes. The archive goes on: Firehose does not need Flink.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, chain, dag, task
from ecomm.dag_defaults import EVERY_DAG, FLINK, TAGS
from ecomm.operators.flink_application import StopApplicationOperator
from ecomm.settings import settings


@dag(
    description="Flink application to READY, its state in a snapshot",
    doc_md=__doc__,
    schedule=None,
    tags=[*TAGS, "streaming"],
    **EVERY_DAG,
    params={
        "force": Param(
            False,
            type="boolean",
            title="Force",
            description="Stop at once and without a snapshot; only where a stop with one fails.",
        ),
    },
)
def ecomm_streaming_stop() -> None:
    names = settings()
    stop_application = StopApplicationOperator(
        task_id="stop_application",
        application=names.flink_application,
        log_group=names.flink_log_group,
        force="{{ params.force }}",
        execution_timeout=FLINK,
    )

    @task
    def summarize(ti: Any = None) -> dict[str, Any]:
        from ecomm.streaming.tasks import summary

        return summary(ti.xcom_pull("stop_application"))

    chain(stop_application, summarize())


ecomm_streaming_stop()
