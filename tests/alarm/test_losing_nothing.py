"""Whatever goes wrong between stream 2 and the mail: every window is stored once, every attacker is mailed once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.alarm.conftest import BEGIN, COUNTS, FUNCTION, Alarm, Row, count, wait_until

Users = Callable[[int], range]


def rows_of(users: range, windows: int, attackers: int) -> list[Row]:
    """Counts of so many windows of every user, in the order of time; the first users attack once, early count first."""
    rows: list[Row] = []
    for place in range(windows):
        begin = BEGIN + timedelta(seconds=10 * place)
        for user in users:
            if place == windows // 2 and user < users.start + attackers:
                rows += [count(user, 11, begin, "early"), count(user, 30, begin)]
            else:
                rows.append(count(user, 2 + user % 9, begin))
    return rows


def test_batches_that_come_three_times_and_out_of_order(alarm: Alarm, users: Users) -> None:
    rows, since = rows_of(users(100), 5, 10), len(alarm.mails())
    for seed in range(3):
        alarm.put(COUNTS, random.Random(seed).sample(rows, len(rows)))
    alarm.complete(rows, since)


def test_a_function_that_is_killed_while_it_stores(alarm: Alarm, users: Users) -> None:
    rows, since = rows_of(users(400), 5, 20), len(alarm.mails())
    killed = 0
    for first in range(0, len(rows), 500):
        part = rows[first : first + 500]
        alarm.put(COUNTS, part)
        keys = {(row["user_id"], row["window_start"]) for row in part}
        # It has begun to store this part, and has not come to the mails.
        wait_until(lambda keys=keys: bool(keys & alarm.windows().keys()), lambda: "nothing is stored")  # type: ignore[misc]
        for process in alarm.processes():
            process.kill()
            killed += 1
    assert killed >= 4
    alarm.complete(rows, since)


def test_a_function_that_is_throttled(alarm: Alarm, users: Users) -> None:
    functions = alarm.client("lambda")
    rows, since = rows_of(users(100), 5, 10), len(alarm.mails())
    functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=0)
    alarm.put(COUNTS, rows)
    wait_until(lambda: "PROBLEM" in last_result(alarm), lambda: last_result(alarm), 90)
    functions.delete_function_concurrency(FunctionName=FUNCTION)
    alarm.complete(rows, since)


def wait_for_line(alarm: Alarm, *words: str) -> None:
    """Until the function's log of the last minute has a line with one of the words."""

    def there() -> bool:
        pages = alarm.client("logs").get_paginator("filter_log_events")
        since = round((time.time() - 60) * 1000)
        lines = pages.paginate(logGroupName=f"/aws/lambda/{FUNCTION}", startTime=since)
        return any(word in event["message"] for page in lines for event in page["events"] for word in words)

    wait_until(there, lambda: f"no line in the log has {words}", 60)


def last_result(alarm: Alarm) -> str:
    """The mapping's, which is there before the minute's metric."""
    mappings = alarm.client("lambda").list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]
    (result,) = [found["LastProcessingResult"] for found in mappings if ":kinesis:" in found["EventSourceArn"]]
    return str(result)


def test_a_function_that_is_cut_off(alarm: Alarm, users: Users) -> None:
    """A table that throttles keeps it busy until its time is over."""
    rows, since = rows_of(users(100), 5, 10), len(alarm.mails())
    set_timeout(alarm, 1)
    alarm.faults.ask("dynamodb", "BatchExecuteStatement", "ProvisionedThroughputExceededException", seconds=5)
    alarm.put(COUNTS, rows)
    wait_for_line(alarm, "Task timed out", "Records failed")
    set_timeout(alarm, 30)
    alarm.complete(rows, since)


def test_a_function_with_too_little_memory(alarm: Alarm, users: Users) -> None:
    """A row of four megabytes, as nobody sends one, is more than the least that Lambda gives; it is a good row."""
    rows, since = rows_of(users(100), 5, 10), len(alarm.mails())
    set_record_size(alarm, 10_240)
    large = {**rows[0], "padding": [{"a": 1}] * 450_000}
    set_memory(alarm, 128)
    alarm.put(COUNTS, [large])
    wait_for_line(alarm, "signal: killed")
    alarm.put(COUNTS, rows[1:])
    set_memory(alarm, 512)
    alarm.complete(rows, since)
    set_record_size(alarm, 1024)


