"""The drill: green when the alarm works, and red with the right sentence for each way in which it does not."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from tests.conftest import Platform
from tests.dags.conftest import ROOT, Run, deploy
from tests.principals import AIRFLOW, acting_as
from tests.waiting import wait_until

STAGE = "drill"
ADDRESS = "night@example.com"
# How long a step waits in vain where a test breaks the alarm on purpose.
IN_VAIN = 20.0


@pytest.fixture(scope="module")
def deployed(platform: Platform) -> dict[str, str]:
    """A stage of its own, whose alerts go to an address of its own."""
    parameters = (f"detection.AlertEmail={ADDRESS}", "detection.MailsPerMinute=100")
    return deploy(platform, STAGE, *(word for parameter in parameters for word in ("--parameter", parameter)))


def mails(platform: Platform) -> list[Any]:
    folder = platform.var / "mail" / ADDRESS
    return [message_from_bytes(path.read_bytes(), policy=default) for path in sorted(folder.glob("*.eml"))]


@pytest.fixture(scope="module")
def drilled(run: Run) -> dict[str, Any]:
    """What a run of the whole DAG returned; it starts Flink."""
    return run("ecomm_streaming_drill", {})


def test_a_working_alarm_is_shown_from_the_click_to_the_mail(drilled: dict[str, Any], platform: Platform) -> None:
    report = drilled["summarize"]
    assert report["counted"] == 11
    assert report["ordinary_users_left_alone"] == 30
    assert report["alerts_counted"] >= 1
    assert report["seconds_to_mail"] > 0
    (mail,) = [mail for mail in mails(platform) if str(report["attacker"]) in mail["Subject"]]
    assert mail["Subject"] == report["mail"]
    assert drilled["wait_for_log_line"]["user_id"] == report["attacker"]


def test_nothing_is_left_of_the_drill(drilled: dict[str, Any]) -> None:
    from ecomm.detection.deployed import detection

    sent = drilled["send_clicks"]
    assert drilled["clean_up"] >= 2
    assert detection().alerted([sent["attacker"], *sent["ordinary"]]) == []
    assert left_of(drilled) == []


def left_of(drilled: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of the drill's users that are not of the allow-list."""
    import boto3
    from ecomm.aws import client
    from ecomm.detection.deployed import detection

    sent = drilled["send_clicks"]
    subjects = {f"user#{user}" for user in (sent["attacker"], *sent["ordinary"])}
    table = boto3.resource("dynamodb", endpoint_url=client("dynamodb").meta.endpoint_url).Table(detection().table)
    found = table.scan(ConsistentRead=True)["Items"]
    return [item for item in found if item["pk"] in subjects or (item["sk"] in subjects and item["pk"] != "allowed")]


def mails_about(drilled: dict[str, Any], platform: Platform) -> list[str]:
    attacker = str(drilled["send_clicks"]["attacker"])
    return [mail["Subject"] for mail in mails(platform) if attacker in mail.get_content()]


def test_three_drills_in_a_row_without_other_traffic_mail_once_each(
    drilled: dict[str, Any], run: Run, platform: Platform
) -> None:
    """Each brings Flink's time further, and with it whatever an earlier one had left open."""
    drills = [drilled, *(run("ecomm_streaming_drill", {}) for _ in range(2))]
    for drill in drills:
        (subject,) = mails_about(drill, platform)
        assert "Drill: User" in subject
        assert drill["wait_for_final_counts"] == 25
        assert left_of(drill) == []


@pytest.fixture
def traffic(drilled: dict[str, Any]) -> Iterator[None]:
    """Ordinary clicks in every shard, ten a second, as a simulator sends them."""
    from ecomm.aws import client
    from ecomm.detection import drill
    from ecomm.settings import settings

    kinesis, stream, over = client("kinesis"), settings().clicks_stream, threading.Event()
    users = itertools.count(1_000_000)

    def send() -> None:
        while not over.wait(0.1):
            user = next(users)
            data = json.dumps(drill._click(user, datetime.now(UTC))).encode()
            kinesis.put_record(StreamName=stream, Data=data, PartitionKey=str(user))

    sender = threading.Thread(target=send)
    sender.start()
    yield
    over.set()
    sender.join()


def test_a_drill_among_other_traffic_mails_once(traffic: None, run: Run, platform: Platform) -> None:
    drill = run("ecomm_streaming_drill", {})
    assert len(mails_about(drill, platform)) == 1
    assert drill["wait_for_final_counts"] == 25
    assert left_of(drill) == []


def test_a_replay_of_the_counts_mails_no_drill_again(drilled: dict[str, Any], platform: Platform) -> None:
    """All of stream 2, as docs/runbook.md replays it: from its oldest record on, after the drill has cleaned up."""
    from ecomm.aws import client
    from ecomm.detection.deployed import detection
    from ecomm.settings import settings

    functions, kinesis, name = client("lambda"), client("kinesis"), settings().detection_function
    before = len(mails(platform))
    stream = kinesis.describe_stream_summary(StreamName=settings().counts_stream)["StreamDescriptionSummary"]
    version = functions.publish_version(FunctionName=name)["Version"]
    uuid = functions.create_event_source_mapping(
        FunctionName=f"{name}:{version}",
        EventSourceArn=stream["StreamARN"],
        StartingPosition="TRIM_HORIZON",
        BatchSize=1000,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )["UUID"]
    sent = drilled["send_clicks"]
    users = [sent["attacker"], *sent["ordinary"]]
    try:
        # The counts are there again, so the function has had them.
        wait_until(lambda: len(detection().final_counts(users, sent["window_start"])) == len(users))
    finally:
        functions.delete_event_source_mapping(UUID=uuid)
    assert detection().alerted(users) == []
    assert len(mails(platform)) == before


