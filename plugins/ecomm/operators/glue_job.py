"""Runs a Glue job once, however often the task is tried."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from ecomm.aws import client
from ecomm.errors import DataError
from ecomm.operators.base import AwsOperator
from ecomm.operators.run_log import show_end
from ecomm.settings import settings
from ecomm.waiting import Wait, wait

log = logging.getLogger(__name__)

BUSY = ("STARTING", "RUNNING", "STOPPING", "WAITING")
# The argument by which a run is known again as that of a task of one DAG run.
MARK = "--AIRFLOW_TASK"
LAST_LINES = 60


class GlueJobRunOperator(AwsOperator):
    """Runs the job with these arguments and returns the run: run_id, seconds, dpu_seconds.

    A run that an earlier try of the same task left, busy or with success, is taken over and not doubled; one that is
    being stopped is waited for, and another started. A task that was cleared starts anew. Every end but SUCCEEDED fails
    the task, with the run's message, the end of its log, and where the rest is. hopeless: words in the message that
    tell that another try would end alike; then there is none. A killed task stops its run; one whose worker died leaves
    it to the next try.

    The provider's `GlueJobOperator` takes STOPPED for a success where it does not defer, and each try starts a run.
    """

    template_fields: Sequence[str] = ("job", "arguments")
    template_fields_renderers = {"arguments": "json"}  # noqa: RUF012 - as Airflow declares it

    def __init__(self, *, job: str, arguments: Any, hopeless: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.arguments = arguments
        self.hopeless = tuple(hopeless)

    def start(self, context: Context) -> str:
        task = context["ti"]
        # Clearing a task raises its number of tries, so the number tells the tries before from those after.
        mark = f"{task.dag_id}/{task.run_id}/{task.task_id}/{task.max_tries}"
        if earlier := self._earlier_run(mark):
            run_id = str(earlier["Id"])
            if earlier["JobRunState"] != "STOPPING":
                log.info("Run %s of %s was started by an earlier try of this task; joining it.", run_id, self.job)
                return run_id
            log.info("Run %s of %s, of an earlier try, is being stopped; waiting for its end.", run_id, self.job)
            wait(self.waiting(run_id))
        glue = client("glue")
        try:
            run_id = glue.start_job_run(JobName=self.job, Arguments={**self.arguments, MARK: mark})["JobRunId"]
        except glue.exceptions.EntityNotFoundException as error:
            raise DataError(f"There is no Glue job {self.job}; deploy the stacks (make deploy).") from error
        except glue.exceptions.ConcurrentRunsExceededException as error:
            raise RuntimeError(
                f"Glue job {self.job} runs already, not for this task, and allows no other run beside it; "
                "this task tries again later."
            ) from error
        log.info("Started run %s of %s", run_id, self.job)
        return str(run_id)

    def waiting(self, handle: str) -> Wait:
        return Wait(
            name=f"Run {handle} of {self.job}",
            service="glue",
            operation="get_job_run",
            arguments={"JobName": self.job, "RunId": handle},
            state="JobRun.JobRunState",
            busy=BUSY,
            longest_pause=15,
            stop_operation="batch_stop_job_run",
            stop_arguments={"JobName": self.job, "JobRunIds": [handle]},
        )

    def finish(self, context: Context, handle: str) -> dict[str, Any]:
        run = client("glue").get_job_run(JobName=self.job, RunId=handle)["JobRun"]
        if run["JobRunState"] == "SUCCEEDED":
            log.info("Run %s took %d s.", handle, run.get("ExecutionTime", 0))
            return {"run_id": handle, "seconds": run.get("ExecutionTime", 0), "dpu_seconds": run.get("DPUSeconds", 0)}
        groups = self._log_groups(run)
        for group in groups:
            show_end(group, handle, group.rpartition("/")[2], LAST_LINES)
        message = run.get("ErrorMessage") or "It gave no message."
        error = DataError if any(words in message for words in self.hopeless) else RuntimeError
        raise error(
            f"Glue job {self.job}, run {handle}, ended as {run['JobRunState']}: {message} "
            f"All of its log is in CloudWatch, groups {' and '.join(groups)}, stream {handle}."
        )

    def console_page(self, handle: str) -> str:
        return f"gluestudio/home?region={settings().region}#/job/{self.job}/run/{handle}"

    def _earlier_run(self, mark: str) -> dict[str, Any] | None:
        """The run that this task started with these arguments: one that is busy, or that succeeded since a clear."""
        pages = client("glue").get_paginator("get_job_runs").paginate(JobName=self.job)
        try:
            for run in (run for page in pages for run in page["JobRuns"]):
                arguments = dict(run.get("Arguments", {}))
                found = arguments.pop(MARK, "")
                busy = run["JobRunState"] in BUSY and found.rpartition("/")[0] == mark.rpartition("/")[0]
                done = run["JobRunState"] == "SUCCEEDED" and found == mark
                if (busy or done) and arguments == self.arguments:
                    return dict(run)
        except client("glue").exceptions.EntityNotFoundException:
            return None
        return None

    def _log_groups(self, run: dict[str, Any]) -> list[str]:
        """Of what Spark logs, and of what the script prints."""
        arguments = client("glue").get_job(JobName=self.job)["Job"].get("DefaultArguments", {})
        prefix = arguments.get("--custom-logGroup-prefix") or run.get("LogGroupName") or "/aws-glue/jobs"
        return [f"{prefix}/error", f"{prefix}/output"]
