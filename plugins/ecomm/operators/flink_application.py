"""Starts and stops a Managed Service for Apache Flink application, whatever state it is found in."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from ecomm.aws import client
from ecomm.errors import DataError
from ecomm.operators.base import AwsOperator
from ecomm.settings import settings
from ecomm.waiting import Wait, wait

log = logging.getLogger(__name__)

STARTING = ("STARTING", "UPDATING", "AUTOSCALING", "ROLLING_BACK", "MAINTENANCE")
STOPPING = ("STOPPING", "FORCE_STOPPING")
LATEST, NOTHING = "latest", "nothing"
LAST_LINES = 40


def describe(application: str) -> dict[str, Any]:
    """All that the service tells of an application; raises DataError where there is none."""
    flink = client("kinesisanalyticsv2")
    try:
        return dict(flink.describe_application(ApplicationName=application)["ApplicationDetail"])
    except flink.exceptions.ResourceNotFoundException as error:
        raise DataError(f"There is no Flink application {application}; deploy the stacks (make deploy).") from error


class _ApplicationOperator(AwsOperator):
    """application: its name. log_group: where its log is, shown when it does not get to the state that is wanted."""

    template_fields: Sequence[str] = ("application", "log_group")

    def __init__(self, *, application: str, log_group: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.application = application
        self.log_group = log_group

    def waiting(self, handle: str) -> Wait:
        return self._wait((*STARTING, *STOPPING))

    def console_page(self, handle: str) -> str:
        # Its log: what the page of an application shows of it, and has a lasting address.
        group = self.log_group.replace("/", "$252F")
        return f"cloudwatch/home?region={settings().region}#logsV2:log-groups/log-group/{group}"

    def _wait(self, busy: tuple[str, ...]) -> Wait:
        return Wait(
            name=f"Application {self.application}",
            service="kinesisanalyticsv2",
            operation="describe_application",
            arguments={"ApplicationName": self.application},
            state="ApplicationDetail.ApplicationStatus",
            busy=busy,
            longest_pause=10,
        )

    def _snapshots(self) -> list[dict[str, Any]]:
        """Those that an application can start from, the newest first."""
        pages = client("kinesisanalyticsv2").get_paginator("list_application_snapshots")
        found = [
            snapshot
            for page in pages.paginate(ApplicationName=self.application)
            for snapshot in page.get("SnapshotSummaries", [])
            if snapshot["SnapshotStatus"] == "READY"
        ]
        return sorted(found, key=lambda snapshot: snapshot["SnapshotCreationTimestamp"], reverse=True)

    def _failure(self, context: Context, operation: str, status: str, wanted: str, way_out: str) -> RuntimeError:
        """The sentence for an application that did not get there, with its own error; the end of its log is logged."""
        for line in self._end_of_log(context):
            log.error("%s | %s", self.application, line)
        own = self._own_error(operation)
        return RuntimeError(
            f"The application {self.application} is {status} and not {wanted}. {own} "
            f"All of its log is in CloudWatch, group {self.log_group}. {way_out}"
        )

    def _own_error(self, operation: str) -> str:
        """What the service keeps of the last try of this operation that failed."""
        flink = client("kinesisanalyticsv2")
        failed = flink.list_application_operations(
            ApplicationName=self.application, Operation=operation, OperationStatus="FAILED", Limit=1
        )["ApplicationOperationInfoList"]
        if not failed:
            return "The service tells no reason."
        details = flink.describe_application_operation(
            ApplicationName=self.application, OperationId=failed[0]["OperationId"]
        )["ApplicationOperationInfoDetails"]
        error = details.get("OperationFailureDetails", {}).get("ErrorInfo", {}).get("ErrorString", "").strip()
        return f"Its own error: {error}" if error else "The service tells no reason."

    def _end_of_log(self, context: Context) -> list[str]:
        """The last lines that the application logged since the run began."""
        logs = client("logs")
        began = context["dag_run"].start_date
        since = {"startTime": int(began.timestamp() * 1000)} if began else {}
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=self.log_group, **since)
        try:
            lines = deque((event["message"].rstrip() for page in pages for event in page["events"]), LAST_LINES)
        except logs.exceptions.ClientError as error:
            log.warning("The log group %s cannot be read: %s", self.log_group, error)
            return []
        return list(lines)


class StartApplicationOperator(_ApplicationOperator):
    """Brings the application to RUNNING and returns {application, status, version, restored_from}.

    snapshot: `latest`, the newest one, or none where there is none; `nothing`, to begin with empty state; or a name.
    allow_non_restored_state: begin although the snapshot has state of something that the code no longer has.
    One that runs is left alone, one that is starting is waited for, one that is stopping is waited for and started.
    Fails with the application's own error where it does not run in the end. A killed task leaves it starting.

    The provider's `KinesisAnalyticsV2StartApplicationOperator` fails where the application runs already, and what waits
    for it in the triggerer takes a failure or a time-out for a success.
    """

    template_fields: Sequence[str] = ("application", "log_group", "snapshot", "allow_non_restored_state")

    def __init__(self, *, snapshot: str = LATEST, allow_non_restored_state: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot
        self.allow_non_restored_state = allow_non_restored_state

    def start(self, context: Context) -> str:
        status = describe(self.application)["ApplicationStatus"]
        if status in STOPPING:
            log.info("%s is %s; it is started when that is done.", self.application, status)
            status = wait(self._wait(STOPPING))
        if status == "RUNNING" or status in STARTING:
            log.info("%s is %s already.", self.application, status)
            return self.application
        flink = client("kinesisanalyticsv2")
        restore = self._restore()
        log.info("Starting %s: %s", self.application, restore)
        try:
            flink.start_application(
                ApplicationName=self.application,
                RunConfiguration={
                    "ApplicationRestoreConfiguration": restore,
                    "FlinkRunConfiguration": {
                        "AllowNonRestoredState": str(self.allow_non_restored_state).lower() == "true"
                    },
                },
            )
        except flink.exceptions.ResourceInUseException:
            log.info("%s was started by somebody else meanwhile.", self.application)
        return self.application

    def finish(self, context: Context, handle: str) -> dict[str, Any]:
        found = describe(self.application)
        status = found["ApplicationStatus"]
        if status != "RUNNING":
            raise self._failure(context, "StartApplication", status, "RUNNING", "Clear this task to try again.")
        run = found["ApplicationConfigurationDescription"].get("RunConfigurationDescription", {})
        restored = run.get("ApplicationRestoreConfigurationDescription", {})
        log.info("%s is RUNNING, version %s.", self.application, found["ApplicationVersionId"])
        return {
            "application": self.application,
            "status": status,
            "version": found["ApplicationVersionId"],
            "restored_from": restored.get("SnapshotName") or restored.get("ApplicationRestoreType", NOTHING),
        }

    def _restore(self) -> dict[str, str]:
        snapshots = [snapshot["SnapshotName"] for snapshot in self._snapshots()]
        if self.snapshot == NOTHING or (self.snapshot == LATEST and not snapshots):
            return {"ApplicationRestoreType": "SKIP_RESTORE_FROM_SNAPSHOT"}
        if self.snapshot == LATEST:
            return {"ApplicationRestoreType": "RESTORE_FROM_LATEST_SNAPSHOT"}
        if self.snapshot not in snapshots:
            raise DataError(
                f"{self.application} has no snapshot {self.snapshot!r}; it has {', '.join(snapshots) or 'none'}."
            )
        return {"ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotName": self.snapshot}


class StopApplicationOperator(_ApplicationOperator):
    """Brings the application to READY, its state in a snapshot, and returns {application, status, snapshot}.

    force: stop without a snapshot, also one that hangs while it starts; what it had counted is then counted again from
    the last snapshot. One that is stopped is left alone. Fails with the application's own error where it goes on. A
    killed task leaves it stopping.

    The provider's `KinesisAnalyticsV2StopApplicationOperator` fails where the application is stopped already, and what
    waits for it in the triggerer takes a failure or a time-out for a success.
    """

    template_fields: Sequence[str] = ("application", "log_group", "force")

    def __init__(self, *, force: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.force = force

    def start(self, context: Context) -> str:
        forced = str(self.force).lower() == "true"
        status = describe(self.application)["ApplicationStatus"]
        if status in STARTING and not forced:
            log.info("%s is %s; it is stopped when that is done.", self.application, status)
            status = wait(self._wait(STARTING))
        if status in (*STARTING, "RUNNING") or (forced and status == "STOPPING"):
            log.info("Stopping %s%s", self.application, " by force" if forced else " with a snapshot")
            flink = client("kinesisanalyticsv2")
            try:
                flink.stop_application(ApplicationName=self.application, Force=forced)
            except flink.exceptions.ResourceInUseException:
                log.info("%s was stopped by somebody else meanwhile.", self.application)
        else:
            log.info("%s is %s already.", self.application, status)
        return self.application

    def finish(self, context: Context, handle: str) -> dict[str, Any]:
        status = describe(self.application)["ApplicationStatus"]
        if status != "READY":
            way_out = "Where no snapshot can be made, run this DAG with `force`."
            raise self._failure(context, "StopApplication", status, "READY", way_out)
        snapshot = next((snapshot["SnapshotName"] for snapshot in self._snapshots()), None)
        log.info("%s is stopped; its newest snapshot is %s.", self.application, snapshot)
        return {"application": self.application, "status": status, "snapshot": snapshot}