def refused(call: Callable[[], Any]) -> str:
    from ecomm.errors import DataError

    with acting_as(AIRFLOW), pytest.raises(DataError) as raised:
        call()
    return str(raised.value)


def in_vain() -> str:
    """The sentence of a drill whose clicks are sent, and whose alert does not come."""
    from ecomm.detection import drill

    users = drill.choose_users()
    sent = drill.send_clicks(users, 25)
    try:
        return refused(lambda: drill.wait_for_item(sent, IN_VAIN))
    finally:
        drill.clean_up(users, None, IN_VAIN)


@pytest.fixture
def stopped(drilled: dict[str, Any], run: Run) -> Iterator[None]:
    run("ecomm_streaming_stop", {"force": True})
    yield
    run("ecomm_streaming_start", {})


def test_red_where_flink_is_stopped(stopped: None) -> None:
    from ecomm.detection import drill

    sentence = refused(lambda: drill.check_application(start=False))
    assert "is READY, not RUNNING: no click is counted" in sentence
    assert "ecomm_streaming_start" in sentence
    assert drill.check_application(start=True) == "READY"
    # As when it stops between the check and the clicks.
    assert f"The application ecomm-user-activity-counts-{STAGE} is READY: no click is counted." in in_vain()


def test_red_where_the_mapping_is_disabled(drilled: dict[str, Any]) -> None:
    from ecomm.aws import client
    from ecomm.detection import drill
    from ecomm.settings import settings

    functions = client("lambda")
    mappings = functions.list_event_source_mappings(FunctionName=settings().detection_function)["EventSourceMappings"]
    (uuid,) = [mapping["UUID"] for mapping in mappings if ":kinesis:" in mapping["EventSourceArn"]]
    functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    wait_until(lambda: functions.get_event_source_mapping(UUID=uuid)["State"] == "Disabled", seconds=60)
    try:
        sentence = refused(lambda: drill.check_alarm(25))
        assert "is Disabled: the function gets no counts" in sentence
        assert f"aws lambda update-event-source-mapping --uuid {uuid} --enabled" in sentence
    finally:
        functions.update_event_source_mapping(UUID=uuid, Enabled=True)
        wait_until(lambda: functions.get_event_source_mapping(UUID=uuid)["State"] == "Enabled", seconds=60)


def test_red_where_nobody_gets_the_mail(drilled: dict[str, Any]) -> None:
    from ecomm.aws import client
    from ecomm.detection import drill
    from ecomm.detection.deployed import detection

    sns, topic = client("sns"), detection().topic
    for subscription in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        if subscription["Protocol"] == "email":
            sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    try:
        sentence = refused(lambda: drill.check_alarm(25))
        assert f"the topic ecomm-high-event-volume-{STAGE} has no subscription by e-mail" in sentence
        assert "detection.AlertEmail=" in sentence
    finally:
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=ADDRESS)


def test_red_where_the_threshold_is_too_high(drilled: dict[str, Any]) -> None:
    from ecomm.detection import drill

    sentence = refused(lambda: drill.check_alarm(10))
    assert "is 10: 10 actions of a user in 10 seconds are no attack to it" in sentence
    assert "streaming.AlertThreshold=" in sentence


def test_red_where_the_function_is_broken(drilled: dict[str, Any]) -> None:
    from ecomm.aws import client
    from ecomm.settings import settings

    functions, name = client("lambda"), settings().detection_function
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    broken = {**variables, "COOLDOWN_SECONDS": "soon"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": broken})
    try:
        sentence = in_vain()
        assert f"The function ecomm-detect-high-event-volume-{STAGE} fails:" in sentence
        assert "COOLDOWN_SECONDS is 'soon'" in sentence
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def mails_of(platform: Platform, user: int) -> int:
    return sum(str(user) in mail.get_content() for mail in mails(platform))


def test_a_red_run_fails_and_cleans_up_all_the_same(
    drilled: dict[str, Any], deployed: dict[str, str], platform: Platform
) -> None:
    from airflow.dag_processing.dagbag import DagBag
    from ecomm.aws import client
    from ecomm.detection.deployed import detection
    from ecomm.settings import settings

    functions, name = client("lambda"), settings().detection_function
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        dag = DagBag(ROOT / "dags" / "ecomm_streaming_drill.py").dags["ecomm_streaming_drill"]
        with acting_as(AIRFLOW):
            ended = dag.test(run_conf={"patience_seconds": 5})
        states = {task.task_id: str(task.state) for task in ended.get_task_instances()}
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    assert str(ended.state) == "failed"
    assert states["wait_for_item"] == "failed"
    assert states["clean_up"] == "success"
    sent = next(task for task in ended.get_task_instances() if task.task_id == "send_clicks").xcom_pull("send_clicks")
    # The function works again, and gets the counts of a drill that is over.
    before = mails_of(platform, sent["attacker"])
    wait_until(lambda: detection().item(f"user#{sent['attacker']}", f"window#{sent['window_start']}"), seconds=60)
    assert detection().alerted([sent["attacker"]]) == []
    assert mails_of(platform, sent["attacker"]) == before == 0