def set_memory(alarm: Alarm, megabytes: int) -> None:
    alarm.client("lambda").update_function_configuration(FunctionName=FUNCTION, MemorySize=megabytes)


def set_record_size(alarm: Alarm, kibibytes: int) -> None:
    kinesis = alarm.client("kinesis")
    arn = kinesis.describe_stream_summary(StreamName=COUNTS)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=kibibytes)


def test_a_function_with_too_little_time_for_a_mail(alarm: Alarm, users: Users) -> None:
    rows, since = rows_of(users(100), 5, 10), len(alarm.mails())
    set_timeout(alarm, 3)
    alarm.put(COUNTS, rows)
    wait_for_line(alarm, "OutOfTimeError")
    set_timeout(alarm, 30)
    alarm.complete(rows, since)


def set_timeout(alarm: Alarm, seconds: int) -> None:
    alarm.client("lambda").update_function_configuration(FunctionName=FUNCTION, Timeout=seconds)


def test_a_table_that_throttles(alarm: Alarm, users: Users) -> None:
    rows, since = rows_of(users(200), 5, 10), len(alarm.mails())
    alarm.faults.ask("dynamodb", "BatchExecuteStatement", "ThrottlingError", share=0.5, seconds=5)
    alarm.faults.ask("dynamodb", "UpdateItem", "ProvisionedThroughputExceededException", share=0.5, seconds=5)
    alarm.faults.ask("dynamodb", "BatchGetItem", "UnprocessedKeys", share=0.5, seconds=5)
    alarm.put(COUNTS, rows)
    alarm.complete(rows, since)


def test_sns_that_fails_for_a_while(alarm: Alarm, users: Users) -> None:
    """The counts behind the mails are stored meanwhile."""
    rows, since = rows_of(users(100), 5, 10), len(alarm.mails())
    quiet = rows_of(users(100), 2, 0)
    alarm.faults.ask("sns", "Publish", "InternalError", status=500, seconds=60)
    alarm.put(COUNTS, rows)
    alarm.put(COUNTS, quiet)
    alarm.complete(quiet, since)
    assert alarm.mails(since) == []
    alarm.complete(rows, since)


def test_many_messages_of_one_digest_are_done_within_a_minute(alarm: Alarm, users: Users) -> None:
    """Each alert that SNS refuses puts a message into the queue; none waits for the lease of the one before."""
    since, own = len(alarm.mails()), users(6)
    rows = [count(user, 30) for user in own]
    alarm.faults.ask("sns", "Publish", "InternalError", status=500)
    for row in rows:
        alarm.put(COUNTS, [row])
        wait_until(
            lambda row=row: (row["user_id"], row["window_start"]) in alarm.windows(),  # type: ignore[misc]
            lambda: "a count is not stored",
        )
    wait_until(lambda: waiting_mails(alarm) >= len(rows), lambda: f"{waiting_mails(alarm)} mails wait", 30)
    alarm.faults.clear()
    wait_until(lambda: waiting_mails(alarm) == 0, lambda: f"{waiting_mails(alarm)} mails still wait", 90)
    alarm.complete(rows, since)


