"""
### Brings a data set of user activity into the raw bucket

Every month found in the rows gets its zip and its uncompressed CSV, and the latest month a sample, which is the header
and the first 999 rows. For November 2019:

```
ecomm_user_activity/p_year=2019/p_month=11/
  2019-Nov.csv.zip
ecomm_user_activity_uncompressed/p_year=2019/p_month=11/
  2019-Nov.csv
ecomm_user_activity_sample/
  2019-Nov-sample.csv
```

**Sources.** Paths of CSV files or of zips with one CSV each, on the machine that runs the tasks, or s3:// addresses
of such. On Amazon MWAA only s3:// works, as workers have no disk of yours. Made-up rows come only if the form asks for
them by name (source: generate), and they never replace a month that holds anything else.

What the form asks for, as the API and the command line take it:

```json
{"sources": ["/data/2019-Oct.csv.zip", "s3://my-bucket/2019-Nov.csv"], "replace": true}
{"source": "generate", "generated_rows": 50000}
```

**Checked before the first byte is written:** each source exists, is UTF-8, has the contract's header and a row; a zip
holds exactly one file.

**One pass, constant memory.** A source is read once and never unpacked to disk. A zip of one month is uploaded as it
is. Sources of the same month are joined, with one header. A row without a readable time stays with the row before it;
the conversion will quarantine it with a reason.

**May be repeated.** A month whose sources are the same as before is not uploaded again. A run that is killed leaves no
half object. Progress is in the log of upload_months.

When it succeeds, ecomm_batch_kpis starts.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, chain, dag, task
from ecomm.assets import UNCOMPRESSED
from ecomm.dag_defaults import EVERY_DAG, TAGS, UPLOAD


@dag(
    description="CSV or zip to the raw bucket: a zip and a CSV for each month, and a sample",
    doc_md=__doc__,
    schedule=None,
    tags=[*TAGS, "batch"],
    **EVERY_DAG,
    params={
        "source": Param(
            "files",
            type="string",
            enum=["files", "generate"],
            title="Source",
            description="files: those named in Sources. generate: made-up rows of October and November 2019, which "
            "never replace a month that holds others.",
        ),
        "sources": Param(
            [],
            type="array",
            items={"type": "string", "minLength": 1},
            maxItems=100,
            title="Sources",
            description="Full paths or s3:// addresses of CSV files, or of zips with one CSV each, one a line. "
            "At least one, unless rows are to be made up.",
        ),
        "replace": Param(
            False,
            type="boolean",
            title="Replace",
            description="Remove the months that this data set does not have, and whatever else lies in their folders.",
        ),
        "sample_lines": Param(
            1000,
            type="integer",
            minimum=2,
            maximum=100_000,
            title="Lines of the sample",
            description="The header is one of them.",
        ),
        "generated_rows": Param(
            50_000,
            type="integer",
            minimum=1000,
            maximum=50_000_000,
            title="Rows to make up",
            description="With source generate: rows of both months together.",
        ),
        "seed": Param(
            2019,
            type="integer",
            minimum=0,
            maximum=2**31 - 1,
            title="Seed",
            description="With source generate: another seed, another data set.",
        ),
    },
)
def ecomm_dataset_upload() -> None:
    @task
    def check_sources(params: Any = None) -> list[str]:
        from ecomm.upload.tasks import check

        return check(params)

    @task(execution_timeout=UPLOAD)
    def upload_months(params: Any = None) -> Any:
        from ecomm.upload.tasks import upload

        return upload(params)

    @task
    def upload_sample(months: dict[str, dict[str, int]], params: Any = None) -> str:
        from ecomm.upload.tasks import sample

        return sample(params, sorted(months))

    @task(outlets=[UNCOMPRESSED])
    def summarize(months: dict[str, dict[str, int]], outlet_events: Any = None) -> Any:
        from ecomm.upload.tasks import summary

        found = summary(months)
        outlet_events[UNCOMPRESSED].extra = found
        return found

    uploaded: Any = upload_months()
    chain(check_sources(), uploaded, upload_sample(uploaded), summarize(uploaded))


ecomm_dataset_upload()
