"""
### Takes a day of the clicks' archive into the curated table

Firehose keeps every click in the raw bucket, by the UTC day of its arrival. This DAG makes a day of them a CSV beside
the months of the data set:

```
ecomm_user_activity_archive/year=2026/month=11/day=30/
ecomm_user_activity_uncompressed/p_year=2026/p_month=11/
  archive-2026-11-30.csv
```

Then ecomm_batch_kpis starts, and converts the month with the same Spark script, the same audits, and the same
quarantine.

What the form asks for, as the API and the command line take it:

```json
{"day": "2026-11-30"}
```

**Exactly once.** The day's file is replaced as a whole and a month is published as a whole, so however often a day is
taken over, also while it is still going on, each of its clicks is in the table once.

**event_time is the time of sending** (txn_timestamp): a click of the stream happened when it was sent. The simulator
sends rows of 2019 again; counted under their old time they would double the months of the data set
(docs/decisions/0035).

**Nothing is lost.** A record that is no click goes into the file as it is, and from there into the quarantine with a
reason.

Runs every night for the day before. A day without a click is skipped.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, chain, dag, task
from ecomm.assets import UNCOMPRESSED
from ecomm.dag_defaults import DEFAULT_ARGS, TAGS, UPLOAD
from ecomm.failure_notice import tell_operators
from ecomm.streaming import YESTERDAY


@dag(
    description="A day of the stream's archive to CSV in the raw bucket, which the batch converts",
    doc_md=__doc__,
    # Firehose holds a click back for 15 minutes at most.
    schedule="30 0 * * *",
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    on_failure_callback=tell_operators,
    tags=[*TAGS, "streaming"],
    params={
        "day": Param(
            YESTERDAY,
            type="string",
            pattern=rf"^({YESTERDAY}|20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))$",
            title="Day",
            description=f"Of arrival, in UTC, as 2026-11-30; {YESTERDAY}: the day before the run.",
        ),
    },
)
def ecomm_archive_to_curated() -> None:
    @task(execution_timeout=UPLOAD)
    def unpack_archive(params: Any = None, dag_run: Any = None) -> dict[str, Any]:
        from ecomm.streaming.tasks import unpack

        return unpack(params["day"], dag_run.start_date)

    @task(outlets=[UNCOMPRESSED])
    def summarize(unpacked: dict[str, Any], outlet_events: Any = None) -> dict[str, Any]:
        outlet_events[UNCOMPRESSED].extra = {name: unpacked[name] for name in ("months", "rows", "bytes")}
        return unpacked

    unpacked: Any = unpack_archive()
    chain(unpacked, summarize(unpacked))


ecomm_archive_to_curated()
