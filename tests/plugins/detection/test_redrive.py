"""What `make redrive` makes of the queue of failures, with the deployed function and what really lands in the queue."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from tests.conftest import ROOT, free_port, start_platform, stop_platform

from .conftest import Detection, count, wait_until

Redrive = Callable[..., tuple[int, str]]
MAILED = "mailed"


def given_up(detection: Detection, records: int) -> dict[str, str]:
    """The messages of the mapping, when they name so many records."""

    def all_of_them() -> dict[str, str]:
        found = detection.messages()
        batches = [json.loads(body)["KinesisBatchInfo"]["batchSize"] for body in found.values()]
        return found if sum(batches) == records else {}

    return wait_until(all_of_them, f"{records} records are given up")


def batch_message(detection: Detection, place: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """As the mapping tells of a single record."""
    info = {
        "shardId": place["ShardId"],
        "startSequenceNumber": place["SequenceNumber"],
        "endSequenceNumber": place["SequenceNumber"],
        "batchSize": 1,
        "streamArn": f"arn:aws:kinesis:us-east-1:000000000000:stream/{detection.names.counts_stream}",
    }
    return {"requestContext": {"condition": "RetryAttemptsExhausted"}, "KinesisBatchInfo": info | changes}


def unreadable_message(detection: Detection, data: bytes, sequence: str = "1") -> dict[str, Any]:
    """As the function tells of a payload."""
    return {
        "unreadable": {
            "stream": detection.names.counts_stream,
            "sequenceNumber": sequence,
            "subSequenceNumber": 0,
            # A record older than the memory of mails would raise no alert.
            "arrived": datetime.now(UTC).isoformat(),
            "reason": "It was not what it is now.",
            "bytes": len(data),
            "data": base64.b64encode(data).decode(),
        }
    }


def times_named(mails: list[str], user: int) -> int:
    """How often the mails tell of a user."""
    words = [line.split() for mail in mails for line in mail.splitlines()]
    alone = sum(line == ["User:", str(user)] for line in words)
    return alone + sum(len(line) > 1 and line[0] == str(user) for line in words)


def test_every_record_that_was_given_up_is_stored_once_and_mailed_once(detection: Detection, redrive: Redrive) -> None:
    users = range(1, 1_201)
    loud = (7, 600, 1_199)
    detection.faults.ask("dynamodb", "BatchExecuteStatement", "AccessDeniedException", status=400)
    places = detection.put((count(user, 20 if user in loud else 3) for user in users), key="one shard")
    before = given_up(detection, len(users))
    assert redrive("--dry-run")[0] == 1
    assert detection.messages() == before
    # Still broken: everything stays.
    status, said = redrive()
    assert status == 1
    assert "records failed; the function's log says why" in said
    assert detection.messages() == before
    assert detection.windows([7]) == {7: []}
    detection.faults.clear()
    status, said = redrive()
    assert status == 0, said
    assert "with 1,200 records, 0 payloads, 0 mails sent through again" in said
    assert detection.messages() == {}
    assert detection.windows(users) == {user: [20 if user in loud else 3] for user in users}
    mails = detection.mails()
    assert [times_named(mails, user) for user in loud] == [1, 1, 1]
    # Once more, as after a redrive that was killed before it could delete; in one message, more than a call takes.
    stored = detection.items()
    last = places[-1]["SequenceNumber"]
    detection.send(batch_message(detection, places[0], endSequenceNumber=last, batchSize=len(users)))
    status, said = redrive()
    assert status == 0, said
    assert "1 batch with 1,200 records" in said
    assert detection.items() == stored
    assert detection.mails() == []
    nothing = "0 batches with 0 records, 0 payloads, 0 mails sent through again; 0 messages stay in the queue.\n"
    assert redrive() == (0, nothing)


def test_a_redrive_mails_no_one_who_was_mailed_though_the_items_are_gone(
    detection: Detection, redrive: Redrive
) -> None:
    """As after a drill that has cleaned up, an item that expired, or an operator who removed one."""
    user = 4_501
    (place,) = detection.put([count(user, 50)])
    mails: list[str] = []
    wait_until(lambda: mails.extend(detection.mails()) or times_named(mails, user), "the mail is sent")
    marked = lambda: (f"user#{user}", MAILED) in {(pk, sk.partition("#")[0]) for pk, sk in detection.items()}  # noqa: E731
    wait_until(marked, "the mail is noted")
    table = boto3.resource("dynamodb", endpoint_url=detection.platform.endpoint).Table(detection.table)
    for pk, sk in detection.items():
        if pk == f"user#{user}" and sk.startswith(("window#", "episode")):
            table.delete_item(Key={"pk": pk, "sk": sk})
    detection.send(batch_message(detection, place))
    status, said = redrive()
    assert status == 0, said
    assert detection.windows([user]) == {user: [50]}
    assert detection.mails() == []
    assert (f"user#{user}", "episode") not in detection.items()


def test_a_message_that_is_no_mail_is_put_aside_with_its_reason_until_it_is_discarded(
    detection: Detection, redrive: Redrive
) -> None:
    """Sent to the queue of mails as it is deployed; it is not tried a thousand times."""
    detection.client("sqs").send_message(QueueUrl=detection.queue(detection.names.mail_queue), MessageBody="no mail")
    wait_until(detection.messages, "the function has put it aside")
    status, said = redrive()
    assert status == 1
    assert f"a message of {detection.names.mail_queue} that the function cannot read: It is not JSON" in said
    status, said = redrive("--discard")
    assert status == 0
    assert "1 message removed" in said
    assert detection.messages() == {}


def test_what_is_given_back_can_be_received_at_once(detection: Detection) -> None:
    from ecomm.detection.redrive.failed_queue import FailedQueue

    detection.send(*({"digest": f"digest#{place}"} for place in range(25)))
    queue = FailedQueue(detection.client("sqs"), detection.failed)
    held = queue.receive()
    assert len(held) == 25
    assert detection.messages() == {}
    queue.delete(held[:5])
    queue.give_back()
    assert detection.messages().keys() == {message.id for message in held[5:]}
    detection.client("sqs").purge_queue(QueueUrl=detection.failed)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(detection: Detection, redrive: Redrive) -> None:
    detection.mapping(Enabled=False)
    (place,) = detection.put([count(5_001, 3)])
    documents: list[Mapping[str, Any] | str] = [
        batch_message(detection, place),
        unreadable_message(detection, json.dumps(count(5_002, 3)).encode()),
        {"digest": "digest#none"},
        "no JSON",
    ]
    detection.send(*documents)
    before, items = detection.messages(), detection.items()
    status, said = redrive("--dry-run", "--discard")
    assert status == 1
    assert "1 batch with 1 record, 1 payload, 1 mail would be sent through again; 1 message would be removed." in said
    assert f"Messages in the queue {detection.names.failed_queue}: 4." in said
    assert detection.messages() == before
    assert detection.items() == items
    assert detection.messages(detection.queue(detection.names.mail_queue)) == {}


def test_a_payload_that_stays_unreadable_stays_one_message_until_it_is_discarded(
    detection: Detection, redrive: Redrive
) -> None:
    detection.put([b"no row", count(6_001, 3), b"none either"])
    wait_until(lambda: len(detection.messages()) == 2, "the function has put both aside")
    for _ in range(2):
        status, said = redrive()
        assert status == 1
        assert said.count("which still cannot read it") == 2
        assert "It is not JSON" in said
        assert "0 payloads" in said
        datas = [json.loads(body)["unreadable"]["data"] for body in detection.messages().values()]
        assert sorted(map(base64.b64decode, datas)) == [b"no row", b"none either"]
    # Twice the same, as after a redrive that was killed between the function's call and the deletion.
    detection.send(*detection.messages().values())
    assert redrive()[0] == 1
    assert len(detection.messages()) == 2
    status, said = redrive("--discard")
    assert status == 0
    assert base64.b64encode(b"no row").decode() in said
    assert "2 messages removed" in said
    assert detection.messages() == {}


def test_a_payload_that_the_function_reads_now_is_stored(detection: Detection, redrive: Redrive) -> None:
    rows = {user: json.dumps(count(user, 12)).encode() for user in (6_101, 6_102, 6_103)}
    detection.send(*(unreadable_message(detection, data, str(user)) for user, data in rows.items()))
    detection.send(unreadable_message(detection, rows[6_101], "6101"))
    status, said = redrive()
    assert status == 0, said
    assert "3 payloads" in said
    assert "1 message that said the same as another removed" in said
    assert detection.windows(rows) == {user: [12] for user in rows}
    assert [times_named(detection.mails(), user) for user in (6_101,)] == [1]


def test_a_payload_that_its_message_does_not_hold_as_a_whole_is_read_from_the_stream(
    detection: Detection, redrive: Redrive
) -> None:
    """Of long ones the function keeps the beginning; here the whole is one that can be read by now."""
    detection.mapping(Enabled=False)
    whole = json.dumps(count(6_201, 4)).encode()
    (place,) = detection.put([whole])
    message = unreadable_message(detection, whole[:50], place["SequenceNumber"])
    message["unreadable"]["bytes"] = len(whole)
    gone = unreadable_message(detection, whole[:50], "49590338271490256608559692538361571095921575989136588898")
    gone["unreadable"]["bytes"] = len(whole)
    detection.send(message, gone)
    status, said = redrive()
    assert status == 1
    assert "holds its first 50 bytes, and the stream has it no more" in said
    assert detection.windows([6_201]) == {6_201: [4]}
    assert list(map(json.loads, detection.messages().values())) == [gone]


def test_a_mail_that_its_queue_gave_up_is_sent_once(detection: Detection, redrive: Redrive) -> None:
    detection.faults.ask("sns", "Publish", "InternalError", status=500)
    detection.put([count(6_301, 50)])

    def kept() -> list[str]:
        return [pk for pk, sk in detection.items() if pk.startswith("digest#") and sk == "user#6301"]

    (digest,) = wait_until(kept, "the function keeps the mail for later")
    # The delayed message of the function's own: the queue of mails has given it up.
    detection.client("sqs").purge_queue(QueueUrl=detection.queue(detection.names.mail_queue))
    detection.send({"digest": digest}, {"digest": digest})
    detection.faults.clear()
    status, said = redrive()
    assert status == 0, said
    assert "2 mails" in said
    mails: list[str] = []
    wait_until(lambda: mails.extend(detection.mails()) or mails, "the mail is sent")
    wait_until(lambda: not kept(), "the mail is forgotten")
    assert [times_named(mails + detection.mails(), 6_301)] == [1]


def test_a_mail_that_is_refused_when_its_time_has_come_is_tried_again_soon(detection: Detection) -> None:
    """The function asks the queue for its message sooner than the queue would give it by itself."""
    detection.faults.ask("sns", "Publish", "InternalError", status=500)
    detection.put([count(6_302, 50)])
    queue = detection.queue(detection.names.mail_queue)

    def refused() -> bool:
        """Whether the message was received, and so the digest refused, and waits for its next time."""
        attributes = detection.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return attributes["ApproximateNumberOfMessagesNotVisible"] == "1"

    wait_until(refused, "the mail is refused once more")
    detection.faults.clear()
    mails: list[str] = []
    wait_until(lambda: mails.extend(detection.mails()) or mails, "the mail is sent")
    assert times_named(mails, 6_302) == 1


def test_records_that_the_stream_keeps_no_more_are_said_and_their_message_stays(
    detection: Detection, redrive: Redrive
) -> None:
    detection.mapping(Enabled=False)
    places = detection.put([count(user, 3) for user in range(6_401, 6_404)])
    partly = batch_message(detection, places[0], batchSize=3)
    wholly = batch_message(detection, {**places[1], "ShardId": "shardId-000000000999"})
    detection.send(partly, wholly)
    status, said = redrive()
    assert status == 1
    assert "1 records went through the function; the stream has 2 of them no more" in said
    assert "0 records went through the function; the stream has 1 of them no more" in said
    assert "3 records no longer in the stream; 2 messages stay in the queue" in said
    assert detection.windows([6_401]) == {6_401: [3]}
    status, said = redrive("--discard")
    assert status == 0
    assert said.count("removed: {") == 2
    assert detection.messages() == {}


def test_a_broken_function_leaves_the_queue_as_it_is(detection: Detection, redrive: Redrive) -> None:
    detection.mapping(Enabled=False)
    places = detection.put([count(user, 3) for user in range(6_501, 6_511)])
    detection.send(*(batch_message(detection, place) for place in places))
    before = detection.messages()
    functions, name = detection.client("lambda"), detection.names.detection_function
    whole = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {key: whole[key] for key in whole if key != "TABLE_NAME"}}
    )
    try:
        status, said = redrive()
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": whole})
    assert status == 1
    assert "The environment variable TABLE_NAME is missing" in said
    assert "It failed 3 times in a row, so the rest was left in the queue" in said
    assert detection.messages() == before
    assert redrive()[0] == 0
    assert detection.windows(range(6_501, 6_511)) == {user: [3] for user in range(6_501, 6_511)}


def test_after_ctrl_c_it_is_said_what_is_done_and_the_rest_is_there_at_once(
    detection: Detection, redrive: Redrive
) -> None:
    detection.mapping(Enabled=False)
    users = range(6_601, 6_701)
    places = detection.put([count(user, 3) for user in users])
    detection.send(*(batch_message(detection, place) for place in places))
    # Its lines are more than the pipe holds, and are not read on: so it is in the middle, however fast it is.
    process = subprocess.Popen(
        [sys.executable, "-m", "ecomm.detection.redrive.command"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "plugins")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        pipesize=4096,
    )
    assert process.stdout
    begun = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    said, complaint = process.communicate(timeout=120)
    assert process.returncode == 130
    assert complaint.decode() == "Interrupted. What is not done is in the queue as before; run this again to go on.\n"
    done = sum(b"records went through the function" in line for line in [*begun, *said.splitlines()])
    # One may be done and not yet deleted, or deleted and not yet said.
    left = len(detection.messages())
    assert 3 <= done < len(users)
    assert abs(len(users) - done - left) <= 1
    assert redrive()[0] == 0
    assert detection.windows(users) == {user: [3] for user in users}


def test_a_missing_queue_is_named(detection: Detection, redrive: Redrive, monkeypatch: Any) -> None:
    from ecomm.settings import settings

    monkeypatch.setenv("ECOMM_FAILED_QUEUE", "nowhere")
    settings.cache_clear()
    status, said = redrive()
    assert status == 1
    assert said.startswith("There is no queue nowhere or ")
    assert "make deploy" in said


# Ten records of now, two of two hours later, and then it is a day and an hour later.
OLD_STREAM = """
import base64, sys
from pathlib import Path
from local.kinesis.store import Scope, StreamStore
from local.kinesis.stream import HOUR_MS
from local.kinesis.writing import checked, write

