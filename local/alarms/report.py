"""What an alarm says: the reason of its state, the message to a topic and the mail to a person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from local.alarms.definition import period
from local.alarms.evaluation import ALARM, INSUFFICIENT_DATA, Verdict
from local.metrics.summary import Summary

_WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
_ACTIONS = {"OK": "OKActions", "ALARM": "AlarmActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


def actions(alarm: Mapping[str, Any], state: str) -> list[str]:
    return list(alarm.get(_ACTIONS[state]) or [])


def reason(alarm: Mapping[str, Any], verdict: Verdict, values: Mapping[int, float]) -> str:
    """In CloudWatch's words."""
    assert verdict.state is not None
    if verdict.state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {_counted(verdict.missing, 'datapoint')} {_were(verdict.missing)} unknown."
    treated = {"breaching": "Breaching", "notBreaching": "NonBreaching"}.get(alarm["TreatMissingData"])
    filled = ""
    if verdict.missing and treated:
        filled = f"{_counted(verdict.missing, 'missing datapoint')} {_were(verdict.missing)} treated as [{treated}]"
    if not verdict.times:
        missing = _counted(verdict.missing, "period")
        return f"Threshold Crossed: no datapoints were received for {missing} and {filled}."
    shown = ", ".join(f"{values[at]} ({datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S})" for at in verdict.times)
    count, negation = len(verdict.times), "" if verdict.state == ALARM else "not "
    compared = f"{_were(count)} {negation}{_WORDS[alarm['ComparisonOperator']]} the threshold ({alarm['Threshold']})"
    wanted = alarm.get("DatapointsToAlarm")
    if wanted is None:
        return f"Threshold Crossed: {_counted(count, 'datapoint')} [{shown}] {compared}{filled and f' and {filled}'}."
    least = wanted if verdict.state == ALARM else alarm["EvaluationPeriods"] - wanted + 1
    change = "OK -> ALARM" if verdict.state == ALARM else "ALARM -> OK"
    return (
        f"Threshold Crossed: {count} out of the last {alarm['EvaluationPeriods']} datapoints [{shown}] {compared} "
        f"(minimum {_counted(least, 'datapoint')} for {change} transition){filled and f' and {filled}'}."
    )


def reason_data(
    alarm: Mapping[str, Any],
    verdict: Verdict,
    values: Mapping[int, float],
    summaries: Mapping[int, Summary],
    now: float,
) -> dict[str, Any]:
    """The reason as JSON. summaries: of an alarm on one metric, what the values were computed from."""
    data: dict[str, Any] = {"version": "1.0", "queryDate": _time(now)}
    if verdict.times:
        data["startDate"] = _time(verdict.times[-1])
    if not alarm.get("Metrics"):
        data["statistic"] = alarm.get("ExtendedStatistic") or alarm["Statistic"]
        if alarm.get("Unit"):
            data["unit"] = alarm["Unit"]
    data["period"] = period(alarm)
    data["recentDatapoints"] = [values[at] for at in reversed(verdict.times)]
    data["threshold"] = float(alarm["Threshold"])
    data["evaluatedDatapoints"] = [
        {
            "timestamp": _time(at),
            **({"sampleCount": summaries[at].samples} if at in summaries else {}),
            "value": values[at],
        }
        for at in verdict.times
    ]
    return data


def message(alarm: Mapping[str, Any], before: str, account: str, region: str, region_name: str) -> dict[str, Any]:
    """What a topic gets."""
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": account,
        "AlarmConfigurationUpdatedTimestamp": _time(alarm["AlarmConfigurationUpdatedTimestamp"]),
        "NewStateValue": alarm["StateValue"],
        "NewStateReason": alarm["StateReason"],
        "StateChangeTime": _time(alarm["StateUpdatedTimestamp"]),
        "Region": region_name,
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": before,
        "OKActions": actions(alarm, "OK"),
        "AlarmActions": actions(alarm, "ALARM"),
        "InsufficientDataActions": actions(alarm, "INSUFFICIENT_DATA"),
        **({"AlarmRule": alarm["AlarmRule"]} if "AlarmRule" in alarm else {"Trigger": _trigger(alarm)}),
    }


def subject(alarm: Mapping[str, Any], region_name: str) -> str:
    text = f'{alarm["StateValue"]}: "{alarm["AlarmName"]}" in {region_name}'
    return text if len(text) <= 100 else f"{text[:97]}..."


