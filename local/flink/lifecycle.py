"""The states of an application, as Managed Flink goes through them, and its operations.

Works on the platform's records: an application's has ApplicationStatus and, for us, _Operations; a snapshot's has
SnapshotStatus and _SavepointPath. What takes time goes on in a thread of its own.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from local.flink.application import Application
from local.flink.driver import Restore
from local.flink.engine import Engine
from local.flink.errors import ApplicationError, StoppedError

logger = logging.getLogger(__name__)

INTERRUPTED = "The local platform was stopped meanwhile."
OPERATIONS_KEPT = 50
LASTING = ("READY", "RUNNING")
SETTLED_SECONDS = 400
FORCIBLE = ("STARTING", "RUNNING", "STOPPING", "UPDATING")

Record = dict[str, Any]


class LifecycleError(Exception):
    """A request that the application's state or settings do not allow: the name of AWS's exception, a sentence."""


class Lifecycle:
    """detail: makes ApplicationDetail of an application's record."""

    def __init__(self, engine: Engine, detail: Callable[[Record], Mapping[str, Any]]) -> None:
        self._engine = engine
        self._detail = detail
        self._lock = threading.RLock()

    def start(self, record: Record, snapshots: Mapping[str, Record], restore: Mapping[str, Any]) -> str:
        """restore: ApplicationRestoreConfiguration. The operation's id; raises LifecycleError."""
        with self._lock:
            if record["ApplicationStatus"] != "READY":
                raise LifecycleError(
                    "ResourceInUseException",
                    f"Application cannot be started in '{record['ApplicationStatus']}' state",
                )
            path = restore_path(snapshots, restore)
            try:
                application = Application.from_detail(self._detail(record))
            except ApplicationError as error:
                raise LifecycleError("InvalidApplicationConfigurationException", str(error)) from error
            operation = self._begin(record, "StartApplication", "STARTING")
        begin_with = Restore(path, owned=False) if path else None
        self._go(self._run, record, operation, lambda: self._engine.run(application, begin_with))
        return str(operation["OperationId"])

    def take_up(self, record: Record, snapshots: Mapping[str, Record]) -> Callable[[], None]:
        """Takes up what a platform that has ended has left: what ran, runs again from its latest checkpoint.

        The record's state is at once that of an application that starts; what is returned starts it, once the platform
        answers.
        """
        for operation in record.get("_Operations", []):
            if operation["OperationStatus"] == "IN_PROGRESS":
                _end(operation, "FAILED", INTERRUPTED)
        for snapshot in snapshots.values():
            if snapshot["SnapshotStatus"] == "CREATING":
                snapshot["SnapshotStatus"] = "FAILED"
        before = record["ApplicationStatus"]
        if before not in ("RUNNING", "STARTING", "UPDATING", "STOPPING"):
            record["ApplicationStatus"] = "READY"
            return lambda: None
        operation = self._begin(record, "StartApplication", "STARTING")

        def run() -> None:
            application = Application.from_detail(self._detail(record))
            if self._engine.was_running(application.name):
                self._engine.resume(application)
            else:
                run_configuration = record.get("_RunConfiguration") or {}
                path = restore_path(snapshots, run_configuration.get("ApplicationRestoreConfiguration") or {})
                self._engine.run(application, Restore(path, owned=False) if path else None)

        return lambda: self._go(self._run, record, operation, run)

    def stop(self, record: Record, force: bool, new_snapshot: Callable[[], Record] | None) -> str:
        """new_snapshot: makes the record of the snapshot to end with; None for none. Raises LifecycleError."""
        with self._lock:
            status = record["ApplicationStatus"]
            if status not in (FORCIBLE if force else ("RUNNING",)):
                raise LifecycleError("ResourceInUseException", f"Application cannot be Stopped in '{status}' state")
            operation = self._begin(record, "StopApplication", "FORCE_STOPPING" if force else "STOPPING")
            snapshot = new_snapshot() if new_snapshot and not force else None
        name = record["ApplicationName"]

        def end() -> None:
            if snapshot:
                self._fill(snapshot, lambda: self._engine.stop(name, snapshot["SnapshotName"]))
            else:
                self._engine.cancel(name)

        self._go(self._settle, record, operation, end, "READY")
        return str(operation["OperationId"])

    def restart(
        self,
        record: Record,
        snapshot: Record | None,
        snapshots: Mapping[str, Record],
        restore: Mapping[str, Any] | None,
    ) -> None:
        """An update of a running application: ended with its state, and started with it on the new configuration.

        snapshot: the record of the one to end with; None where the application keeps none. restore: what the update
        asks for, None for the state it ended with.
        """
        name = record["ApplicationName"]
        kept = snapshot["SnapshotName"] if snapshot else f"update-{secrets.token_hex(8)}"
        asked = restore and restore.get("ApplicationRestoreType") != "RESTORE_FROM_LATEST_SNAPSHOT"
        path = restore_path(snapshots, restore or {}) if asked else None
        operation = self._begin(record, "UpdateApplication", "UPDATING")

        def stop() -> None:
            if snapshot:
                self._fill(snapshot, lambda: self._engine.stop(name, kept))
            elif asked:
                self._engine.cancel(name)
            else:
                operation["_Savepoint"] = self._engine.stop(name, kept)

        def run() -> None:
            try:
                application = Application.from_detail(self._detail(record))
                stop()
            except ApplicationError as error:
                if not self._is_current(record, operation):
                    raise StoppedError from error
                self._finish(record, operation, "RUNNING", str(error))
                return
            if asked:
                begin_with = Restore(path, owned=False) if path else None
            elif snapshot:
                begin_with = Restore(snapshot["_SavepointPath"], owned=False)
            else:
                begin_with = Restore(operation.pop("_Savepoint"), owned=True)
            self._engine.run(application, begin_with)

        self._go(self._run, record, operation, run)

    def settled(self, record: Record) -> str | None:
        """Returns when the application is in a state that lasts: why it could not be brought to another, or None.

        Raises LifecycleError where that takes too long.
        """
        deadline = time.monotonic() + SETTLED_SECONDS
        while (status := record["ApplicationStatus"]) not in LASTING:
            if time.monotonic() > deadline:
                raise LifecycleError(
                    "ResourceInUseException",
                    f"Application {record['ApplicationName']} is still {status} after {SETTLED_SECONDS} s.",
                )
            time.sleep(0.1)
        for operation in record.get("_Operations", []):
            if self._is_current(record, operation) and operation["OperationStatus"] == "FAILED":
                return str(operation["OperationFailureDetails"]["ErrorInfo"]["ErrorString"])
        return None

    def snapshot(self, record: Record, snapshot: Record) -> None:
        """Fills a new snapshot's record from the running application."""
        operation = _operation("CreateApplicationSnapshot")
        _remember(record, operation)
        name = record["ApplicationName"]

        def take() -> None:
            try:
                self._fill(snapshot, lambda: self._engine.snapshot(name, snapshot["SnapshotName"]))
                _end(operation, "SUCCESSFUL")
            except ApplicationError as error:
                _end(operation, "FAILED", str(error))

        self._go(take)

    def has_failed(self, record: Record, sentence: str) -> None:
        """The application's job has ended by itself."""
        with self._lock:
            if record["ApplicationStatus"] == "RUNNING":
                _remember(record, operation := _operation("StopApplication"))
                _end(operation, "FAILED", sentence)
                record["ApplicationStatus"] = "READY"

    def _run(self, record: Record, operation: Record, run: Callable[[], None]) -> None:
        try:
            if not self._is_current(record, operation):
                raise StoppedError
            run()
        except StoppedError:
            _end(operation, "CANCELLED", "The application was stopped before it ran.")
        except ApplicationError as error:
            self._finish(record, operation, "READY", str(error))
        except Exception as error:
            self._break_off(record, operation, error)
        else:
            if operation["OperationStatus"] == "IN_PROGRESS":
                self._finish(record, operation, "RUNNING")

    def _settle(self, record: Record, operation: Record, end: Callable[[], None], status: str) -> None:
        try:
            end()
        except ApplicationError as error:
            # Without its snapshot the application is not stopped.
            self._finish(record, operation, "RUNNING", str(error))
        except Exception as error:
            self._break_off(record, operation, error)
        else:
            self._finish(record, operation, status)

    def _break_off(self, record: Record, operation: Record, error: Exception) -> None:
        """After what no operation foresees: the application is not left on the way from one state to another."""
        logger.exception("%s of %s", operation["Operation"], record["ApplicationName"])
        self._finish(record, operation, "READY", f"The local platform failed: {error!r}")

    def _fill(self, snapshot: Record, take: Callable[[], str]) -> None:
        try:
            snapshot["_SavepointPath"] = take()
            snapshot["SnapshotStatus"] = "READY"
        except ApplicationError:
            snapshot["SnapshotStatus"] = "FAILED"
            raise

    def _begin(self, record: Record, name: str, status: str) -> Record:
        operation = _operation(name)
        with self._lock:
            _remember(record, operation)
            record["_CurrentOperation"] = operation["OperationId"]
            record["ApplicationStatus"] = status
        return operation

    def _finish(self, record: Record, operation: Record, status: str, failure: str | None = None) -> None:
        """The operation's end, and the application's state where no later operation has taken over."""
        with self._lock:
            if self._is_current(record, operation):
                # In this order: who waits for the state reads how the operation ended.
                _end(operation, "FAILED" if failure else "SUCCESSFUL", failure)
                record["ApplicationStatus"] = status
            else:
                _end(operation, "CANCELLED", failure)
        if failure:
            logger.warning("%s of %s failed: %s", operation["Operation"], record["ApplicationName"], failure)

    def _is_current(self, record: Record, operation: Record) -> bool:
        return bool(record.get("_CurrentOperation") == operation["OperationId"])

    def _go(self, work: Callable[..., None], *arguments: Any) -> None:
        threading.Thread(target=work, args=arguments, name="flink operation", daemon=True).start()


