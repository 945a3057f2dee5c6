"""Runs applications as jobs of the cluster: from their start to their stop, over deaths of the cluster's processes."""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import principals
from local.config import Config
from local.flink import driver, package, settings
from local.flink.application import Application
from local.flink.cluster import JOB_MANAGER, Cluster
from local.flink.driver import Driver, Restore
from local.flink.errors import ApplicationError, StoppedError
from local.flink.logs import Logs
from local.flink.metrics import Metrics
from local.flink.rest import RestError, root_cause
from local.flink.runtime import address
from local.sessions import end_orphans
from local.whole_file import write_whole

logger = logging.getLogger(__name__)

START_SECONDS = 180
SAVEPOINT_SECONDS = 120
CANCEL_SECONDS = 60
WATCH_SECONDS = 1.0
METRICS_SECONDS = 10.0
ENDED = ("FAILED", "CANCELED", "FINISHED")


@dataclass
class _Run:
    """A job from its start to its end. restored: the path of the state that it began with."""

    application: Application
    job: str
    restored: str | None
    running: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)


class Engine:
    """client: gives a boto3 client of this platform by service name.

    ended: called with an application's name and a sentence when its job has ended although nobody asked for that.
    """

    def __init__(self, config: Config, client: Callable[[str], Any], ended: Callable[[str, str], None]) -> None:
        self._config = config
        self._client = client
        self._ended = ended
        self._folder = config.var / "aws" / "flink"
        self._records = config.run / "flink"
        for name in end_orphans(self._records):
            logger.warning("Ended Flink's %s, left by a platform that was killed.", name)
        self._logs: Logs | None = None
        self._cluster: Cluster | None = None
        self._runs: dict[str, _Run] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def run(self, application: Application, restore: Restore | None) -> None:
        """Returns when the application's job runs.

        Raises ApplicationError where it cannot be started (nothing of it is left then), StoppedError when it was
        stopped meanwhile.
        """
        run = _Run(application, secrets.token_hex(16), restore.path if restore else None)
        with self._lock:
            if self._closing.is_set():
                raise StoppedError
            self._runs[application.name] = run
        cluster, logs = self._open()
        logs.open(application.name, application.log_stream)
        try:
            self._start(cluster, logs, run, restore)
        except StoppedError:
            self._give_up(run)
            raise
        except (ApplicationError, RestError) as error:
            logs.tell(application.name, f"ERROR {error}")
            self._give_up(run)
            raise ApplicationError(str(error)) from error
        run.running = True

    def resume(self, application: Application) -> None:
        """As `run`, from where the application's last job was when it was lost: its latest checkpoint."""
        self.run(application, self._latest(application.name))

    def was_running(self, name: str) -> bool:
        """Whether a job of the application was lost: neither stopped nor failed."""
        return self._note(name).exists()

    def snapshot(self, name: str, snapshot: str) -> str:
        """Takes a savepoint of a running application; its path. Raises ApplicationError."""
        return self._savepoint(name, snapshot, "savepoints", {"cancel-job": False}, "target-directory")

    def stop(self, name: str, snapshot: str) -> str:
        """Takes a savepoint and ends the job with it; its path. Raises ApplicationError: then the job runs on."""
        run = self._runs[name]
        run.running = False
        try:
            path = self._savepoint(name, snapshot, "stop", {"drain": False}, "targetDirectory")
        except ApplicationError:
            run.running = True
            raise
        self._wait_for_end(run)
        self._forget(run)
        return path

    def cancel(self, name: str) -> None:
        """Ends the application's job, or its start, at once and without a savepoint. None is no error."""
        run = self._runs.get(name)
        if run is None:
            return
        run.running = False
        run.cancelled.set()
        self._give_up(run)

    def remove_snapshot(self, name: str, snapshot: str) -> None:
        shutil.rmtree(self._folder / "snapshots" / name / snapshot, ignore_errors=True)

    def remove(self, name: str) -> None:
        """Ends the application and removes all that is kept of it."""
        self.cancel(name)
        for folder in ("snapshots", "checkpoints", "applications"):
            shutil.rmtree(self._folder / folder / name, ignore_errors=True)

    def close(self) -> None:
        """Ends the cluster with all jobs; their last checkpoints stay, from which `resume` goes on."""
        self._closing.set()
        for run in list(self._runs.values()):
            run.cancelled.set()
        if self._cluster:
            self._cluster.close()
        if self._logs:
            self._logs.close_all()

    def _open(self) -> tuple[Cluster, Logs]:
        """What is made at the first start only, so that a platform without applications costs nothing."""
        with self._lock:
            if self._cluster is None or self._logs is None:
                self._logs = Logs(self._config.logs, self._client("logs"))
                self._cluster = Cluster(self._config, self._logs, self._records)
                for task, seconds in ((self._watch, WATCH_SECONDS), (self._measure, METRICS_SECONDS)):
                    threading.Thread(target=self._again, args=(task, seconds), name="flink", daemon=True).start()
            return self._cluster, self._logs

    def _start(self, cluster: Cluster, logs: Logs, run: _Run, restore: Restore | None) -> None:
        application = run.application
        if application.parallelism > settings.SLOTS:
            raise ApplicationError(
                f"Application {application.name} asks for parallelism {application.parallelism}; the local cluster "
                f"has {settings.SLOTS} slots."
            )
        home = self._folder / "applications" / application.name
        with principals.acting_as(principals.FLINK):
            brought = package.fetch(self._client("s3"), application, home / "code")
        found = cluster.start()
        self._keep(run)
        # The program takes about as long to build its job as the cluster to start; the client waits for the cluster.
        record = self._records / f"driver-{application.name}"
        program = driver.run(
            lambda: Driver(found, application, brought, run.job, restore, logs, record),
            lambda: cluster.wait_until_ready(run.cancelled),
            run.cancelled,
        )
        if run.cancelled.is_set():
            raise StoppedError
        if program.exit_status() != 0:
            raise ApplicationError(program.failure())
        self._wait_until_running(run)

    def _wait_until_running(self, run: _Run) -> None:
        """Until all of the job's tasks run, or Flink has begun to restart it, which it then goes on doing."""
        deadline = time.monotonic() + START_SECONDS
        while not run.cancelled.is_set():
            job = self._rest.get(f"/jobs/{run.job}")
            if job["state"] in ENDED:
                raise ApplicationError(self._root_exception(run.job) or f"The job is {job['state']}.")
            tasks = [vertex["status"] for vertex in job["vertices"]]
            if job["state"] == "RESTARTING" or (tasks and set(tasks) <= {"RUNNING", "FINISHED"}):
                return
            if time.monotonic() > deadline:
                raise ApplicationError(f"The job does not run after {START_SECONDS} s: it is {job['state']}.")
            run.cancelled.wait(0.2)
        raise StoppedError

    def _savepoint(self, name: str, snapshot: str, kind: str, body: dict[str, Any], target: str) -> str:
        run = self._runs.get(name)
        if run is None:  # Its end may have been noticed just now.
            raise ApplicationError(f"The snapshot {snapshot} of {name} could not be taken: it has no job.")
        folder = self._folder / "snapshots" / name / snapshot
        try:
            request = self._rest.post(f"/jobs/{run.job}/{kind}", {**body, target: address(folder)})["request-id"]
            operation = self._rest.result(f"/jobs/{run.job}/savepoints/{request}", SAVEPOINT_SECONDS)
        except RestError as error:
            raise ApplicationError(f"The snapshot {snapshot} of {name} could not be taken: {error}") from error
        return str(operation["location"])

    def _wait_for_end(self, run: _Run) -> None:
        deadline = time.monotonic() + CANCEL_SECONDS
        while time.monotonic() < deadline:
            try:
                if self._rest.get(f"/jobs/{run.job}")["state"] in ENDED:
                    return
            except RestError:
                return  # The job manager is gone, or has never known the job.
            time.sleep(0.1)
        logger.warning("The job of %s does not end.", run.application.name)

    def _give_up(self, run: _Run) -> None:
        """Ends what there is of a run."""
        if self._closing.is_set():
            return
        try:
            self._rest.cancel(run.job)
        except RestError:
            logger.info("The cluster has no job of %s.", run.application.name)
        else:
            self._wait_for_end(run)
        self._forget(run)

    def _forget(self, run: _Run) -> None:
        with self._lock:
            if self._runs.get(run.application.name) is run:
                del self._runs[run.application.name]
                self._note(run.application.name).unlink(missing_ok=True)
        if self._logs:
            self._logs.close(run.application.name)

    @property
    def _rest(self) -> Any:
        return self._open()[0].rest

    def _root_exception(self, job: str) -> str:
        try:
            history = self._rest.get(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"]
        except RestError:
            return ""
        return root_cause(history[0]["stacktrace"]) if history else ""

    # What tells the next platform, or the next job manager, where a lost job was.

    def _keep(self, run: _Run) -> None:
        write_whole(self._note(run.application.name), json.dumps({"job": run.job, "restored": run.restored}))
        kept = {run.job} | ({Path(run.restored.removeprefix("file:")).parent.name} if run.restored else set())
        for old in (self._folder / "checkpoints" / run.application.name).glob("*"):
            if old.name not in kept:
                shutil.rmtree(old, ignore_errors=True)

    def _note(self, name: str) -> Path:
        return self._folder / "applications" / name / "job.json"

    def _latest(self, name: str) -> Restore | None:
        note = json.loads(self._note(name).read_text()) if self._note(name).exists() else {}
        complete = [
            file.parent
            for file in (self._folder / "checkpoints" / name / note.get("job", "none")).glob("chk-*/_metadata")
        ]
        if complete:
            latest = max(complete, key=lambda path: int(path.name.removeprefix("chk-")))
            return Restore(address(latest), owned=True)
        return Restore(note["restored"], owned=False) if note.get("restored") else None

    # What goes on beside the operations.

    def _again(self, task: Callable[[], None], seconds: float) -> None:
        while not self._closing.wait(seconds):
            try:
                task()
            except Exception:  # Whatever it is, the next time is another try.
                logger.exception("Flink could not be looked after.")

    def _watch(self) -> None:
        cluster, logs = self._open()
        revived = cluster.revive()
        for name in revived:
            for run in list(self._runs.values()):
                logs.tell(run.application.name, f"WARN Flink's {name} had ended and was started again.")
        for run in [run for run in list(self._runs.values()) if run.running]:
            if JOB_MANAGER in revived:
                run.running = False
                threading.Thread(target=self._replace, args=(run,), daemon=True).start()
            else:
                self._look_at(run)

    def _replace(self, run: _Run) -> None:
        """A job again that was lost with its job manager."""
        name = run.application.name
        try:
            self.resume(run.application)
        except ApplicationError as error:
            self._ended(name, str(error))
        except StoppedError:
            logger.info("%s was stopped before it ran again.", name)

    def _look_at(self, run: _Run) -> None:
        try:
            state = self._rest.get(f"/jobs/{run.job}")["state"]
        except RestError:
            return  # Answered by the next look, or by a new job manager.
        if state in ENDED and run.running:
            cause = self._root_exception(run.job) or f"The job is {state}."
            self._forget(run)
            self._ended(run.application.name, cause)

    def _measure(self) -> None:
        for run in [run for run in list(self._runs.values()) if run.running]:
            Metrics(self._rest, self._client("cloudwatch")).put(run.application.name, run.job)
