"""The drill of the alarm: an attack of our own among ordinary clicks, and where each part of the alarm shows it."""

from __future__ import annotations

import itertools
import json
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ecomm.aws import client
from ecomm.contract import DRILL_USERS
from ecomm.detection.deployed import detection, explain_silence
from ecomm.errors import DataError
from ecomm.operators.flink_application import describe
from ecomm.settings import settings
from ecomm.waiting import pauses

log = logging.getLogger(__name__)

ORDINARY_USERS = 30
ORDINARY_CLICKS = 3
LONGEST_PAUSE = 2.0
# PutRecords takes no more.
_PUT_RECORDS = 500
# The function looks at no record that is older, so no replay can come after it.
_QUIET = timedelta(days=15)


def check_application(start: bool) -> str:
    """The state of the Flink application; raises DataError where it does not run and the drill is not to start it."""
    name = settings().flink_application
    status = str(describe(name)["ApplicationStatus"])
    log.info("The application %s is %s.", name, status)
    if status != "RUNNING" and not start:
        raise DataError(
            f"The application {name} is {status}, not RUNNING: no click is counted, so no attack is seen. Start it "
            "with the DAG ecomm_streaming_start, or run the drill with start_application."
        )
    return status


def check_alarm(actions: int) -> dict[str, Any]:
    """What the alarm is set to; raises DataError where an attack of so many actions could not be mailed to anybody."""
    found = detection()
    if found.threshold >= actions:
        raise DataError(
            f"The threshold of {found.function} is {found.threshold}: {actions} actions of a user in 10 seconds are no "
            "attack to it. Lower it (make deploy DEPLOY_OPTIONS='--parameter streaming.AlertThreshold=10'), or run the "
            "drill with more actions."
        )
    found.require_mapping()
    addresses = found.require_addresses()
    log.info("%s mails %s of more than %d actions.", found.function, ", ".join(addresses), found.threshold)
    return {"threshold": found.threshold, "addresses": addresses}


def choose_users() -> dict[str, Any]:
    """Returns who is who, before a click is sent: whatever fails then, the users to remove are known."""
    users = random.sample(DRILL_USERS, ORDINARY_USERS + 1)
    return {"attacker": users[0], "ordinary": users[1:], "chosen": datetime.now(UTC).isoformat()}


