"""Alarms of a running platform, on periods of ten seconds of real time."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.mail import mails
from tests.conftest import Platform, start_platform, stop_platform
from tests.local.aws import client, deploy, refusal, remove
from tests.waiting import wait_until

RULE: dict[str, Any] = {
    "Namespace": "Test/Alarms",
    "Statistic": "Maximum",
    "Period": 10,
    "EvaluationPeriods": 1,
    "Threshold": 4,
    "ComparisonOperator": "GreaterThanThreshold",
}


class Alarms:
    """Alarms, what they watch and what they tell, of one platform."""

    def __init__(self, platform: Platform) -> None:
        self.cloudwatch = client(platform, "cloudwatch")
        self.sns, self.sqs = client(platform, "sns"), client(platform, "sqs")

    def put(self, name: str, **rule: Any) -> None:
        self.cloudwatch.put_metric_alarm(AlarmName=name, **{**RULE, "MetricName": name, **rule})

    def send(self, name: str, value: float) -> None:
        self.cloudwatch.put_metric_data(
            Namespace="Test/Alarms", MetricData=[{"MetricName": name, "Value": value, "StorageResolution": 1}]
        )

    def described(self, name: str) -> dict[str, Any]:
        alarm: dict[str, Any] = self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        return alarm

    def wait_for(self, name: str, state: str) -> dict[str, Any]:
        return wait_until(lambda: alarm if (alarm := self.described(name))["StateValue"] == state else None)

    def topic(self, name: str) -> tuple[str, str]:
        """A topic's ARN and the URL of a queue that gets what it is told."""
        arn = self.sns.create_topic(Name=name)["TopicArn"]
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        queue = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
        return arn, url

    def told(self, url: str) -> list[dict[str, Any]]:
        """The messages that have come since the last look, within a second."""
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    def history(self, name: str, kind: str = "StateUpdate") -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.cloudwatch.describe_alarm_history(
            AlarmName=name, HistoryItemType=kind, ScanBy="TimestampAscending"
        )["AlarmHistoryItems"]
        return items


@pytest.fixture
def alarms(platform: Platform) -> Alarms:
    return Alarms(platform)


