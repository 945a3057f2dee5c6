"""The life of a profile run: started by StartJobRun, computed in a thread of its own, ended in the run's record.

STARTING, RUNNING, then SUCCEEDED, FAILED, TIMEOUT, or STOPPING and STOPPED; a run that succeeded has left its result.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from botocore.exceptions import BotoCoreError, ClientError

from local import principals
from local.databrew.configuration import Configuration
from local.databrew.lines import load
from local.databrew.profile import profile
from local.databrew.source import SourceError, find
from local.databrew.statement import Query
from local.log_stream import LogStream

logger = logging.getLogger(__name__)

ACTIVE = ("STARTING", "RUNNING", "STOPPING")
INTERRUPTED = "The local platform was stopped while the run was running; start the job again."
THREADS = 2
MEMORY = "2GB"
_INTERRUPT_SECONDS = 0.1

Record = dict[str, Any]
Log = Callable[[str], None]


class _EndedError(Exception):
    """The run is to end now, as its `wanted` says."""


@dataclass
class _Active:
    """A run between its start and its end.

    wanted: the state that it was asked to end in, and the message for its record.
    """

    run: Record
    thread: threading.Thread | None = None
    connection: duckdb.DuckDBPyConnection | None = None
    wanted: tuple[str, str] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self, state: str, message: str) -> None:
        """Ends the run, unless that was decided already; returns when its thread has ended."""
        with self.lock:
            self.wanted = self.wanted or (state, message)
        thread = self.thread
        while thread and thread.is_alive():
            # Statements that begin later look at `wanted` first, but one may just be beginning.
            with self.lock:
                if self.connection is not None:
                    self.connection.interrupt()
            thread.join(_INTERRUPT_SECONDS)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        if self.wanted or self.connection is None:
            raise _EndedError
        try:
            return self.connection.execute(statement).fetchall()
        except duckdb.InterruptException:
            raise _EndedError from None


class ProfileEngine:
    """Runs profile jobs. `job`, `dataset` and `run` are the service's records, as DataBrew describes them.

    client: gives a boto3 client of this platform by service name. work: a folder for what a run needs on disk.
    """

    def __init__(self, client: Callable[[str], Any], work: Path) -> None:
        self._client = client
        self._work = work
        self._lock = threading.Lock()
        self._active: dict[str, _Active] = {}
        shutil.rmtree(work, ignore_errors=True)

    def start(self, job: Record, dataset: Record, run: Record) -> None:
        active = self._active[run["RunId"]] = _Active(run)
        work = principals.acting_as(principals.of_role(job.get("RoleArn")))(self._run)
        active.thread = threading.Thread(target=work, args=(job, dataset, active), daemon=True)
        active.thread.start()

    def stop(self, run_id: str) -> bool:
        """Asks a run to end: its record says STOPPING, then STOPPED. False where it does not run."""
        with self._lock:
            active = self._active.get(run_id)
            if active is None:
                return False
            active.run["State"] = "STOPPING"
        threading.Thread(target=active.end, args=("STOPPED", ""), daemon=True).start()
        return True

    def close(self) -> None:
        """Ends all runs: the platform stops. Returns when their records say so."""
        with self._lock:
            left = list(self._active.values())
        for active in left:
            active.end("FAILED", INTERRUPTED)

    @staticmethod
    def fail_interrupted(run: Record) -> None:
        """Ends in the record what a killed platform left running."""
        if run["State"] in ACTIVE:
            run.update(State="FAILED", ErrorMessage=INTERRUPTED, CompletedOn=time.time())

    def _run(self, job: Record, dataset: Record, active: _Active) -> None:
        run = active.run
        with ExitStack() as open_things:
            log = self._log(run, open_things)
            overdue = threading.Timer(
                job["Timeout"] * 60 or threading.TIMEOUT_MAX,
                active.end,
                ("TIMEOUT", f"The run took longer than its {job['Timeout']} minutes."),
            )
            overdue.daemon = True
            overdue.start()
            open_things.callback(overdue.cancel)
            while True:
                state, message = self._attempt(job, dataset, active, log)
                log(f"{state}{f': {message}' if message else ''}")
                if state != "FAILED" or active.wanted or run["Attempt"] >= job["MaxRetries"]:
                    break
                run["Attempt"] += 1
        now = time.time()
        with self._lock:
            del self._active[run["RunId"]]
            run.update(
                **({"ErrorMessage": message} if message else {}),
                CompletedOn=now,
                ExecutionTime=round(now - run["StartedOn"]),
                State=state,
            )

    def _log(self, run: Record, open_things: ExitStack) -> Log:
        if "LogGroupName" not in run:
            return lambda line: logger.info("%s: %s", run["RunId"], line)
        return open_things.enter_context(LogStream(self._client("logs"), run["LogGroupName"], run["RunId"])).write

    def _attempt(self, job: Record, dataset: Record, active: _Active, log: Log) -> tuple[str, str]:
        """One attempt at the run; its state and message."""
        try:
            self._profile(job, dataset, active, log)
        except _EndedError:
            assert active.wanted is not None
            return active.wanted
        except SourceError as error:
            return "FAILED", str(error)
        except (BotoCoreError, ClientError) as error:
            return "FAILED", f"The result could not be written: {error}"
        except Exception as error:  # whatever went wrong, the caller learns it from the run's record
            if active.wanted:
                return active.wanted
            logger.exception("Profile run %s", active.run["RunId"])
            return "FAILED", f"The local platform could not profile {dataset['Name']}: {error!r}"
        return "SUCCEEDED", ""

    def _profile(self, job: Record, dataset: Record, active: _Active, log: Log) -> None:
        run = active.run
        source = find(dataset)
        with self._lock:
            if run["State"] == "STARTING":
                run["State"] = "RUNNING"
        log(f"Reading {len(source.objects)} objects, {source.size:,} bytes, of {dataset['Name']}")
        for sentence in source.left_out:
            log(f"Left out: {sentence}")
        configuration = Configuration.of(job.get("ProfileConfiguration"))
        if configuration.left_out:
            log(f"Not computed by the local platform: {', '.join(configuration.left_out)}")
        with self._connected(active) as query:
            rows, left_out = load(query, source, job["JobSample"].get("Size"))
            log(f"{rows:,} rows; {left_out:,} lines left out, which are no rows of {len(source.columns)} columns")
            found = profile(query, source.columns, rows, configuration)
            if active.wanted:
                raise _EndedError
        self._write(job, run, {**_overrides(configuration), **found}, log)

    @contextmanager
    def _connected(self, active: _Active) -> Iterator[Query]:
        """A database on disk of the attempt's own: months are larger than memory."""
        folder = self._work / active.run["RunId"]
        folder.mkdir(parents=True, exist_ok=True)
        # Settings at the start: a statement of its own could be interrupted before `query` sees to that.
        settings: dict[str, Any] = {"threads": THREADS, "memory_limit": MEMORY, "preserve_insertion_order": False}
        connection = duckdb.connect(str(folder / f"{active.run['Attempt']}.duckdb"), config=settings)
        try:
            with active.lock:
                active.connection = connection
            yield active.query
        finally:
            with active.lock:
                active.connection = None
            connection.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _write(self, job: Record, run: Record, result: Record, log: Log) -> None:
        location = job["Outputs"][0]["Location"]
        prefix = location.get("Key", "")
        name = f"{run['DatasetName']}_{run['RunId'].removeprefix('db_')}.json"
        key = f"{prefix}{'' if prefix.endswith('/') or not prefix else '/'}{name}"
        content = {
            **result,
            "jobName": run["JobName"],
            "jobRunId": run["RunId"],
            "location": f"s3://{location['Bucket']}/{key}",
            "startedOn": _iso(run["StartedOn"]),
            "writtenOn": _iso(time.time()),
            "version": "1.0",
        }
        body = json.dumps(content, indent=2, ensure_ascii=False).encode()
        self._client("s3").put_object(Bucket=location["Bucket"], Key=key, Body=body, ContentType="application/json")
        run["Outputs"] = [{"Format": "JSON", "Location": {**location, "Key": key}, "Overwrite": False}]
        log(f"Wrote {content['location']}")


def _overrides(configuration: Configuration) -> Record:
    given = configuration.definition.get("DatasetStatisticsConfiguration") or {}
    return {"datasetConfigurationOverride": {name[0].lower() + name[1:]: value for name, value in given.items()}}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