store = StreamStore(Path(sys.argv[1]))
stream = store.get(Scope("000000000000", "us-east-1"), "old")
entry = {"PartitionKey": "k", "Data": base64.b64encode(b"later").decode()}
write(stream, checked([entry, entry], stream), stream.created_ms + 2 * HOUR_MS, None)
stream.drop_expired(stream.created_ms + 25 * HOUR_MS)
store.close()
"""


def test_of_a_batch_that_begins_before_the_oldest_record_the_rest_is_found(tmp_path: Path) -> None:
    from ecomm.detection.redrive.messages import GivenUpBatch
    from ecomm.detection.redrive.stream import Stream

    port = free_port()
    platform = start_platform(tmp_path, port)
    try:
        kinesis = boto3.client("kinesis", endpoint_url=platform.endpoint)
        kinesis.create_stream(StreamName="old", ShardCount=1)
        entries = [{"Data": b"now", "PartitionKey": "k"}] * 10
        first = kinesis.put_records(StreamName="old", Records=entries)["Records"][0]
    finally:
        stop_platform(platform)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(ROOT / ".venv/local/bin/python"), "-c", OLD_STREAM, str(tmp_path / "aws" / "kinesis")]
    subprocess.run(command, env=environment, check=True)
    platform = start_platform(tmp_path, port)
    try:
        shard = first["ShardId"]
        oldest = kinesis.get_shard_iterator(StreamName="old", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        kept = kinesis.get_records(ShardIterator=oldest["ShardIterator"])["Records"]
        assert [record["Data"] for record in kept] == [b"later"] * 2
        arn = kinesis.describe_stream_summary(StreamName="old")["StreamDescriptionSummary"]["StreamARN"]
        batch = GivenUpBatch(arn, shard, first["SequenceNumber"], kept[-1]["SequenceNumber"], 12, "RecordAgeExceeded")
        assert [record["SequenceNumber"] for record in Stream(kinesis).batch(batch)] == [
            record["SequenceNumber"] for record in kept
        ]
    finally:
        stop_platform(platform)