@pytest.fixture(scope="module")
def outliving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[None]]:
    """Goes on beside the tests, on a platform of its own: it waits for the clock most of the time, as they do."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit(_outlive_stops_and_kills, tmp_path_factory.mktemp("outliving"))


def _outlive_stops_and_kills(var: Path) -> None:
    running = start_platform(var)
    try:
        alarms = Alarms(running)
        topic, _ = alarms.topic("kept")
        alarms.put("kept", TreatMissingData="breaching", AlarmActions=[topic])
        alarms.wait_for("kept", "ALARM")
        for how in (signal.SIGTERM, signal.SIGKILL):
            if how == signal.SIGKILL:
                alarms.send("kept", 1)
                alarms.wait_for("kept", "OK")
            state = var / "aws" / "state" / "cloudwatch.json"
            wanted = alarms.described("kept")["StateValue"]
            wait_until(lambda: f'"StateValue": "{wanted}"' in state.read_text() if state.exists() else None)  # noqa: B023
            stop_platform(running, how)
            running = start_platform(var)
            alarms = Alarms(running)
            assert alarms.described("kept")["StateValue"] == wanted
        # Its data has stopped, so it goes off once more, and by itself.
        alarms.wait_for("kept", "ALARM")
        states = [item["HistorySummary"].rpartition(" to ")[2] for item in alarms.history("kept")]
        assert states == ["ALARM", "OK", "ALARM"]
    finally:
        stop_platform(running)


@pytest.mark.usefixtures("outliving")
def test_an_alarm_goes_off_and_comes_back_and_tells_of_both(platform: Platform, alarms: Alarms) -> None:
    topic, queue = alarms.topic("both-ways")
    alarms.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="alarms@example.com")
    actions = {"AlarmActions": [topic], "OKActions": [topic], "InsufficientDataActions": [topic]}
    alarms.send("both-ways", 5)
    alarms.put("both-ways", AlarmDescription="Too many", **actions)
    alarm = alarms.wait_for("both-ways", "ALARM")
    assert "datapoint [5.0 (" in alarm["StateReason"]
    assert alarm["StateReason"].endswith("was greater than the threshold (4.0).")
    data = json.loads(alarm["StateReasonData"])
    assert (data["statistic"], data["period"], data["recentDatapoints"], data["threshold"]) == ("Maximum", 10, [5.0], 4)
    assert data["evaluatedDatapoints"][0]["sampleCount"] == 1

    (told,) = alarms.told(queue)
    assert told["Subject"] == 'ALARM: "both-ways" in US East (N. Virginia)'
    message = json.loads(told["Message"])
    assert message["AlarmDescription"] == "Too many"
    assert (message["OldStateValue"], message["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert (message["NewStateReason"], message["AlarmArn"]) == (alarm["StateReason"], alarm["AlarmArn"])
    assert message["Trigger"]["MetricName"] == "both-ways"
    assert (message["Trigger"]["StatisticType"], message["Trigger"]["Statistic"]) == ("Statistic", "MAXIMUM")
    assert (message["Trigger"]["Period"], message["Trigger"]["Threshold"]) == (10, 4.0)

    alarms.send("both-ways", 1)
    assert "was not greater than the threshold (4.0)" in alarms.wait_for("both-ways", "OK")["StateReason"]
    assert [json.loads(one["Message"])["NewStateValue"] for one in alarms.told(queue)] == ["OK"]
    # Then nothing arrives any more.
    assert alarms.wait_for("both-ways", "INSUFFICIENT_DATA")["StateReason"] == (
        "Insufficient Data: 1 datapoint was unknown."
    )
    assert [json.loads(one["Message"])["NewStateValue"] for one in alarms.told(queue)] == ["INSUFFICIENT_DATA"]

    assert [item["HistorySummary"] for item in alarms.history("both-ways")] == [
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        "Alarm updated from ALARM to OK",
        "Alarm updated from OK to INSUFFICIENT_DATA",
    ]
    assert json.loads(alarms.history("both-ways")[0]["HistoryData"])["newState"]["stateReasonData"]["threshold"] == 4
    assert len(alarms.history("both-ways", "Action")) == 3
    found = [mail for mail in mails(platform.var / "mail", "alarms@example.com") if "both-ways" in mail.subject]
    assert [mail.subject.partition(":")[0] for mail in found] == ["ALARM", "OK", "INSUFFICIENT_DATA"]
    assert "- Reason for State Change:  Threshold Crossed: 1 datapoint [5.0" in found[0].text()


def test_without_any_data_the_treatment_of_missing_data_decides(alarms: Alarms) -> None:
    expected = {"missing": None, "ignore": None, "breaching": "ALARM", "notBreaching": "OK"}
    for treatment in expected:
        alarms.put(f"no-data-{treatment}", TreatMissingData=treatment, EvaluationPeriods=3)
    for treatment, state in expected.items():
        if state:
            reason = alarms.wait_for(f"no-data-{treatment}", state)["StateReason"]
            kind = "Breaching" if treatment == "breaching" else "NonBreaching"
            assert reason == (
                "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as "
                f"[{kind}]."
            )
    for treatment in ("missing", "ignore"):
        alarm = alarms.described(f"no-data-{treatment}")
        assert (alarm["StateValue"], alarm["StateReason"]) == (
            "INSUFFICIENT_DATA",
            "Unchecked: Initial alarm creation",
        )


def test_some_of_several_periods_are_enough_where_an_alarm_says_so(alarms: Alarms) -> None:
    now = int(time.time()) // 10 * 10
    for name, wanted in (("two-of-three", 2), ("three-of-three", 3)):
        for back, value in ((30, 9), (20, 1), (10, 9)):
            datum = {"MetricName": name, "Value": value, "Timestamp": now - back, "StorageResolution": 1}
            alarms.cloudwatch.put_metric_data(Namespace="Test/Alarms", MetricData=[datum])
        alarms.put(name, EvaluationPeriods=3, DatapointsToAlarm=wanted)
    reason = alarms.wait_for("two-of-three", "ALARM")["StateReason"]
    assert "2 out of the last 3" in reason or "3 out of the last 3" in reason
    assert "(minimum 2 datapoints for OK -> ALARM transition)" in reason
    alarms.wait_for("three-of-three", "OK")


def test_a_state_that_was_set_lasts_until_the_next_evaluation(alarms: Alarms) -> None:
    topic, queue = alarms.topic("set-by-hand")
    alarms.put("set-by-hand", TreatMissingData="notBreaching", AlarmActions=[topic])
    alarms.wait_for("set-by-hand", "OK")
    alarms.cloudwatch.set_alarm_state(AlarmName="set-by-hand", StateValue="ALARM", StateReason="a drill")
    (told,) = alarms.told(queue)
    assert json.loads(told["Message"])["NewStateReason"] == "a drill"
    alarms.wait_for("set-by-hand", "OK")
    assert [item["HistorySummary"].rpartition(" to ")[2] for item in alarms.history("set-by-hand")] == [
        "OK", "ALARM", "OK",
    ]  # fmt: skip
    assert refusal(alarms.cloudwatch.set_alarm_state, AlarmName="none", StateValue="OK", StateReason="r")[0] == (
        "ResourceNotFound"
    )


def test_disabled_actions_tell_nobody(alarms: Alarms) -> None:
    topic, queue = alarms.topic("quiet")
    alarms.put("quiet", TreatMissingData="breaching", AlarmActions=[topic], ActionsEnabled=False)
    alarms.wait_for("quiet", "ALARM")
    assert alarms.told(queue) == []
    assert alarms.history("quiet", "Action") == []


def test_a_composite_alarm_follows_its_children(alarms: Alarms) -> None:
    topic, queue = alarms.topic("composite")
    alarms.put("child", TreatMissingData="notBreaching")
    alarms.wait_for("child", "OK")
    alarms.cloudwatch.put_composite_alarm(AlarmName="parent", AlarmRule="ALARM(child)", AlarmActions=[topic])
    alarms.send("child", 5)
    alarms.wait_for("child", "ALARM")
    wait_until(
        lambda: (
            alarms.cloudwatch.describe_alarms(AlarmNames=["parent"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][
                0
            ]["StateValue"]
            == "ALARM"
        )
    )
    assert [json.loads(one["Message"])["AlarmName"] for one in alarms.told(queue)] == ["parent"]


def stat(name: str, statistic: str = "Sum") -> dict[str, Any]:
    metric = {"Namespace": "Test/Alarms", "MetricName": name}
    return {"Id": name, "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 10, "Stat": statistic}}


MATH: dict[str, Any] = {name: RULE[name] for name in ("EvaluationPeriods", "ComparisonOperator")}


def test_the_expressions_of_the_streaming_stack_are_evaluated(platform: Platform, alarms: Alarms) -> None:
    silent = "IF(FILL(simulators, 0) > 0 AND FILL(clicks, 0) == 0, 1, 0)"
    rule = {**MATH, "EvaluationPeriods": {"Ref": "Periods"}, "Threshold": {"Ref": "Limit"}}
    resources = {
        "Silence": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                **rule,
                "AlarmName": "math-silence",
                "TreatMissingData": "notBreaching",
                "Metrics": [{"Id": "silent", "Expression": silent}, stat("simulators", "Maximum"), stat("clicks")],
            },
        },
        "Growth": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                **rule,
                "AlarmName": "math-growth",
                "TreatMissingData": "notBreaching",
                "Metrics": [{"Id": "growth", "Expression": "DIFF(failed)"}, stat("failed", "Maximum")],
            },
        },
    }
    names = deploy(platform, "alarm-stack", resources, Periods="1", Limit="0")
    assert names == {"Silence": "math-silence", "Growth": "math-growth"}
    assert (alarms.described("math-silence")["Threshold"], alarms.described("math-silence")["EvaluationPeriods"]) == (
        0,
        1,
    )
    alarms.wait_for("math-silence", "OK")
    now = int(time.time()) // 10 * 10
    for back, value in ((20, 3), (10, 4)):
        datum = {"MetricName": "failed", "Value": value, "Timestamp": now - back, "StorageResolution": 1}
        alarms.cloudwatch.put_metric_data(Namespace="Test/Alarms", MetricData=[datum])
    alarms.send("simulators", 1)
    assert "[1.0 (" in alarms.wait_for("math-growth", "ALARM")["StateReason"]
    assert "[1.0 (" in alarms.wait_for("math-silence", "ALARM")["StateReason"]
    alarms.wait_for("math-growth", "OK")
    alarms.wait_for("math-silence", "OK")

    deploy(platform, "alarm-stack", resources, Periods="2", Limit="5")
    assert (alarms.described("math-growth")["Threshold"], alarms.described("math-growth")["EvaluationPeriods"]) == (
        5,
        2,
    )
    remove(platform, "alarm-stack")
    assert alarms.cloudwatch.describe_alarms(AlarmNamePrefix="math-")["MetricAlarms"] == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"Metrics": [{"Id": "e", "Expression": "FORECAST(clicks)"}, stat("clicks")]}, "function FORECAST is not one"),
        ({"Metrics": [{"Id": "e", "Expression": "clicks +"}, stat("clicks")]}, "where a value was expected"),
        ({"Metrics": [{"Id": "e", "Expression": "others"}, stat("clicks")]}, "no metric and no expression"),
        ({"Metrics": [{"Id": "e", "Expression": "SUM(clicks)"}, stat("clicks")]}, "it gives a number"),
        ({"Metrics": [{"Id": "e", "Expression": "METRICS()"}, stat("clicks")]}, "it gives several time series"),
        ({"Metrics": [stat("clicks")]}, "Exactly one"),
        ({"Metrics": [{"Id": "e", "Expression": "TIME_SERIES(1)"}]}, "watches 1 to 10 metrics"),
        ({"MetricName": "m", "Namespace": "N", "Statistic": "Sum", "Period": 45}, "must be 10, 20, 30 or a multiple"),
        ({"MetricName": "m", "Namespace": "N", "Period": 60}, "needs a Statistic"),
        ({"MetricName": "m", "Namespace": "N", "ExtendedStatistic": "tm90", "Period": 60}, "'tm90' is not one"),
        ({"MetricName": "m", "Namespace": "N", "Statistic": "Sum", "Period": 60, "DatapointsToAlarm": 2}, "1 to Eval"),
        (
            {
                "MetricName": "m",
                "Namespace": "N",
                "Statistic": "Sum",
                "Period": 60,
                "ComparisonOperator": "GreaterThanUpperThreshold",
            },
            "is not one that the local platform evaluates",
        ),
    ],
)
def test_what_is_not_evaluated_is_refused(alarms: Alarms, rule: dict[str, Any], words: str) -> None:
    code, message = refusal(
        alarms.cloudwatch.put_metric_alarm, **{"AlarmName": "refused", "Threshold": 1, **MATH, **rule}
    )
    assert code == "ValidationError"
    assert words in message
    assert alarms.cloudwatch.describe_alarms(AlarmNames=["refused"])["MetricAlarms"] == []


def test_a_dashboard_is_made_changed_and_removed(platform: Platform, alarms: Alarms) -> None:
    def resources(title: str) -> dict[str, Any]:
        body = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": title}}]})
        properties = {"DashboardName": "of-template", "DashboardBody": body}
        return {"Board": {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}}

    for title in ("one", "two"):
        deploy(platform, "dashboard-stack", resources(title))
        body = alarms.cloudwatch.get_dashboard(DashboardName="of-template")["DashboardBody"]
        assert json.loads(body)["widgets"][0]["properties"]["markdown"] == title
    remove(platform, "dashboard-stack")
    assert refusal(alarms.cloudwatch.get_dashboard, DashboardName="of-template")[0] == "ResourceNotFound"


def test_a_state_outlives_stops_and_kills_and_is_told_once(outliving: Future[None]) -> None:
    outliving.result()
