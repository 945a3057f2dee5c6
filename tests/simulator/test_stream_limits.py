"""Against shards that take no more than AWS's: 1,000 records and 1 MiB a second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.stream_data_simulator import Options, stream_data_simulator
from simulator.stream_data_simulator.events import HEADERS
from tests.conftest import start_platform, stop_platform
from tests.simulator.conftest import RealStream, row


@pytest.fixture(scope="module")
def limited_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCAL_KINESIS_LIMITS", "1")
        running = start_platform(tmp_path_factory.mktemp("limited"))
    yield running.endpoint
    stop_platform(running)


@pytest.mark.parametrize("ordered", [False, True])
def test_a_full_shard_makes_it_wait_and_loses_nothing(
    limited_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ordered: bool
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", limited_endpoint)
    stream = RealStream(limited_endpoint, f"limited-{ordered}")
    stream.client.create_stream(StreamName=stream.name, ShardCount=1)
    stream.client.get_waiter("stream_exists").wait(StreamName=stream.name, WaiterConfig={"Delay": 1})
    path = tmp_path / "events.csv"
    path.write_text("\n".join([HEADERS[0].decode(), *(row(number, category_id=number) for number in range(4_000))]))
    summary = stream_data_simulator(Options(source=str(path), stream=stream.name, ordered=ordered))
    # A second's worth may be stored up at the beginning.
    assert summary.seconds >= 2.9
    assert summary.retried > 0
    assert summary.errors["ProvisionedThroughputExceededException"] == summary.retried
    # All of them in one second would need four; what was refused does not count.
    assert summary.needs.shards_busiest_second < 4
    assert Counter(event["product_id"] for event in stream.events()) == dict.fromkeys(range(4_000), 1)
