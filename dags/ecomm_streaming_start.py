"""
### Starts the counting of clicks

Brings the Flink application to RUNNING: from its latest snapshot, so that no click is missed and none is counted
anew, or as the form says. It fails with the application's own error where that does not succeed within 30 minutes.

1. **Check** that both streams and the archive work.
2. **Start** the application. One that runs already is left alone; one that is stopping is waited for, then started.

What the form asks for, as the API and the command line take it:

```json
{"snapshot": "latest"}
```

**May be repeated.** A second run beside a running application changes nothing. When nothing is being sent, Flink waits;
start the simulator to see counts (make simulate).

Stop it with ecomm_streaming_stop: Flink costs 0.11 USD a KPU-hour, for two of them, whether clicks come or not.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, chain, dag, task
from ecomm.dag_defaults import EVERY_DAG, FLINK, TAGS
from ecomm.operators.flink_application import LATEST, StartApplicationOperator
from ecomm.settings import settings


@dag(
    description="Flink application to RUNNING, from its latest snapshot",
    doc_md=__doc__,
    schedule=None,
    tags=[*TAGS, "streaming"],
    **EVERY_DAG,
    params={
        "snapshot": Param(
            LATEST,
            type="string",
            pattern=r"^[a-zA-Z0-9_.-]{1,256}$",
            title="Snapshot",
            description="latest (empty state where there is none yet), nothing (empty state), or a snapshot's name.",
        ),
        "allow_non_restored_state": Param(
            False,
            type="boolean",
            title="Allow non-restored state",
            description="After a change of the SQL that removed something: its state in the snapshot is dropped.",
        ),
    },
)
def ecomm_streaming_start() -> None:
    names = settings()

    @task
    def check_streams() -> dict[str, int]:
        from ecomm.streaming.tasks import check_streams as check

        return check()

    start_application = StartApplicationOperator(
        task_id="start_application",
        application=names.flink_application,
        log_group=names.flink_log_group,
        snapshot="{{ params.snapshot }}",
        allow_non_restored_state="{{ params.allow_non_restored_state }}",
        execution_timeout=FLINK,
    )

    @task
    def summarize(shards: dict[str, int], ti: Any = None) -> dict[str, Any]:
        from ecomm.streaming.tasks import summary

        return summary(ti.xcom_pull("start_application"), streams=shards)

    shards: Any = check_streams()
    chain(shards, start_application, summarize(shards))


ecomm_streaming_start()