def mail(alarm: Mapping[str, Any], before: str, account: str, region_name: str) -> str:
    """What a person gets; CloudWatch writes it for topics with subscriptions by e-mail."""
    at = datetime.fromtimestamp(alarm["StateUpdatedTimestamp"], UTC)
    rows = {
        "Name": alarm["AlarmName"],
        "Description": alarm.get("AlarmDescription") or "",
        "State Change": f"{before} -> {alarm['StateValue']}",
        "Reason for State Change": alarm["StateReason"],
        "Timestamp": f"{at:%A %d %B, %Y %H:%M:%S} UTC",
        "AWS Account": account,
        "Alarm Arn": alarm["AlarmArn"],
    }
    details = "\n".join(f"- {name + ':':<25} {value}" for name, value in rows.items())
    changes = "\n".join(
        f"- {state}: {' '.join(f'[{arn}]' for arn in actions(alarm, state))}".rstrip() for state in _ACTIONS
    )
    return (
        f'You are receiving this email because your Amazon CloudWatch Alarm "{alarm["AlarmName"]}" in the '
        f'{region_name} region has entered the {alarm["StateValue"]} state, because "{alarm["StateReason"]}" at '
        f'"{rows["Timestamp"]}".\n\nAlarm Details:\n{details}\n\n{_watched(alarm)}State Change Actions:\n{changes}\n'
    )


def _watched(alarm: Mapping[str, Any]) -> str:
    if "AlarmRule" in alarm:
        return f"Alarm Rule:\n- {alarm['AlarmRule']}\n\n"
    wanted, count = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"], alarm["EvaluationPeriods"]
    threshold = (
        f"Threshold:\n- The alarm is in the ALARM state when the metric is {alarm['ComparisonOperator']} "
        f"{alarm['Threshold']} for at least {wanted} of the last {count} period(s) of {period(alarm)} seconds.\n\n"
    )
    if alarm.get("Metrics"):
        rows = [f"- {one['Id']}: {one.get('Expression') or one['MetricStat']['Metric']}" for one in alarm["Metrics"]]
        return f"{threshold}Monitored Metrics:\n" + "\n".join(rows) + "\n\n"
    dimensions = " ".join(f"[{one['Name']} = {one['Value']}]" for one in alarm["Dimensions"])
    rows = [
        f"- {name + ':':<25} {value}"
        for name, value in (
            ("MetricNamespace", alarm["Namespace"]),
            ("MetricName", alarm["MetricName"]),
            ("Dimensions", dimensions),
            ("Period", f"{alarm['Period']} seconds"),
            ("Statistic", alarm.get("ExtendedStatistic") or alarm["Statistic"]),
            ("Unit", alarm.get("Unit") or "not specified"),
            ("TreatMissingData", alarm["TreatMissingData"]),
        )
    ]
    return f"{threshold}Monitored Metric:\n" + "\n".join(rows) + "\n\n"


def _trigger(alarm: Mapping[str, Any]) -> dict[str, Any]:
    rule = {
        "Period": period(alarm),
        "EvaluationPeriods": alarm["EvaluationPeriods"],
        **({"DatapointsToAlarm": alarm["DatapointsToAlarm"]} if alarm.get("DatapointsToAlarm") else {}),
        "ComparisonOperator": alarm["ComparisonOperator"],
        "Threshold": float(alarm["Threshold"]),
        "TreatMissingData": alarm["TreatMissingData"],
        "EvaluateLowSampleCountPercentile": alarm.get("EvaluateLowSampleCountPercentile") or "",
    }
    if alarm.get("Metrics"):
        return {**rule, "Metrics": [_query(one) for one in alarm["Metrics"]]}
    extended = alarm.get("ExtendedStatistic")
    statistic = (
        {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": extended}
        if extended
        else {"StatisticType": "Statistic", "Statistic": _STATISTICS[alarm["Statistic"]]}
    )
    dimensions = _dimensions(alarm["Dimensions"])
    names = {"MetricName": alarm["MetricName"], "Namespace": alarm["Namespace"]}
    return {**names, **statistic, "Unit": alarm.get("Unit"), "Dimensions": dimensions, **rule}


_STATISTICS = {
    "SampleCount": "SAMPLE_COUNT",
    "Average": "AVERAGE",
    "Sum": "SUM",
    "Minimum": "MINIMUM",
    "Maximum": "MAXIMUM",
}


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: query[name] for name in ("Expression", "Id", "Label") if name in query}
    if stat := query.get("MetricStat"):
        metric = {**stat["Metric"], "Dimensions": _dimensions(stat["Metric"].get("Dimensions") or [])}
        found["MetricStat"] = {**stat, "Metric": metric}
    return {**found, "ReturnData": query.get("ReturnData", True)}


def _dimensions(dimensions: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return [{"value": one["Value"], "name": one["Name"]} for one in dimensions]


def history_data(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Of a change of state, what the history keeps."""

    def state(alarm: Mapping[str, Any]) -> dict[str, Any]:
        shown = {"stateValue": alarm["StateValue"], "stateReason": alarm["StateReason"]}
        data = alarm.get("StateReasonData")
        return {**shown, "stateReasonData": json.loads(data)} if data else shown

    return json.dumps(
        {"version": "1.0", "type": "StateUpdate", "oldState": state(before), "newState": state(after)},
        separators=(",", ":"),
    )


def _time(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
