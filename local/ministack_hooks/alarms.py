"""Alarms are evaluated by ours, again and again; ministack keeps them, their tags, and composite alarms.

ministack looks at an alarm when a metric arrives, at all values of its evaluation periods at once, and never sees that
none arrive any more.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.loaders import create_loader
from ministack.core.responses import get_account_id, get_region, new_uuid, request_scope
from ministack.services import cloudwatch, sns
from ministack.services.cloudformation import provisioners

from local.alarms import report
from local.alarms.definition import members
from local.alarms.watch import end_of_range, look
from local.api_errors import ApiError
from local.api_model import from_template, input_shape
from local.metrics.queries import MetricQueries
from local.metrics.store import MetricStore
from local.ministack_hooks.cloudwatch import operations

logger = logging.getLogger("local.alarms")

TICK_SECONDS = 1.0
HISTORY_SECONDS = 14 * 86400
MOST_HISTORY = 5000
STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
_tasks: list[asyncio.Task[None]] = []


def install(store: MetricStore) -> None:
    """To be called in the event loop, on which alarms are evaluated."""
    operations.update(PutMetricAlarm=_put_metric_alarm, SetAlarmState=_set_alarm_state)
    cloudwatch._evaluate_alarm = lambda alarm: None
    cloudwatch._record_history = _record_state
    cloudwatch._dispatch_alarm_actions = _dispatch_actions
    cloudwatch.cloudformation_put_metric_alarm = _keep
    provisioners._cw_metric_alarm_record = _record_of_template
    _tasks.append(asyncio.get_running_loop().create_task(_evaluate_for_ever(store)))


async def _evaluate_for_ever(store: MetricStore) -> None:
    evaluated: dict[tuple[str, str, str], tuple[float, int]] = {}
    while True:
        await asyncio.sleep(TICK_SECONDS)
        for key, alarm in list(cloudwatch._alarms._data.items()):
            try:
                # An alarm that was just made or changed is looked at without waiting for the next period.
                due = alarm["AlarmConfigurationUpdatedTimestamp"], end_of_range(alarm, time.time())
                if evaluated.get(key) != due:
                    evaluated[key] = due
                    account, region, _ = key
                    with request_scope(account, region):
                        _evaluate(MetricQueries(store, account, region), alarm, due[1])
            except Exception:  # One alarm that cannot be evaluated is no reason to forget the others.
                logger.exception("The alarm %s could not be evaluated.", key[2])
        await asyncio.to_thread(store.tidy)


def _evaluate(queries: MetricQueries, alarm: dict[str, Any], end: int) -> None:
    seen = look(queries, alarm, end)
    if seen.verdict.state in (None, alarm["StateValue"]):
        return
    now = time.time()
    before = dict(alarm)
    alarm.update(
        StateValue=seen.verdict.state,
        StateReason=report.reason(alarm, seen.verdict, seen.values),
        StateReasonData=json.dumps(
            report.reason_data(alarm, seen.verdict, seen.values, seen.summaries, now), separators=(",", ":")
        ),
        StateUpdatedTimestamp=now,
        StateTransitionedTimestamp=now,
    )
    _add_history(alarm["AlarmName"], "StateUpdate", _change(before["StateValue"], alarm["StateValue"]), before, alarm)
    logger.info(
        "Alarm %s: %s -> %s. %s", alarm["AlarmName"], before["StateValue"], alarm["StateValue"], alarm["StateReason"]
    )
    _dispatch_actions(alarm, before["StateValue"], alarm["StateValue"], alarm["StateReason"])
    cloudwatch._evaluate_parent_alarms(alarm)


def _put_metric_alarm(request: dict[str, Any]) -> dict[str, Any]:
    name = request.get("AlarmName")
    if not name:
        raise ApiError("MissingParameter", "The parameter AlarmName is required.")
    record = _record(name, members(request))
    tags, is_new = request.get("Tags"), name not in cloudwatch._alarms
    refused = cloudwatch._alarm_tags_refusal(tags, record.get("DatapointsToAlarm"), is_new, False, True)
    if refused:
        error = json.loads(refused[2])
        raise ApiError(error["__type"], error["message"])
    _keep(record)
    if is_new and tags:
        cloudwatch._resource_tags[record["AlarmArn"]] = {tag["Key"]: tag["Value"] for tag in tags}
    return {}


def _record_of_template(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    shapes = input_shape("cloudwatch", "PutMetricAlarm").members
    typed = {key: from_template(shapes[key], value) if key in shapes else value for key, value in properties.items()}
    try:
        return _record(name, members(typed))
    except ApiError as error:
        raise ValueError(f"AWS::CloudWatch::Alarm {name}: {error}") from error


def _record(name: str, described: dict[str, Any]) -> dict[str, Any]:
    """An alarm in the form in which ministack keeps it; one that is there already stays in its state."""
    now = time.time()
    old = cloudwatch._alarms.get(name) or {
        "StateValue": "INSUFFICIENT_DATA",
        "StateReason": "Unchecked: Initial alarm creation",
        "StateUpdatedTimestamp": now,
        "StateTransitionedTimestamp": now,
    }
    state = {key: old[key] for key in old if key.startswith("State")}
    arn = f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"
    return {
        "AlarmName": name,
        "AlarmArn": arn,
        "AlarmConfigurationUpdatedTimestamp": now,
        **described,
        **state,
    }


def _keep(record: dict[str, Any]) -> None:
    name = record["AlarmName"]
    done = "updated" if name in cloudwatch._alarms else "created"
    cloudwatch._alarms[name] = record
    _add_entry(name, "ConfigurationUpdate", f'Alarm "{name}" {done}', json.dumps({"version": "1.0", "type": "Update"}))


def _set_alarm_state(request: dict[str, Any]) -> dict[str, Any]:
    """Until the next evaluation."""
    if request.get("StateValue") not in STATES:
        raise ApiError("ValidationError", f"The StateValue must be one of {', '.join(STATES)}.")
    name = request.get("AlarmName", "")
    alarm = cloudwatch._alarms.get(name)
    if alarm and not request.get("StateReasonData"):
        # Those of the state before would be no reason of this one.
        alarm.pop("StateReasonData", None)
    status, _, body = cloudwatch._set_alarm_state({}, request, False, True)
    if status >= 400:
        error = json.loads(body)
        raise ApiError(error["__type"], error["message"])
    return {}


def _record_state(
    name: str, before: str, after: str, reason: str, alarm_type: str = "MetricAlarm", reason_data: Any = None
) -> None:
    """What ministack calls for a state that was set, and for composite alarms."""
    old, new = {"StateValue": before, "StateReason": ""}, {"StateValue": after, "StateReason": reason}
    if reason_data is not None:
        new["StateReasonData"] = json.dumps(reason_data)
    _add_history(name, "StateUpdate", _change(before, after), old, new, alarm_type)


def _change(before: str, after: str) -> str:
    return f"Alarm updated from {before} to {after}"


def _add_history(
    name: str, kind: str, summary: str, before: Mapping[str, Any], after: Mapping[str, Any], of: str = "MetricAlarm"
) -> None:
    _add_entry(name, kind, summary, report.history_data(before, after), of)


def _add_entry(name: str, kind: str, summary: str, data: str, alarm_type: str = "MetricAlarm") -> None:
    entries = cloudwatch._history_entries()
    now = time.time()
    entries.append(
        {
            "AlarmName": name,
            "AlarmType": alarm_type,
            "Timestamp": now,
            "HistoryItemType": kind,
            "HistorySummary": summary,
            "HistoryData": data,
        }
    )
    kept = [one for one in entries[-MOST_HISTORY:] if cloudwatch._parse_ts(one["Timestamp"]) > now - HISTORY_SECONDS]
    if len(kept) < len(entries):
        entries[:] = kept


def _dispatch_actions(alarm: dict[str, Any], before: str, after: str, reason: str) -> None:
    if not alarm.get("ActionsEnabled", True):
        return
    name = alarm["AlarmName"]
    kind = "CompositeAlarm" if "AlarmRule" in alarm else "MetricAlarm"
    for arn in report.actions(alarm, after):
        done = _notify(arn, alarm, before)
        summary = f"{'Successfully executed' if done else 'Failed to execute'} action {arn}"
        data = {"actionState": "Succeeded" if done else "Failed", "notificationResource": arn, "stateUpdate": reason}
        _add_entry(name, "Action", summary, json.dumps(data), kind)


def _notify(arn: str, alarm: dict[str, Any], before: str) -> bool:
    """Whether it was told."""
    if not cloudwatch._is_sns_action_arn(arn) or sns._topic_by_arn_any_scope(arn) is None:
        logger.warning("The alarm %s cannot tell %s: it is no topic here.", alarm["AlarmName"], arn)
        return False
    region = get_region()
    place = _region_name(region)
    message = report.message(alarm, before, get_account_id(), region, place)
    parts = {"default": json.dumps(message), "email": report.mail(alarm, before, get_account_id(), place)}
    sns._fanout(arn, new_uuid(), json.dumps(parts), report.subject(alarm, place), "json")
    return True


@cache
def _region_name(region: str) -> str:
    """As it stands in CloudWatch's mails: US East (N. Virginia)."""
    partitions = create_loader().load_data("endpoints")["partitions"]
    return str(next((one["regions"][region]["description"] for one in partitions if region in one["regions"]), region))
