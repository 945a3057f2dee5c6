"""What is put while the platform is stopped or killed is worked off afterwards, and little comes twice."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.conftest import start_platform, stop_platform
from tests.local.function.conftest import Aws
from tests.waiting import wait_until

RECORDS, BATCH, SHARDS = 2000, 50, 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stop", "kill"])
def test_a_mapping_goes_on_where_it_was(tmp_path: Path, how: int) -> None:
    running = start_platform(tmp_path / "var")
    port = int(running.endpoint.rpartition(":")[2])
    aws = Aws(running.endpoint, tmp_path)
    try:
        calls = aws.make_recorder("f", SLEEP="0.02")
        stream = aws.make_stream("s", SHARDS)
        key = aws.make_mapping(stream, "f", BatchSize=BATCH)
        aws.put("s", "first")
        calls.wait_for(1)
        state = tmp_path / "var/aws/state/lambda.json"
        wait_until(lambda: True if state.exists() and key in state.read_text() else None)
        acknowledged: list[str] = []
        sender = threading.Thread(target=send, args=(aws, acknowledged))
        sender.start()
        for so_many in (300, 900):
            calls.wait_for(so_many)
            stop_platform(running, how)
            running = start_platform(tmp_path / "var", port)
        sender.join()
        wait_until(lambda: True if set(acknowledged) <= set(calls.data) else None)
        # Records, not data: what the sender puts again, for want of an answer, is another record.
        handed_over = [(record["shard"], record["number"]) for record in calls.records]
        # At most the batches that ran at each of the two ends.
        assert len(handed_over) - len(set(handed_over)) <= 2 * SHARDS * BATCH
        assert aws.client("lambda").get_event_source_mapping(UUID=key)["State"] == "Enabled"
        aws.put("s", "last")
        wait_until(lambda: True if "last" in calls.data else None)
    finally:
        stop_platform(running)


def send(aws: Aws, acknowledged: list[str]) -> None:
    """Puts all records, each again until it is acknowledged."""
    for first in range(0, RECORDS, 20):
        data = [str(number) for number in range(first, first + 20)]
        while True:
            try:
                aws.put("s", *data)
            except (BotoCoreError, ClientError):
                threading.Event().wait(0.1)
                continue
            acknowledged += data
            break