def restore_path(snapshots: Mapping[str, Record], restore: Mapping[str, Any]) -> str | None:
    """The savepoint to begin with; None for none. Raises LifecycleError for a snapshot that cannot be used."""
    kind = restore.get("ApplicationRestoreType", "RESTORE_FROM_LATEST_SNAPSHOT")
    if kind == "SKIP_RESTORE_FROM_SNAPSHOT":
        return None
    if kind == "RESTORE_FROM_CUSTOM_SNAPSHOT":
        name = restore.get("SnapshotName", "")
        found = snapshots.get(name)
        if found is None or found["SnapshotStatus"] != "READY":
            state = f"is {found['SnapshotStatus']}" if found else "does not exist"
            raise LifecycleError(
                "InvalidArgumentException",
                f"The snapshot name {name} provided for restore configuration {state}.",
            )
        return str(found["_SavepointPath"])
    ready = [snapshot for snapshot in snapshots.values() if snapshot["SnapshotStatus"] == "READY"]
    latest = max(ready, key=lambda snapshot: snapshot["SnapshotCreationTimestamp"], default=None)
    return str(latest["_SavepointPath"]) if latest else None


def _operation(name: str) -> Record:
    return {
        "OperationId": secrets.token_hex(16),
        "Operation": name,
        "StartTime": time.time(),
        "EndTime": None,
        "OperationStatus": "IN_PROGRESS",
    }


def _remember(record: Record, operation: Record) -> None:
    record["_Operations"] = [*record.get("_Operations", []), operation][-OPERATIONS_KEPT:]


def _end(operation: Record, status: str, failure: str | None = None) -> None:
    operation["EndTime"] = time.time()
    if failure:
        operation["OperationFailureDetails"] = {"ErrorInfo": {"ErrorString": failure}}
    operation["OperationStatus"] = status
