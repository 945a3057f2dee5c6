"""Managed Flink: applications run on our cluster; their records, versions, tags and templates stay ministack's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import kinesisanalyticsv2 as kda
from ministack.services.cloudformation import stacks

from local.clients import factory
from local.config import Config
from local.flink import runtime
from local.flink.engine import Engine
from local.flink.errors import ApplicationError
from local.flink.lifecycle import Lifecycle, LifecycleError, restore_path
from local.ministack_hooks.answering import once_answering
from local.ministack_hooks.closing import at_close

_NUMBERS = ("CheckpointInterval", "MinPauseBetweenCheckpoints", "Parallelism", "ParallelismPerKPU")
_SWITCHES = (
    "CheckpointingEnabled",
    "AutoScalingEnabled",
    "SnapshotsEnabled",
    "RollbackEnabled",
    "AllowNonRestoredState",
)
_PAGE = 50


def install(config: Config) -> None:
    def ended(name: str, sentence: str) -> None:
        for record in kda._applications.all_values():
            if record["ApplicationName"] == name:
                lifecycle.has_failed(record, sentence)

    engine = Engine(config, factory(config.endpoint, config.region), ended)
    lifecycle = Lifecycle(engine, kda.application_detail)
    at_close(engine.close)
    # What follows moves the states itself; ministack's would settle at the next look.
    kda._settle = lambda record: None
    kda._restart_for_update = partial(_restart_for_update, lifecycle)
    kda.create_application = partial(_create, kda.create_application)
    kda.update_application = partial(_update, kda.update_application)
    kda.replace_from_template = partial(_replace_from_template, lifecycle, kda.replace_from_template)
    # A stack's update waits for the application, which meanwhile asks this platform for its code and its clicks; and
    # where it fails, the application is another than before.
    stacks._runs_on_worker_thread = partial(_is_application_or, stacks._runs_on_worker_thread)
    stacks._sends_back_failed_update = partial(_is_application_or, stacks._sends_back_failed_update)
    kda.delete_application = partial(_delete, engine, kda.delete_application)
    kda.load_persisted_state = partial(_load, config, lifecycle, kda.load_persisted_state)
    kda._HANDLERS |= {
        "CreateApplication": kda.create_application,
        "UpdateApplication": kda.update_application,
        "DeleteApplication": kda.delete_application,
        "StartApplication": partial(_answer, partial(_start, config, lifecycle)),
        "StopApplication": partial(_answer, partial(_stop, lifecycle)),
        "CreateApplicationSnapshot": partial(_answer, partial(_create_snapshot, lifecycle)),
        "DeleteApplicationSnapshot": partial(_delete_snapshot, engine, kda._delete_application_snapshot),
        "ListApplications": partial(_answer, _list_applications),
        "ListApplicationOperations": partial(_answer, _list_operations),
        "DescribeApplicationOperation": partial(_answer, _describe_operation),
    }


def _answer(operation: Callable[[dict[str, Any]], dict[str, Any]], data: dict[str, Any]) -> Any:
    try:
        return json_response(operation(data))
    except LifecycleError as error:
        return error_response_json(error.args[0], error.args[1], 400)


def _record(data: dict[str, Any]) -> dict[str, Any]:
    name = data.get("ApplicationName", "")
    found: dict[str, Any] | None = kda._applications.get(name)
    if found is None:
        raise LifecycleError("ResourceNotFoundException", f"Application '{name}' does not exist.")
    return found


def _snapshots(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = kda._snapshots.setdefault(record["ApplicationName"], {})
    return found


def _start(config: Config, lifecycle: Lifecycle, data: dict[str, Any]) -> dict[str, Any]:
    record = _record(data)
    try:
        runtime.find(config)
    except ApplicationError as error:
        raise LifecycleError("UnsupportedOperationException", str(error)) from error
    run = data.get("RunConfiguration") or {}
    before = record.get("_RunConfiguration")
    record["_RunConfiguration"] = run
    try:
        restore = run.get("ApplicationRestoreConfiguration") or {}
        return {"OperationId": lifecycle.start(record, _snapshots(record), restore)}
    except LifecycleError:
        record["_RunConfiguration"] = before
        raise


def _stop(lifecycle: Lifecycle, data: dict[str, Any]) -> dict[str, Any]:
    record = _record(data)
    new_snapshot = partial(_new_snapshot, record, f"STOP-{record['ApplicationName']}-{time.time_ns() // 1_000_000}")
    with_snapshot = new_snapshot if kda._snapshots_enabled(record) else None
    return {"OperationId": lifecycle.stop(record, bool(data.get("Force")), with_snapshot)}


def _new_snapshot(record: dict[str, Any], name: str) -> dict[str, Any]:
    snapshot: dict[str, Any] = kda._add_snapshot(record, name, None, status="CREATING")
    # To the millisecond, so that the latest of two is known.
    snapshot["SnapshotCreationTimestamp"] = round(time.time(), 3)
    return snapshot


def _create_snapshot(lifecycle: Lifecycle, data: dict[str, Any]) -> dict[str, Any]:
    record, name = _record(data), data.get("SnapshotName", "")
    if record["ApplicationStatus"] != "RUNNING":
        raise LifecycleError(
            "InvalidRequestException",
            f"Application {record['ApplicationName']} is in {record['ApplicationStatus']} status. Snapshot creation "
            "is only allowed when application is in RUNNING status",
        )
    if name in _snapshots(record):
        raise LifecycleError(
            "ResourceInUseException",
            f"Provided Snapshot name {name} already exists for application {record['ApplicationName']}",
        )
    lifecycle.snapshot(record, _new_snapshot(record, name))
    return {}


def _delete_snapshot(engine: Engine, stock: Any, data: dict[str, Any]) -> Any:
    answer = stock(data)
    if answer[0] == 200:
        engine.remove_snapshot(data["ApplicationName"], data["SnapshotName"])
    return answer


def _create(stock: Any, data: dict[str, Any]) -> Any:
    return stock(_typed(data))


def _update(stock: Any, data: dict[str, Any]) -> Any:
    record = kda._applications.get(data.get("ApplicationName", ""))
    run = data.get("RunConfigurationUpdate") or {}
    restore = run.get("ApplicationRestoreConfiguration")
    if record is None:
        return stock(data)
    try:
        restore_path(_snapshots(record), restore or {})
    except LifecycleError as error:
        return error_response_json(error.args[0], error.args[1], 400)
    record["_RestoreOfUpdate"] = restore
    was_running, before = record["ApplicationStatus"] == "RUNNING", record["ApplicationVersionId"]
    answer = stock(_typed(data))
    record.pop("_RestoreOfUpdate", None)
    if answer[0] == 200 and was_running:
        operation = record["_Operations"][-1]
        operation["ApplicationVersionChangeDetails"] = {
            "ApplicationVersionUpdatedFrom": before,
            "ApplicationVersionUpdatedTo": record["ApplicationVersionId"],
        }
        return json_response({**json.loads(answer[2]), "OperationId": operation["OperationId"]})
    return answer


def _is_application_or(stock: Callable[[str], bool], resource_type: str) -> bool:
    return resource_type == "AWS::KinesisAnalyticsV2::Application" or stock(resource_type)


def _replace_from_template(lifecycle: Lifecycle, stock: Any, name: str, properties: dict[str, Any]) -> None:
    """CloudFormation's update of an application; it ends, as on AWS, when the application runs as the template says.

    Raises ValueError where it does not run: the stack is rolled back then, and the application started as it was.
    """
    record, properties = kda._applications[name], _typed(properties)
    if _says_what_is(record, properties):
        return
    try:
        lifecycle.settled(record)
        restore = (properties.get("RunConfiguration") or {}).get("ApplicationRestoreConfiguration")
        restore_path(_snapshots(record), restore or {})
        was_running, ended_by_update = record["ApplicationStatus"] == "RUNNING", record.pop("_EndedByUpdate", False)
        record["_RestoreOfUpdate"] = restore
        stock(name, properties)
        record.pop("_RestoreOfUpdate", None)
        if ended_by_update:
            lifecycle.start(record, _snapshots(record), {})
        failure = lifecycle.settled(record) if was_running or ended_by_update else None
    except LifecycleError as error:
        raise ValueError(error.args[1]) from error
    if failure:
        record["_EndedByUpdate"] = was_running and record["ApplicationStatus"] == "READY"
        raise ValueError(failure)


def _says_what_is(record: dict[str, Any], properties: dict[str, Any]) -> bool:
    """Whether a template differs from the application in nothing that UpdateApplication takes, as in its tags alone."""
    kept = ("RuntimeEnvironment", "ServiceExecutionRole")
    return (
        (properties.get("ApplicationConfiguration") or {}) == record["_Configuration"]
        and properties.get("RunConfiguration") in (None, record.get("_RunConfiguration"))
        and all(properties.get(name, record[name]) == record[name] for name in kept)
    )


def _restart_for_update(lifecycle: Lifecycle, record: dict[str, Any], previous_version: int) -> None:
    snapshot = None
    if kda._snapshots_enabled(record):
        milliseconds = time.time_ns() // 1_000_000
        snapshot = _new_snapshot(record, f"UPDATEAPPLICATION-{record['ApplicationName']}-{milliseconds}")
        snapshot["ApplicationVersionId"] = previous_version
    lifecycle.restart(record, snapshot, _snapshots(record), record.get("_RestoreOfUpdate"))


def _delete(engine: Engine, stock: Any, data: dict[str, Any], check_timestamp: bool = True) -> Any:
    name = data.get("ApplicationName", "")
    answer = stock(data, check_timestamp)
    if answer[0] == 200:
        engine.remove(name)
    return answer


def _list_applications(data: dict[str, Any]) -> dict[str, Any]:
    names = (
        "ApplicationName",
        "ApplicationARN",
        "ApplicationStatus",
        "ApplicationVersionId",
        "RuntimeEnvironment",
        "ApplicationMode",
    )
    found = [{name: record[name] for name in names} for _, record in sorted(kda._applications.items())]
    page, more = _page(found, data)
    return {"ApplicationSummaries": page, **more}


def _list_operations(data: dict[str, Any]) -> dict[str, Any]:
    wanted = {name: data[name] for name in ("Operation", "OperationStatus") if data.get(name)}
    newest_first = reversed(_record(data).get("_Operations", []))
    found = [one for one in newest_first if all(one[name] == value for name, value in wanted.items())]
    hidden = ("ApplicationVersionChangeDetails", "OperationFailureDetails")
    page, more = _page([_shown(one, hidden) for one in found], data)
    return {"ApplicationOperationInfoList": page, **more}


def _describe_operation(data: dict[str, Any]) -> dict[str, Any]:
    for operation in _record(data).get("_Operations", []):
        if operation["OperationId"] == data.get("OperationId"):
            return {"ApplicationOperationInfoDetails": _shown(operation, ("OperationId",))}
    raise LifecycleError(
        "ResourceNotFoundException",
        f"Operation {data.get('OperationId')} does not exist for application {data['ApplicationName']}.",
    )


def _shown(operation: dict[str, Any], hidden: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: value
        for name, value in operation.items()
        if value is not None and name not in hidden and not name.startswith("_")
    }


def _page(found: list[dict[str, Any]], data: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    start, limit = int(data.get("NextToken") or 0), int(data.get("Limit") or _PAGE)
    more = {"NextToken": str(start + limit)} if start + limit < len(found) else {}
    return found[start : start + limit], more


def _typed(value: Any) -> Any:
    """A template's parameters are text; CloudFormation would give the service numbers and booleans."""
    if isinstance(value, list):
        return [_typed(one) for one in value]
    if not isinstance(value, dict):
        return value
    typed = {name: _typed(one) for name, one in value.items()}
    for name, one in typed.items():
        if isinstance(one, str) and name.removesuffix("Update") in _NUMBERS:
            typed[name] = int(one)
        elif isinstance(one, str) and name.removesuffix("Update") in _SWITCHES:
            typed[name] = one.lower() == "true"
    return typed


def _load(config: Config, lifecycle: Lifecycle, stock: Any, data: Any) -> None:
    """Restores the records, and in the background what ran when the last platform ended."""
    statuses = {
        record["ApplicationARN"]: record["ApplicationStatus"]
        for record in getattr(data.get("applications") or {}, "_data", {}).values()
    }
    stock(data)
    left = []
    for (account, region, name), record in list(kda._applications._data.items()):
        record["ApplicationStatus"] = statuses[record["ApplicationARN"]]
        left.append(lifecycle.take_up(record, kda._snapshots.get_scoped(account, region, name) or {}))

    def start() -> None:
        for begin in left:
            begin()

    once_answering(config, start, "Flink start")