def send_clicks(users: dict[str, Any], actions: int) -> dict[str, Any]:
    """Sends the attack among ordinary clicks, all at once; returns who is who, and when the stream had them."""
    attacker, ordinary = users["attacker"], users["ordinary"]
    clicking = [user for user in ordinary for _ in range(ORDINARY_CLICKS)] + [attacker] * actions
    random.shuffle(clicking)
    now = datetime.now(UTC)
    # In the middle of a window, so that the attack is in one and not in two.
    moment = now if 1 <= now.second % 10 <= 8 else now - timedelta(seconds=3)
    records = [{"Data": json.dumps(_click(user, moment)).encode(), "PartitionKey": str(user)} for user in clicking]
    _put(records)
    sent = datetime.now(UTC)
    log.info("User %d clicked %d times among %d others.", attacker, actions, len(ordinary))
    return {
        **users,
        "window_start": _timestamp(moment.replace(second=moment.second // 10 * 10, microsecond=0)),
        "actions": actions,
        "clicks": len(records),
        "sent": sent.isoformat(),
    }


def wait_for_item(sent: dict[str, Any], patience: float) -> dict[str, Any]:
    """The attacker's episode in the table, once its mail is on its way."""
    found = detection()
    subject = f"user#{sent['attacker']}"

    def look() -> dict[str, Any] | None:
        episode = found.item(subject, "episode")
        return episode if episode and episode["told"] else None

    episode = _until(look, patience, lambda: explain_silence(found, sent, patience))
    alert = json.loads(episode["alert"])
    log.info("The table has user %s with %s actions: %s", sent["attacker"], alert["measured"], episode["severity"])
    return {
        "counted": int(alert["measured"]),
        "severity": episode["severity"],
        "blocked_until": int(episode["blocked_until"]),
    }


def wait_for_mail(sent: dict[str, Any], patience: float) -> dict[str, Any]:
    """The mail about the attacker, by the copy that the topic sends to a queue, and its seconds after the clicks."""
    names = settings()
    sqs = client("sqs")
    queue = sqs.get_queue_url(QueueName=names.alert_copies_queue)["QueueUrl"]

    def look() -> dict[str, Any] | None:
        # A receive that waits asks all of SQS's servers; one that does not may miss messages.
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in received.get("Messages", []):
            mail: dict[str, Any] = json.loads(message["Body"])
            # Other alerts are none of the drill's, but nobody else reads the copies.
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            if str(sent["attacker"]) in mail["Message"]:
                return mail
        return None

    mail = _until(
        look,
        patience,
        lambda: (
            f"No mail about user {sent['attacker']} was sent within {patience:.0f} s, though the alert is in the "
            f"table. SNS refuses it, or {detection().function} fails after storing it; docs/runbook.md, section 5."
        ),
    )
    delay = (datetime.fromisoformat(mail["Timestamp"]) - datetime.fromisoformat(sent["sent"])).total_seconds()
    log.info("%s\n\n%s", mail["Subject"], mail["Message"])
    return {"subject": mail["Subject"], "seconds": round(max(delay, 0.0), 3)}


def wait_for_metric(sent: dict[str, Any], patience: float) -> float:
    """Alerts that CloudWatch counted since the clicks were sent."""
    query = {
        "Id": "alerts",
        "MetricStat": {
            "Metric": {
                "Namespace": "Ecomm/Detection",
                "MetricName": "UserAlerts",
                "Dimensions": [{"Name": "service", "Value": settings().detection_function}],
            },
            "Period": 60,
            "Stat": "Sum",
        },
    }
    begin = datetime.fromisoformat(sent["sent"]).replace(second=0, microsecond=0)

    def look() -> float:
        end = datetime.now(UTC) + timedelta(minutes=1)
        answer = client("cloudwatch").get_metric_data(MetricDataQueries=[query], StartTime=begin, EndTime=end)
        return float(sum(answer["MetricDataResults"][0]["Values"]))

    return _until(
        look, patience, lambda: "CloudWatch has no UserAlerts in Ecomm/Detection: the function's metrics do not arrive."
    )


def wait_for_log_line(sent: dict[str, Any], patience: float) -> dict[str, Any]:
    """The function's own line about the alert, by its fields."""
    names = settings()
    begin = int((datetime.fromisoformat(sent["sent"]) - timedelta(minutes=1)).timestamp() * 1000)

    def look() -> dict[str, Any]:
        pages = client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(
            logGroupName=names.detection_log_group, startTime=begin, filterPattern=f'"{sent["attacker"]}"'
        ):
            for event in page["events"]:
                if "Alert raised" in event["message"]:
                    return dict(json.loads(event["message"]))
        return {}

    line = _until(look, patience, lambda: f"No line about the alert is in the log group {names.detection_log_group}.")
    log.info("%s", line)
    return line


def check_others(sent: dict[str, Any]) -> int:
    """How many ordinary users were left alone; raises DataError naming those who were not."""
    found = detection()
    alerted = found.alerted(sent["ordinary"])
    if alerted:
        raise DataError(
            f"Users {', '.join(map(str, alerted))} were alerted for {ORDINARY_CLICKS} clicks each; the threshold is "
            f"{found.threshold}. Is the early threshold of the Flink application the same (docs/streaming.md)?"
        )
    return len(sent["ordinary"])


def wait_for_final_counts(sent: dict[str, Any], patience: float) -> int:
    """The attacker's final count, once the table has those of all users of the drill.

    Brings them about: without a newer click, the window would stay open. Raises DataError when patience is over.
    """
    names = settings()
    users = [sent["attacker"], *sent["ordinary"]]
    over = datetime.fromisoformat(sent["window_start"]) + timedelta(seconds=10)

    def look() -> dict[int, int] | None:
        counts = detection().final_counts(users, sent["window_start"])
        if len(counts) == len(users):
            return counts
        if datetime.now(UTC) >= over:
            _close_windows()
        return None

    counts = _until(
        look,
        patience,
        lambda: (
            f"Flink did not write the final counts of the window {sent['window_start']} within {patience:.0f} s, "
            f"though clicks came after it. Is {names.flink_application} behind, or a shard of {names.clicks_stream} "
            "without a reader (docs/runbook.md, section 5)?"
        ),
    )
    log.info("The window %s is complete.", sent["window_start"])
    return counts[sent["attacker"]]


def clean_up(users: dict[str, Any], sent: dict[str, Any] | None, patience: float) -> int:
    """Takes the drill's users out of the table, and so off the block list; returns how many items that were.

    sent: None where the clicks could not be sent, or not all of them. What still comes of a user, a late count or a
    replay, is stored and alerts no one: an entry of the allow-list, which ends by itself, says so.
    """
    found = detection()
    everyone = [users["attacker"], *users["ordinary"]]
    found.allow(everyone, "a drill that is over", datetime.now(UTC) + _QUIET)
    if sent is not None:
        try:
            wait_for_final_counts(sent, patience)
        except DataError as error:
            log.warning("%s What comes later expires by itself.", error)
    removed = found.forget(everyone, since=datetime.fromisoformat(users["chosen"]))
    log.info("%d items of the drill are removed from the table.", removed)
    return removed


def _close_windows() -> None:
    """Sends a click of now into every open shard, by which Flink knows that the windows before are over.

    Each is of a user of its own, whose single click makes no count. Never ahead of the clock, by which
    Flink would not go.
    """
    kinesis, stream = client("kinesis"), settings().clicks_stream
    pages = kinesis.get_paginator("list_shards").paginate(StreamName=stream, ShardFilter={"Type": "AT_LATEST"})
    begins = [shard["HashKeyRange"]["StartingHashKey"] for page in pages for shard in page["Shards"]]
    users = random.sample(DRILL_USERS, len(begins))
    now = datetime.now(UTC)
    records = [
        {"Data": json.dumps(_click(user, now)).encode(), "PartitionKey": str(user), "ExplicitHashKey": begin}
        for user, begin in zip(users, begins, strict=True)
    ]
    for batch in itertools.batched(records, _PUT_RECORDS):
        _put(list(batch))


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _click(user: int, moment: datetime) -> dict[str, Any]:
    """As the simulator sends it (DESIGN: stream 1)."""
    return {
        "event_time": f"{moment:%Y-%m-%d %H:%M:%S} UTC",
        "event_type": "view",
        "product_id": 1_000_000,
        "category_id": 2_053_013_555_631_882_655,
        "category_code": None,
        "brand": None,
        "price": 1.0,
        "user_id": user,
        "user_session": None,
        "txn_timestamp": _timestamp(moment),
    }


def _put(records: list[dict[str, Any]]) -> None:
    """Puts all of them; raises RuntimeError where the stream goes on refusing some."""
    for attempt in range(5):
        answer = client("kinesis").put_records(StreamName=settings().clicks_stream, Records=records)
        records = [record for record, put in zip(records, answer["Records"], strict=True) if put.get("ErrorCode")]
        if not records:
            return
        time.sleep(0.1 * 2**attempt)
    raise RuntimeError(
        f"The stream {settings().clicks_stream} refused {len(records)} clicks five times; it is overloaded."
    )


def _until[Seen](look: Callable[[], Seen | None], patience: float, sentence: Callable[[], str]) -> Seen:
    """What `look` sees as soon as that is something; raises DataError with the sentence when patience is over."""
    deadline = time.monotonic() + patience
    for pause in pauses(LONGEST_PAUSE):
        if seen := look():
            return seen
        if time.monotonic() > deadline:
            raise DataError(sentence())
        time.sleep(pause)
    raise AssertionError("unreachable")