def test_a_digest_that_drains_is_no_late_mail_and_an_sns_that_refuses_is(alarm: Alarm, users: Users) -> None:
    """By the deployed alarm's own rule, with one minute in the place of its five."""
    # Another test's are none of this one's.
    wait_until(lambda: failed_tries(alarm) == 0, lambda: "mails still fail", 240)
    watched, functions = watch_late_mails(alarm), alarm.client("lambda")
    since, own = len(alarm.mails()), users(10)
    variables = functions.get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]
    few = {"Variables": {**variables, "MAILS_PER_MINUTE": "1"}}
    functions.update_function_configuration(FunctionName=FUNCTION, Environment=few)
    digest = [count(user, 30) for user in own[:8]]
    for row in digest:
        alarm.put(COUNTS, [row])
        wait_until(lambda row=row: stored(alarm, row), lambda: "a count is not stored")  # type: ignore[misc]
    wait_until(lambda: waiting_mails(alarm) == 0, lambda: f"{waiting_mails(alarm)} mails still wait", 150)
    alarm.complete(digest, since)
    functions.update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": variables})
    assert failed_tries(alarm) == 0
    wait_until(lambda: states(alarm, watched) == ["OK"], lambda: f"{states(alarm, watched)}", 180)

    alarm.faults.ask("sns", "Publish", "InternalError", status=500)
    refused = [count(user, 30) for user in own[8:]]
    alarm.put(COUNTS, refused)
    wait_until(lambda: states(alarm, watched) == ["OK", "ALARM"], lambda: f"{states(alarm, watched)}", 180)
    alarm.faults.clear()
    alarm.complete(refused, since)
    alarm.client("cloudwatch").delete_alarms(AlarmNames=[watched])


def watch_late_mails(alarm: Alarm) -> str:
    """Puts a copy of the deployed alarm that needs one minute, whichever way it goes; returns its name."""
    cloudwatch, copy = alarm.client("cloudwatch"), "late-within-a-minute"
    (deployed,) = cloudwatch.describe_alarms(AlarmNames=["ecomm-alert-mails-late"])["MetricAlarms"]
    assert deployed["EvaluationPeriods"] == 5
    rule = {name: deployed[name] for name in ("Metrics", "ComparisonOperator", "Threshold", "TreatMissingData")}
    cloudwatch.put_metric_alarm(AlarmName=copy, EvaluationPeriods=1, **rule)
    return copy


def states(alarm: Alarm, name: str) -> list[str]:
    """The states that an alarm has come to, the first one first."""
    history = alarm.client("cloudwatch").describe_alarm_history(
        AlarmName=name, HistoryItemType="StateUpdate", ScanBy="TimestampAscending"
    )
    return [item["HistorySummary"].rpartition(" to ")[2] for item in history["AlarmHistoryItems"]]


def failed_tries(alarm: Alarm) -> float:
    """The metric of this stage's function, of this minute and two before it."""
    now = datetime.now(UTC)
    answer = alarm.client("cloudwatch").get_metric_statistics(
        Namespace="Ecomm/Detection",
        MetricName="MailsFailed",
        Dimensions=[{"Name": "service", "Value": FUNCTION}],
        StartTime=now - timedelta(minutes=2),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in answer["Datapoints"]))


def stored(alarm: Alarm, row: Row) -> bool:
    return (row["user_id"], row["window_start"]) in alarm.windows()


def waiting_mails(alarm: Alarm) -> int:
    """Messages of the queue of mails, whatever they wait for."""
    sqs = alarm.client("sqs")
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    url = sqs.get_queue_url(QueueName="ecomm-alert-mails")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def test_a_poison_record_in_the_middle(alarm: Alarm, users: Users) -> None:
    rows, since = rows_of(users(100), 5, 10), len(alarm.mails())
    before = len(alarm.failed())
    middle = len(rows) // 2
    alarm.put(COUNTS, [*rows[:middle], b"poison", *rows[middle:]])
    alarm.complete(rows, since)
    wait_until(lambda: len(alarm.failed()) == before + 1, lambda: f"{alarm.failed()}")
    assert sum("unreadable" in message for message in alarm.failed()) == before + 1


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_platform_that_ends_and_comes_back(alarm: Alarm, users: Users, kill: bool) -> None:
    rows, since = rows_of(users(400), 5, 20), len(alarm.mails())
    # The attackers' mails are after the restart: what is written in the moment of a kill may be written again.
    begin, end = rows[:700], rows[700:]
    alarm.put(COUNTS, begin)
    keys = {(row["user_id"], row["window_start"]) for row in begin}
    wait_until(lambda: keys <= alarm.windows().keys(), lambda: "not all is stored")
    alarm.put(COUNTS, end[:100])
    alarm.restart(kill)
    alarm.put(COUNTS, end[100:])
    alarm.complete(rows, since)
