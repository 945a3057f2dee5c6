"""The files of a shard: torn ends, segments, what is dropped for its age."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from local.kinesis import shard_log
from local.kinesis.shard_log import ShardLog, data_of, line

NOW = 1_700_000_000_000


def fill(log: ShardLog, first: int, last: int, arrival_ms: int = NOW) -> None:
    """Appends the records of these numbers, each a millisecond after the one before."""
    for n in range(first, last):
        log.append([line(arrival_ms + n, 10**55 + n, '"k"', f"{n:04d}")], arrival_ms + n)


def data(log: ShardLog, position: int, limit: int = 10_000) -> list[str]:
    """The data of all records from `position` on."""
    found = []
    while (chunk := log.read(position, limit, 1 << 20)).count:
        found += [data_of(each).decode() for each in chunk.lines.splitlines()]
        position = chunk.next
    return found


def numbers(first: int, last: int) -> list[str]:
    return [f"{n:04d}" for n in range(first, last)]


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_log, "SEGMENT_BYTES", 1_000)


def test_stored_lines_are_the_json_of_get_records(tmp_path: Path) -> None:
    log = ShardLog(tmp_path)
    log.append([line(1_700_000_000_123, 7, '"k"', "YQ==", ',"EncryptionType":"KMS"')], 1)
    assert json.loads(log.read(0, 1, 1).lines.rstrip(b",\n")) == {
        "ApproximateArrivalTimestamp": 1_700_000_000.123,
        "SequenceNumber": "7",
        "PartitionKey": "k",
        "Data": "YQ==",
        "EncryptionType": "KMS",
    }


def test_records_survive_and_a_torn_one_is_cut_off(tmp_path: Path) -> None:
    fill(ShardLog(tmp_path), 0, 5)
    (segment,) = tmp_path.iterdir()
    whole = segment.read_bytes()
    segment.write_bytes(whole + b'{"ApproximateArrivalTimestamp":0000000001.005,"Sequ')
    again = ShardLog(tmp_path)
    assert (again.next, again.last_ms) == (5, NOW + 4)
    assert segment.read_bytes() == whole
    fill(again, 5, 7)
    assert data(ShardLog(tmp_path), 0) == numbers(0, 7)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ShardLog(tmp_path)
    fill(log, 0, 2)
    whole = next(tmp_path.iterdir()).read_bytes()
    real_write = os.write

    def half(file: int, text: memoryview) -> int:
        real_write(file, text[: len(text) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space left"):
        fill(log, 2, 3)
    monkeypatch.undo()
    assert next(tmp_path.iterdir()).read_bytes() == whole
    fill(log, 2, 3)
    assert data(log, 0) == numbers(0, 3)


@pytest.mark.usefixtures("small_segments")
def test_reading_goes_on_over_segments_also_after_a_restart(tmp_path: Path) -> None:
    log = ShardLog(tmp_path)
    fill(log, 0, 50)
    assert len(list(tmp_path.iterdir())) > 5
    for opened in (log, ShardLog(tmp_path)):
        for position in (0, 1, 17, 49, 50, 99):
            assert data(opened, position) == numbers(position, 50)
        assert data(opened, 3, limit=2) == numbers(3, 50)
        for time_ms, position in ((0, 0), (1, 1), (33, 33), (49, 49), (50, 50), (-NOW, 0)):
            assert opened.position_at(NOW + time_ms) == position


@pytest.mark.usefixtures("small_segments")
def test_old_segments_go_whole_and_counts_stay(tmp_path: Path) -> None:
    log = ShardLog(tmp_path)
    fill(log, 0, 50)
    log.drop_before(NOW + 25)
    assert 0 < log.first <= 25
    assert data(log, 0) == numbers(log.first, 50)
    log.drop_before(NOW + 49)
    assert data(log, 0)[-1] == "0049"
    log.drop_before(NOW + 50)
    assert (log.first, log.next, data(log, 0)) == (50, 50, [])
    again = ShardLog(tmp_path)
    assert (again.first, again.next) == (50, 50)
    fill(again, 50, 52)
    assert data(again, 0) == numbers(50, 52)


@pytest.mark.usefixtures("small_segments")
def test_what_was_delivered_goes(tmp_path: Path) -> None:
    log = ShardLog(tmp_path)
    fill(log, 0, 50)
    log.drop_to(20)
    assert 0 < log.first <= 20
    log.drop_to(50)
    assert (log.first, log.next, len(list(tmp_path.iterdir()))) == (50, 50, 1)


def test_an_hour_makes_a_segment(tmp_path: Path) -> None:
    log = ShardLog(tmp_path)
    fill(log, 0, 2)
    assert len(list(tmp_path.iterdir())) == 1
    fill(log, 2, 4, arrival_ms=NOW + 3_600_000)
    assert len(list(tmp_path.iterdir())) == 2
    log.drop_before(NOW + 3_000_000)
    assert data(log, 0) == numbers(2, 4)


def test_an_answer_is_bounded_by_bytes_and_has_one_record_at_least(tmp_path: Path) -> None:
    log = ShardLog(tmp_path)
    fill(log, 0, 10)
    # A key of one byte and data of four.
    assert [log.read(0, 10, size).count for size in (1, 5, 14, 15, 49, 50, 1000)] == [1, 1, 2, 3, 9, 10, 10]
    assert log.data_bytes(0) == 10 * 5 * 3 // 4
    assert log.data_bytes(7) == 3 * 5 * 3 // 4
    assert log.data_bytes(10) == 0
