"""The life of a job run: started by StartJobRun, run in a thread of its own, ended in the run's record.

States and messages as Glue has them: STARTING, RUNNING, then SUCCEEDED, FAILED, TIMEOUT, or STOPPING and STOPPED.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from local import principals
from local.config import Config
from local.glue_job.arguments import LOG_GROUP, Arguments, JobError, merged, resolve
from local.glue_job.command import prepare
from local.glue_job.output import RunOutput
from local.sessions import Session, end_orphans

logger = logging.getLogger(__name__)

ACTIVE = ("STARTING", "RUNNING", "STOPPING")
INTERRUPTED = "The local platform was stopped while the run was running; start the run again."
# Glue's own limit of a batch job where neither run nor job has one, in minutes.
DEFAULT_TIMEOUT = 480
_DPU = {"Standard": 1.0, "G.025X": 0.25, "G.1X": 1.0, "G.2X": 2.0, "G.4X": 4.0, "G.8X": 8.0, "Z.2X": 2.0}


class ConcurrentRunsExceededError(RuntimeError):
    """As many runs of the job as it allows are active."""


class UnknownRunError(LookupError):
    """No active run of that id."""


@dataclass
class _Active:
    """A run between its start and its end.

    since: when its script began. wanted: the state that it was asked to end in, and the message for its record.
    """

    run: dict[str, Any]
    since: float | None = None
    thread: threading.Thread | None = None
    process: Session | None = None
    wanted: tuple[str, str] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class JobEngine:
    """Runs jobs. `job` and `run` are the platform's records, as GetJob and GetJobRun answer them.

    client: gives a boto3 client of this platform by service name.
    """

    def __init__(self, config: Config, client: Callable[[str], Any]) -> None:
        self._config = config
        self._client = client
        self._lock = threading.Lock()
        self._active: dict[str, _Active] = {}
        self._closing = False
        self._records = config.run / "glue"
        for run_id in end_orphans(self._records):
            logger.warning("Ended the processes of job run %s, left by a platform that was killed.", run_id)

    def start(self, job: dict[str, Any], runs: list[dict[str, Any]], request: Mapping[str, Any]) -> str:
        """Begins a run and adds its record to `runs`, the records of all the job's runs; its id.

        request: StartJobRun's. Raises ConcurrentRunsExceededError.
        """
        limit = (job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1)
        with self._lock:
            if sum(run["JobRunState"] in ACTIVE for run in runs) >= limit:
                raise ConcurrentRunsExceededError(
                    f"Concurrent runs exceeded for {job['Name']}: {limit} allowed. Wait for a run to end or stop one."
                )
            run = _new_run(job, request)
            self._begin(job, runs, run)
        return str(run["Id"])

    def stop(self, run_id: str) -> None:
        """Asks a run to end: its record says STOPPING, then STOPPED when nothing of it runs. Raises UnknownRunError."""
        with self._lock:
            active = self._active.get(run_id)
            if active is None:
                raise UnknownRunError(f"The run {run_id} is not running.")
            self._want(active, "STOPPED", "")
            active.run.update(JobRunState="STOPPING", LastModifiedOn=time.time())
        threading.Thread(target=self._end, args=(active,), daemon=True).start()

    def close(self) -> None:
        """Ends all runs: the platform stops. Returns when their records say so and none of their processes is left."""
        with self._lock:
            self._closing = True
            runs = list(self._active.values())
        for active in runs:
            self._want(active, "FAILED", INTERRUPTED)
        with ThreadPoolExecutor(max(len(runs), 1)) as pool:
            list(pool.map(self._end, runs))
        for active in runs:
            if active.thread:
                active.thread.join()

    @staticmethod
    def fail_interrupted(run: dict[str, Any]) -> None:
        """Ends in the record what a killed platform left running."""
        if run["JobRunState"] in ACTIVE:
            now = time.time()
            run.update(JobRunState="FAILED", ErrorMessage=INTERRUPTED, CompletedOn=now, LastModifiedOn=now)

    def _begin(self, job: dict[str, Any], runs: list[dict[str, Any]], run: dict[str, Any]) -> None:
        runs.append(run)
        active = self._active[run["Id"]] = _Active(run)
        work = principals.acting_as(principals.of_role(job.get("Role")))(self._run)
        active.thread = threading.Thread(target=work, args=(job, runs, run, active), daemon=True)
        active.thread.start()

    @staticmethod
    def _want(active: _Active, state: str, message: str) -> None:
        """Decides how the run is to end, unless that is decided; from then on its script is not started any more."""
        with active.lock:
            active.wanted = active.wanted or (state, message)

    @staticmethod
    def _end(active: _Active) -> None:
        if active.process is not None:
            active.process.end()

    def _run(self, job: dict[str, Any], runs: list[dict[str, Any]], run: dict[str, Any], active: _Active) -> None:
        try:
            arguments = resolve(merged(job, run["Arguments"]), job["Name"], run["Id"])
            run["LogGroupName"] = arguments.log_group
            state, message = self._execute(job, run, active, arguments)
        except JobError as error:
            state, message = "FAILED", str(error)
        except Exception as error:  # whatever went wrong, the caller learns it from the run's record
            logger.exception("Job run %s", run["Id"])
            state, message = "FAILED", f"The local platform could not run the job: {error!r}"
        now = time.time()
        seconds = round(now - (active.since or now))
        with self._lock:
            self._active.pop(run["Id"], None)
            if state == "FAILED" and run["Attempt"] < job.get("MaxRetries", 0) and not self._closing:
                # Before this one is said to have failed: who reads that looks for the next.
                self._begin(job, runs, _next_attempt(run))
            run.update(
                ErrorMessage=message,
                CompletedOn=now,
                LastModifiedOn=now,
                ExecutionTime=seconds,
                DPUSeconds=seconds * _DPU.get(run["WorkerType"], 1.0) * run["NumberOfWorkers"],
                JobRunState=state,
            )
        if state == "FAILED":
            logger.warning("Job run %s of %s failed: %s", run["Id"], job["Name"], message)

    def _execute(
        self, job: dict[str, Any], run: dict[str, Any], active: _Active, arguments: Arguments
    ) -> tuple[str, str]:
        """Runs the script to its end; the run's last state and its message."""
        file = self._config.logs / "glue" / job["Name"] / f"{run['Id']}.log"
        with RunOutput(self._client("logs"), arguments.log_group, run["Id"], file) as output:
            try:
                command = prepare(self._config, job, run, arguments)
                with active.lock:
                    if active.wanted:
                        return active.wanted
                    active.process = Session(
                        command.words, command.environment, command.folder, self._records / run["Id"]
                    )
                    active.since = time.time()
                    run.update(JobRunState="RUNNING", LastModifiedOn=active.since)
                return self._watch(run, active, active.process, output)
            except JobError as error:
                output.tell(str(error))
                raise
            finally:
                shutil.rmtree(self._config.var / "aws" / "glue" / "runs" / run["Id"], ignore_errors=True)

    def _watch(self, run: dict[str, Any], active: _Active, process: Session, output: RunOutput) -> tuple[str, str]:
        output.follow(process.stdout, process.stderr)
        minutes = run["Timeout"]
        try:
            status = process.wait(minutes * 60)
        except subprocess.TimeoutExpired:
            self._want(active, "TIMEOUT", f"The run took longer than its {minutes:g} minutes.")
        finally:
            process.end()
            process.forget()
        if active.wanted:
            output.tell(active.wanted[1] or "The run was stopped.")
            return active.wanted
        return ("SUCCEEDED", "") if status == 0 else ("FAILED", output.failure(status))


