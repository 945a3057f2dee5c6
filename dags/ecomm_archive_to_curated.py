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
{"day": "2026-11-30", "days_before": 0}
```

**Exactly once.** The day's file is replaced as a whole and a month is published as a whole, so however often a day is
taken over, also while it is still going on, each of its clicks is in the table once.

**event_time is the time of sending** (txn_timestamp): a click of the stream happened when it was sent. The simulator
sends rows of 2019 again; counted under their old time they would double the months of the data set
(docs/decisions/0035).

**Nothing is lost.** A record that is no click (docs/streaming.md says what one is) goes with its reason into the table
ecomm_user_activity_malformed, never into a month. Its number and the first reasons are in what summarize returns.
The clicks of a drill (ecomm_streaming_drill) stay in the archive alone.

Runs every night for the day before, and takes those of the seven days before that as well of which the archive has
more than the data set, because Airflow rested or Firehose delivered late (docs/decisions/0036). After a rest of more
than a week, run it once with more days_before. A day that cannot be taken keeps no other back, and fails the run at
its end. A night without a click is skipped; a run that is cleared takes its own day again. A run by hand for a past
date takes the day before that date; Airflow holds one for a date that has not begun until then.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, chain, dag, task
from ecomm.assets import UNCOMPRESSED
from ecomm.dag_defaults import EVERY_DAG, TAGS, UPLOAD
from ecomm.streaming import YESTERDAY


@dag(
    description="A day of the stream's archive to CSV in the raw bucket, which the batch converts",
    doc_md=__doc__,
    # Firehose holds a click back for 15 minutes at most.
    schedule="30 0 * * *",
    tags=[*TAGS, "streaming"],
    **EVERY_DAG,
    params={
        "day": Param(
            YESTERDAY,
            type="string",
            pattern=rf"^({YESTERDAY}|20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))$",
            title="Day",
            description=f"Of arrival, in UTC, as 2026-11-30; {YESTERDAY}: the day before the run's date.",
        ),
        "days_before": Param(
            7,
            type="integer",
            minimum=0,
            maximum=366,
            title="Days before it",
            description="Of so many days before it, each is taken of which the archive has more than the data set.",
        ),
    },
)
def ecomm_archive_to_curated() -> None:
    @task(execution_timeout=UPLOAD)
    def unpack_archive(params: Any = None, dag_run: Any = None) -> dict[str, Any]:
        from ecomm.streaming.tasks import date_of_run, unpack

        return unpack(params["day"], params["days_before"], date_of_run(dag_run))

    @task(outlets=[UNCOMPRESSED])
    def announce_months(unpacked: dict[str, Any], outlet_events: Any = None) -> None:
        from ecomm.streaming.tasks import months_to_announce

        outlet_events[UNCOMPRESSED].extra = months_to_announce(unpacked)

    # Also when no month was to be announced, but not when nothing was archived.
    @task(trigger_rule="none_failed_min_one_success")
    def summarize(ti: Any = None) -> dict[str, Any]:
        from ecomm.streaming.tasks import summarize_unpacked

        return summarize_unpacked(ti.xcom_pull("unpack_archive"))

    unpacked: Any = unpack_archive()
    summarized = summarize()
    chain(unpacked, announce_months(unpacked), summarized)
    chain(unpacked, summarized)


ecomm_archive_to_curated()
