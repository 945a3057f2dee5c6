"""Jobs, run by our engine."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any

from ministack.services import glue
from ministack.services.cloudformation import provisioners

from local.clients import factory
from local.config import Config
from local.glue_catalog import page
from local.glue_job import ConcurrentRunsExceededError, JobEngine, UnknownRunError
from local.ministack_hooks.closing import at_close
from local.ministack_hooks.glue import GlueAction, GlueError, after_restore, record, respond

JOB_RUNS_PER_PAGE = 200


# What ministack forgets of a job.
_JOB_MEMBERS = ("ExecutionProperty", "ExecutionClass", "JobMode", "LogUri")
_JOB_NUMBERS = ("MaxRetries", "NumberOfWorkers", "Timeout")


def install(config: Config) -> None:
    engine = JobEngine(config, factory(config.endpoint, config.region))
    at_close(engine.close)
    glue._create_job = partial(respond, partial(_create_job, glue._create_job))
    glue._update_job = partial(respond, partial(_update_job, glue._update_job))
    glue._delete_job = partial(respond, partial(_delete_job, engine, glue._delete_job))
    provisioners._GLUE_JOB_DEFAULTS["ExecutionProperty"] = {"MaxConcurrentRuns": 1}
    glue._start_job_run = partial(respond, partial(_start_job_run, engine))
    glue._get_job_runs = partial(respond, _get_job_runs)
    glue._batch_stop_job_run = partial(respond, partial(_batch_stop_job_run, engine))
    after_restore(lambda: [engine.fail_interrupted(run) for runs in glue._job_runs._data.values() for run in runs])


def _create_job(stock: GlueAction, data: dict[str, Any]) -> Any:
    definition = _with_numbers(data)
    answer = stock(definition)
    if answer[0] == 200:
        _remember(data["Name"], definition)
    return answer


def _update_job(stock: GlueAction, data: dict[str, Any]) -> Any:
    changes = _with_numbers(data.get("JobUpdate", {}))
    answer = stock({**data, "JobUpdate": changes})
    if answer[0] == 200:
        _remember(data["JobName"], changes)
    return answer


def _remember(job: str, definition: dict[str, Any]) -> None:
    glue._jobs[job].update({name: definition[name] for name in _JOB_MEMBERS if definition.get(name)})


def _with_numbers(definition: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a job as numbers: a template's parameters are text, which CloudFormation would convert."""
    numbers: dict[str, Any] = {name: int(definition[name]) for name in _JOB_NUMBERS if definition.get(name) is not None}
    if limit := (definition.get("ExecutionProperty") or {}).get("MaxConcurrentRuns"):
        numbers["ExecutionProperty"] = {"MaxConcurrentRuns": int(limit)}
    return {**definition, **numbers}


def _delete_job(engine: JobEngine, stock: GlueAction, data: dict[str, Any]) -> Any:
    for run in glue._job_runs.get(data.get("JobName"), []):
        with contextlib.suppress(UnknownRunError):
            engine.stop(run["Id"])
    return stock(data)


def _start_job_run(engine: JobEngine, data: dict[str, Any]) -> Any:
    job = record("Job", glue._jobs, data.get("JobName", ""))
    try:
        return {"JobRunId": engine.start(job, glue._job_runs.setdefault(job["Name"], []), data)}
    except ConcurrentRunsExceededError as error:
        raise GlueError("ConcurrentRunsExceededException", str(error)) from error


def _get_job_runs(data: dict[str, Any]) -> Any:
    job = record("Job", glue._jobs, data.get("JobName", ""))
    newest_first = glue._job_runs.get(job["Name"], [])[::-1]
    runs, more = page(newest_first, data.get("NextToken"), data.get("MaxResults"), JOB_RUNS_PER_PAGE)
    return {"JobRuns": runs, **more}


def _batch_stop_job_run(engine: JobEngine, data: dict[str, Any]) -> Any:
    job = record("Job", glue._jobs, data.get("JobName", ""))
    states = {run["Id"]: run["JobRunState"] for run in glue._job_runs.get(job["Name"], [])}
    stopped, errors = [], []
    for run_id in data.get("JobRunIds", []):
        submission = {"JobName": job["Name"], "JobRunId": run_id}
        try:
            engine.stop(run_id)
            stopped.append(submission)
        except UnknownRunError:
            code = "JobRunInTerminalStateException" if run_id in states else "EntityNotFoundException"
            message = f"Run {run_id} is {states.get(run_id, 'unknown')}; it cannot be stopped."
            errors.append({**submission, "ErrorDetail": {"ErrorCode": code, "ErrorMessage": message}})
    return {"SuccessfulSubmissions": stopped, "Errors": errors}
