"""
### From the raw bucket's CSV to the KPIs

Starts when ecomm_dataset_upload or ecomm_archive_to_curated has brought rows, or by hand. The event only wakes it: what
it does follows from the raw bucket. A month is converted if its objects (key, size, ETag) are not those that the served
version was made of, so no upload is missed, whatever happened before.

1. **Choose the months** that were changed, added or removed in the raw bucket. A run with nothing to do says so,
   skips the rest and ends green.
2. **Crawl** the sample and the uncompressed months, so that both are tables of the raw database, and **profile** the
   whole data set with DataBrew: how many values each column has, how often, how many are missing. If there is no
   sample, since the months were put into the bucket by hand, it is cut from the latest of them.
3. **Choose the partition key** from the profile, with the reasons in the log and in S3, unless the form names it.
4. **Convert** the months to Parquet with Spark, sorted by the key. A line that is no event of its month is set aside
   with its text and a reason.
5. **Audit** each month: rows in are rows curated and rows set aside, by the job's report and by Athena's own count of
   the files, few enough were set aside, and the events pass their check file. The log shows each check; so does the
   task's XCom.
6. **Publish** each good month in one step. Months that are gone from the raw bucket are dropped.
7. **Each table**: written aside, audited by its check file, published in one step. A table that fails its audit is not
   published; the one before it goes on serving. Only agg_activity reads the events; all others read aggregates.

Beside the tables, check_months fails if a month could not be published, with its name, the reason and the ways out.

What the form asks for, as the API and the command line take it:

```json
{"months": ["2019-10", "2019-11"], "cluster_by": "auto"}
{"most_quarantined_by_month": {"2020-03": 5}}
{"take_out": ["2020-03"]}
```

**A month fails alone.** Good months are published beside it, and its own version before goes on serving. Its files are
not converted again until they change, its limit is raised, or the form names it; until then each run ends red. A month
whose files could not be read or written this time is converted by the next run.

**Months of the form are converted alone.** Other months that changed wait, and the log and the result of the run name
them.

**May be repeated.** Every run writes under a version of its own, and a try joins the Spark run that the try before it
left running. The version before the one served is kept: point the catalog back at it to undo a publication. To convert
months once more that are served, name them in the form: what a run has published it does not write again, however it is
cleared.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, TaskGroup, chain, dag, task
from ecomm.assets import KPIS, UNCOMPRESSED
from ecomm.batch.conversion import ConvertOperator
from ecomm.batch.partition_key import BY_PROFILE
from ecomm.contract import COLUMNS, MONTH_PATTERN
from ecomm.dag_defaults import CONVERSION, CRAWL, EVERY_DAG, PROFILE, QUERY, TAGS, UPLOAD
from ecomm.operators.databrew_profile import ProfileOperator
from ecomm.operators.derived_table import AuditTableOperator, WriteTableOperator
from ecomm.operators.glue_crawler import CrawlOperator
from ecomm.settings import settings
from ecomm.tables import DERIVED, FACT, MARTS, QUARANTINE, Derived


@dag(
    description="Crawl, profile, choose the partition key, convert to Parquet, audit, publish; then the KPIs",
    doc_md=__doc__,
    schedule=[UNCOMPRESSED],
    tags=[*TAGS, "batch"],
    **EVERY_DAG,
    params={
        "months": Param(
            [],
            type="array",
            items={"type": "string", "pattern": f"^{MONTH_PATTERN}$"},
            maxItems=120,
            title="Months",
            description="As 2019-11, one a line. Empty: every month that has changed since it was converted. "
            "Others that changed wait.",
        ),
        "cluster_by": Param(
            BY_PROFILE,
            type="string",
            enum=[BY_PROFILE, *COLUMNS],
            title="Cluster by",
            description="The column whose values lie together, so that a query of one value skips the rest. "
            "auto: the one that the profile speaks for.",
        ),
        "most_quarantined": Param(
            1.0,
            type="number",
            minimum=0,
            maximum=100,
            title="Most rows set aside, percent",
            description="If more than this share of a month's uploaded rows is set aside, the month is not published.",
        ),
        "most_quarantined_by_month": Param(
            {},
            type="object",
            additionalProperties={"type": "number", "minimum": 0, "maximum": 100},
            propertyNames={"pattern": f"^{MONTH_PATTERN}$"},
            title="The same for single months",
            description='Raises the limit of a month that was refused, for example {"2020-03": 5}, and tries it again.',
        ),
        "take_out": Param(
            [],
            type="array",
            items={"type": "string", "pattern": f"^{MONTH_PATTERN}$"},
            maxItems=120,
            title="Months to take out",
            description="As 2020-03, one per line. Their uploaded files are moved aside in the raw bucket, and the "
            "months leave every table until they are put back or uploaded again; days from the stream wait.",
        ),
    },
)
def ecomm_batch_kpis() -> None:
    names = settings()

    @task(execution_timeout=UPLOAD)
    def choose_months(params: Any = None, dag_run: Any = None) -> Any:
        from ecomm.batch.tasks import plan

        return plan(params, dag_run.run_id)

    # The tasks below pull the plan instead of taking it as an argument: so the graph shows the story, not its readers.
    @task
    def require_changes(ti: Any = None) -> None:
        from ecomm.batch.tasks import require_changes as require

        require(ti.xcom_pull("choose_months"))

    @task
    def require_changed_months(ti: Any = None) -> None:
        from ecomm.batch.tasks import require_months

        require_months(ti.xcom_pull("choose_months"))

    @task
    def upload_missing_sample() -> Any:
        from ecomm.batch.sample import upload_missing_sample as upload

        return upload()

    crawl_sample = CrawlOperator(task_id="crawl_sample", crawler=names.sample_crawler, execution_timeout=CRAWL)
    crawl_uncompressed = CrawlOperator(
        task_id="crawl_uncompressed", crawler=names.uncompressed_crawler, execution_timeout=CRAWL
    )

    @task(multiple_outputs=True)
    def choose_partition_key(ti: Any = None, params: Any = None) -> Any:
        from ecomm.batch.tasks import choose_partition_key as choose

        return choose(ti.xcom_pull("profile"), ti.xcom_pull("choose_months"), params["cluster_by"])

    key: Any = choose_partition_key()
    convert_to_parquet = ConvertOperator(
        task_id="convert_to_parquet",
        job=names.glue_job,
        arguments=key["arguments"],
        hopeless=["ConversionError"],
        execution_timeout=CONVERSION,
    )

    @task(execution_timeout=QUERY)
    def audit_activity(ti: Any = None) -> Any:
        from ecomm.batch.tasks import audit_months

        return audit_months(ti.xcom_pull("choose_months"))

    @task(trigger_rule="none_failed")
    def publish_activity(ti: Any = None) -> Any:
        from ecomm.batch.tasks import publish_months

        return publish_months(ti.xcom_pull("choose_months"), ti.xcom_pull("audit_activity"))

    @task
    def require_outdated_tables(ti: Any = None) -> None:
        from ecomm.batch.tasks import require_outdated

        require_outdated(ti.xcom_pull("choose_months"), ti.xcom_pull("publish_activity"))

    @task
    def publish_table(written: dict[str, Any]) -> Any:
        from ecomm.batch.publish import publish_table as publish

        return publish(written)

    @task(outlets=[KPIS])
    def summarize(ti: Any = None, outlet_events: Any = None) -> Any:
        from ecomm.batch.tasks import summary

        written = [ti.xcom_pull(f"{table.name}.write") for table in DERIVED]
        found = summary(ti.xcom_pull("choose_months"), ti.xcom_pull("publish_activity")["published"], written)
        outlet_events[KPIS].extra = found
        return found

    @task(trigger_rule="none_failed")
    def check_months(ti: Any = None) -> Any:
        from ecomm.batch.tasks import check_months as check

        return check(ti.xcom_pull("choose_months"), ti.xcom_pull("audit_activity"))

    def derive(table: Derived) -> tuple[TaskGroup, Any]:
        """The group of tasks that writes, audits and publishes a table, and the last of them."""
        with TaskGroup(table.name) as group:
            write = WriteTableOperator(
                task_id="write",
                table=table.name,
                version="{{ ti.xcom_pull('choose_months').version }}",
                execution_timeout=QUERY,
            )
            written: Any = write.output
            audit = AuditTableOperator(task_id="audit", table=table.name, written=written, execution_timeout=QUERY)
            publish: Any = publish_table.override(task_id="publish")(written)
            chain(write, audit, publish)
        return group, publish

    changed, activity, outdated = require_changes(), publish_activity(), require_outdated_tables()
    chain(choose_months(), changed, crawl_uncompressed, key)
    chain(changed, upload_missing_sample(), crawl_sample, key)
    chain(
        changed,
        require_changed_months(),
        ProfileOperator(task_id="profile", job=names.profile_job, execution_timeout=PROFILE),
        key,
        convert_to_parquet,
        audit_activity(),
        activity,
        outdated,
    )
    chain([activity, crawl_sample, crawl_uncompressed], check_months())
    published = {FACT: outdated, QUARANTINE: outdated}
    for table in DERIVED:
        group, published[table.name] = derive(table)
        chain([published[source] for source in table.sources], group)
    chain([published[table.name] for table in MARTS], summarize())


ecomm_batch_kpis()
