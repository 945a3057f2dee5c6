"""Runs a DataBrew profile job once, however often the task is tried."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context

from ecomm.aws import client
from ecomm.batch.profile import read_profile
from ecomm.errors import DataError
from ecomm.operators.base import AwsOperator
from ecomm.operators.run_log import show_end
from ecomm.settings import settings
from ecomm.waiting import Wait, wait

log = logging.getLogger(__name__)

BUSY = ("STARTING", "RUNNING", "STOPPING")
LAST_LINES = 40


class ProfileOperator(AwsOperator):
    """Runs the profile job; returns {run_id, profile (its result's address), rows, duplicate_rows, columns, seconds}.

    A run that began after this DAG run did has seen its data; busy or with success it is taken over and not doubled,
    but a task that was cleared takes over no success. A busy run from before is waited for, and another started. Every
    end but SUCCEEDED fails the task, with the run's message, the end of its log, and where the rest is. A killed task
    stops its run. `columns` has the cardinality of each: {type, distinct, unique, missing, largest_share}; the log has
    it as a table.

    The provider's `GlueDataBrewStartJobOperator` takes FAILED, TIMEOUT and STOPPED for successes.
    """

    template_fields: Sequence[str] = ("job",)

    def __init__(self, *, job: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job

    def start(self, context: Context) -> str:
        databrew = client("databrew")
        since = context["dag_run"].start_date or datetime.now(UTC)
        # Clearing a task raises its number of tries.
        cleared = context["ti"].max_tries > (self.retries or 0)
        taken_over = ("STARTING", "RUNNING") if cleared else ("STARTING", "RUNNING", "SUCCEEDED")
        try:
            for run in self._runs():
                run_id = str(run["RunId"])
                if run["StartedOn"] >= since and run["State"] in taken_over:
                    log.info("Run %s of %s began after this DAG run did; joining it.", run_id, self.job)
                    return run_id
                if run["State"] in BUSY:
                    log.info("Run %s of %s began before this DAG run did; waiting for its end.", run_id, self.job)
                    wait(self.waiting(run_id))
            run_id = str(databrew.start_job_run(Name=self.job)["RunId"])
        except databrew.exceptions.ResourceNotFoundException as error:
            raise DataError(f"There is no DataBrew job {self.job}; deploy the stacks (make deploy).") from error
        log.info("Started run %s of %s", run_id, self.job)
        return run_id

    def waiting(self, handle: str) -> Wait:
        return Wait(
            name=f"Run {handle} of {self.job}",
            service="databrew",
            operation="describe_job_run",
            arguments={"Name": self.job, "RunId": handle},
            state="State",
            busy=BUSY,
            longest_pause=15,
            stop_operation="stop_job_run",
            stop_arguments={"Name": self.job, "RunId": handle},
        )

    def finish(self, context: Context, handle: str) -> dict[str, Any]:
        run = client("databrew").describe_job_run(Name=self.job, RunId=handle)
        if run["State"] != "SUCCEEDED":
            message = run.get("ErrorMessage") or "It gave no message."
            raise RuntimeError(
                f"DataBrew job {self.job}, run {handle}, ended as {run['State']}: {message} {self._show_log(run)}"
            )
        if run.get("JobSample", {}).get("Mode") != "FULL_DATASET":
            raise DataError(
                f"DataBrew job {self.job} profiles a sample, which has fewer different values than the data set; "
                "give the job the sample FULL_DATASET (make deploy does)."
            )
        location = run["Outputs"][0]["Location"]
        uri = f"s3://{location['Bucket']}/{location['Key']}"
        profile = read_profile(uri)
        log.info("Run %s took %d s: %s\n%s", handle, run.get("ExecutionTime", 0), uri, profile.table())
        return {
            "run_id": handle,
            "profile": uri,
            "rows": profile.rows,
            "duplicate_rows": profile.duplicate_rows,
            "columns": profile.cardinality(),
            "seconds": run.get("ExecutionTime", 0),
        }

    def console_page(self, handle: str) -> str:
        return f"databrew/home?region={settings().region}#job-details?job={self.job}"

    def _runs(self) -> Iterator[dict[str, Any]]:
        """The job's runs, the newest first."""
        pages = client("databrew").get_paginator("list_job_runs").paginate(Name=self.job)
        runs = [run for page in pages for run in page["JobRuns"]]
        yield from sorted(runs, key=lambda run: run["StartedOn"], reverse=True)

    def _show_log(self, run: dict[str, Any]) -> str:
        """Shows the end of the run's log; returns a sentence that says where the rest is."""
        group, stream = run.get("LogGroupName"), run["RunId"]
        if not group:
            return "The job keeps no log."
        show_end(group, stream, "databrew", LAST_LINES)
        return f"All of its log is in CloudWatch, group {group}, stream {stream}."
