"""The demo's story: the platform, the data set, the KPIs, the stream, and a report of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ecomm.settings import Settings, settings
from rich.text import Text

from demo import DemoError, kpis, needs, report, resume, scans, stored_months, stream, stream_report
from demo.airflow_api import Airflow
from demo.follow import follow
from demo.machine import Machine
from demo.progress import Progress
from demo.summary import summary, write
from demo.watch import Watch
from local.config import ROOT

UPLOAD, BATCH = "ecomm_dataset_upload", "ecomm_batch_kpis"
UPLOAD_RESULT, BATCH_RESULT, KEY_RESULT = "summarize", "check_months", "choose_partition_key"
# On a busy machine; on an idle one it is seconds.
PARSE_SECONDS = 600
ASSET_SECONDS = 600


def run(machine: Machine, files: Sequence[str], progress: Progress) -> None:
    """From nothing to the report and the summary; without files, with the data set that the project generates.

    Raises DemoError where a step fails; what runs by then goes on running.
    """
    with progress.step("start", "The platform"):
        machine.start_and_deploy(progress)
    watch = Watch(machine.config, progress.note)
    watch.wait_in_boto3()
    airflow = Airflow(machine.config.airflow_endpoint, ROOT / "dags", watch)
    with progress.step("upload", f"The data set: {', '.join(files) or 'rows that the project generates'}"):
        upload_run, joined_run = _upload(airflow, files, progress)
    with progress.step("batch", "The KPIs, started by the new data"):
        followed_run = _batch(airflow, upload_run, joined_run, progress)
    dataset = _returned(airflow, UPLOAD, upload_run, UPLOAD_RESULT)
    served = _returned(airflow, BATCH, followed_run, BATCH_RESULT)
    if not served["converted"]:
        progress.note("There was nothing new to convert; the key and the queries are those of earlier runs.")
    batch = _counts(served, dataset["months"])
    key = _last_returned(airflow, followed_run, KEY_RESULT)
    names = settings()
    with progress.step("kpis", "The result, through Athena"), progress.waiting("Athena reads the KPI tables"):
        found = kpis.read(kpis.Athena(names.athena_workgroup), names.curated_database, dataset["months"])
    queries = scans.read(lambda task: _last_returned(airflow, followed_run, task))
    page = report.page()
    for console in (progress.console, page):
        report.show(console, found, queries, key)

    path = machine.config.var / "demo" / "summary.json"
    progress.console.print()
    with progress.step("stream", "The stream: clicks through Kinesis, Flink and Firehose"):
        stream_run = stream.start(airflow, progress)
        sample = str(airflow.returned(UPLOAD, upload_run, "upload_sample"))
        streamed = stream.run(machine, names, sample, progress)
    for console in (progress.console, page):
        stream_report.show(console, streamed)

    urls = _urls(machine, upload_run, followed_run, stream_run)
    seconds = {**progress.seconds, "total": progress.total}
    write(
        summary(
            dataset=dataset,
            batch=batch,
            partition_key=key,
            kpis=found,
            queries=queries,
            streamed=streamed,
            seconds=seconds,
            urls=urls,
        ),
        path,
    )
    # A run that was joined, or that converted a part of the months, says nothing of how long all of it takes.
    if joined_run is None and served["converted"] and batch["rows_in"] >= dataset["rows"]:
        needs.note_pace(path.parent, dataset["bytes"], progress.total)
    page.save_html(str(path.with_name("report.html")))
    _say_goodbye(progress, names, batch, urls, path)


def _upload(airflow: Airflow, files: Sequence[str], progress: Progress) -> tuple[str, str | None]:
    """Runs the upload, or joins one of the same data; gives its run's id, and that of a batch run at work on it.

    Raises DemoError where data of the user's would be replaced by made-up rows.
    """
    with progress.waiting("Airflow loads the DAGs"):
        airflow.wait_until_parsed([UPLOAD, BATCH, stream.START], PARSE_SECONDS)
    for dag_id in (BATCH, UPLOAD):
        airflow.unpause(dag_id)
    conf = stored_months.configuration(files)
    if joined := resume.batch_at_work(airflow, UPLOAD, BATCH, conf, files):
        progress.note(
            f"The upload of an earlier demo brought the same data: {airflow.url}/dags/{UPLOAD}/runs/{joined[0]}"
        )
        return joined
    if at_work := resume.upload_at_work(airflow, UPLOAD, conf, files):
        progress.note(f"Joining the upload of an earlier demo: {airflow.url}/dags/{UPLOAD}/runs/{at_work.run_id}")
        follow(airflow, UPLOAD, at_work.run_id, progress)
        return at_work.run_id, None
    months = stored_months.stored(settings().raw_bucket)
    if not files:
        stored_months.refuse_to_generate_over(months)
    for sentence in stored_months.sentences(months, files) if files else []:
        progress.note(sentence)
    for other in airflow.runs(UPLOAD, *resume.AT_WORK):
        progress.note(
            f"Another upload is at work, this one has to wait: {airflow.url}/dags/{UPLOAD}/runs/{other.run_id}"
        )
    run_id = f"demo__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    airflow.trigger(UPLOAD, run_id, conf)
    follow(airflow, UPLOAD, run_id, progress)
    return run_id, None


def _batch(airflow: Airflow, upload_run: str, run_id: str | None, progress: Progress) -> str:
    """Follows the run that the upload's asset starts, and gives its id. run_id: the one that is at work already."""

    def say_earlier(run_id: str) -> None:
        progress.note(
            f"An earlier run is still at work, this one has to wait: {airflow.url}/dags/{BATCH}/runs/{run_id}"
        )

    if run_id:
        progress.note(f"Joining the run that is at work on it: {airflow.url}/dags/{BATCH}/runs/{run_id}")
    else:
        run_id = airflow.run_caused_by(UPLOAD, upload_run, BATCH, ASSET_SECONDS, say_earlier)
    follow(airflow, BATCH, run_id, progress)
    return run_id