def _new_run(job: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    now = time.time()
    workers = request.get("NumberOfWorkers") or job.get("NumberOfWorkers") or 2
    return {
        "Id": f"jr_{secrets.token_hex(32)}",
        "JobName": job["Name"],
        "JobRunState": "STARTING",
        "Attempt": 0,
        "StartedOn": now,
        "LastModifiedOn": now,
        "CompletedOn": None,
        "Arguments": dict(request.get("Arguments") or {}),
        "ErrorMessage": "",
        "PredecessorRuns": [],
        "ExecutionTime": 0,
        "DPUSeconds": 0.0,
        "Timeout": request.get("Timeout") or job.get("Timeout") or DEFAULT_TIMEOUT,
        "WorkerType": request.get("WorkerType") or job.get("WorkerType") or "G.1X",
        "NumberOfWorkers": workers,
        "AllocatedCapacity": workers,
        "MaxCapacity": float(request.get("MaxCapacity") or job.get("MaxCapacity") or workers),
        "GlueVersion": job.get("GlueVersion", ""),
        "LogGroupName": LOG_GROUP,
        "ExecutionClass": request.get("ExecutionClass") or job.get("ExecutionClass") or "STANDARD",
    }


def _next_attempt(run: Mapping[str, Any]) -> dict[str, Any]:
    """The record of the retry that follows a failed run, under Glue's name for it."""
    number, now = run["Attempt"] + 1, time.time()
    return {
        **run,
        "Id": f"{run['Id'].partition('_attempt_')[0]}_attempt_{number}",
        "PreviousRunId": run["Id"],
        "Attempt": number,
        "JobRunState": "STARTING",
        "StartedOn": now,
        "LastModifiedOn": now,
        "CompletedOn": None,
        "ErrorMessage": "",
        "ExecutionTime": 0,
        "DPUSeconds": 0.0,
    }