def _counts(served: Mapping[str, Any], months: Sequence[str]) -> dict[str, int]:
    """rows_in, rows_curated and rows_quarantined of these months, by what check_months returned."""
    counts = [served["months"].get(month, {}) for month in months]
    return {
        name: sum(month.get(name, 0) for month in counts) for name in ("rows_in", "rows_curated", "rows_quarantined")
    }


def _last_returned(airflow: Airflow, run_id: str, task_id: str) -> dict[str, Any]:
    """What the task returned in this run or, if it had nothing to do there, in the last run in which it had."""
    for candidate in [run_id, *(run.run_id for run in airflow.runs(BATCH, "success", "failed"))]:
        if value := airflow.returned(BATCH, candidate, task_id):
            return dict(value)
    raise DemoError(f"The task {task_id} of {BATCH} has returned nothing in any run; see {airflow.url}/dags/{BATCH}.")


def _returned(airflow: Airflow, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
    value = airflow.returned(dag_id, run_id, task_id)
    if value is None:
        raise DemoError(f"The task {task_id} of {dag_id} ended well but returned nothing, in the run {run_id}.")
    return dict(value)


def _urls(machine: Machine, upload_run: str, batch_run: str, stream_run: str) -> dict[str, str]:
    return {
        "airflow": machine.config.airflow_endpoint,
        "upload_run": f"{machine.config.airflow_endpoint}/dags/{UPLOAD}/runs/{upload_run}",
        "batch_run": f"{machine.config.airflow_endpoint}/dags/{BATCH}/runs/{batch_run}",
        "stream_run": f"{machine.config.airflow_endpoint}/dags/{stream.START}/runs/{stream_run}",
        "flink": machine.config.flink_endpoint,
        "aws": machine.config.endpoint,
        "logs": machine.config.logs.as_uri(),
    }


def _say_goodbye(progress: Progress, names: Settings, batch: dict[str, Any], urls: dict[str, str], path: Path) -> None:
    query = f"SELECT category_code, views FROM {names.curated_database}.kpi_popular_categories WHERE rank_by_views = 1"
    command = (
        f"AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws --endpoint-url {urls['aws']} --region {names.region}"
        f" athena start-query-execution --work-group {names.athena_workgroup} --query-string '{query}'"
    )
    rows = ", ".join(f"{batch[f'rows_{what}']:,} rows {what}" for what in ("in", "curated", "quarantined"))
    progress.console.print()
    for title, text in (
        ("Rows", rows),
        ("Airflow", urls["airflow"]),
        ("Flink", f"{urls['flink']}, which waits for more clicks; ecomm_streaming_stop stops it"),
        ("AWS", f"{urls['aws']}, for example"),
        ("", command),
        ("Logs", urls["logs"]),
        ("Report", str(path.with_name("report.html"))),
        ("Summary", str(path)),
        ("Stop", "make down; make up brings all of it back"),
    ):
        progress.console.print(Text.assemble((f"{title:<9}", "bold"), text), soft_wrap=True)
    progress.done(f"{progress.total:.0f} s in all")
