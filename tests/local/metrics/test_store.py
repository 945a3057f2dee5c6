"""Metrics outlive the process, get coarser with age, and take no more room than what is kept of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from local.metrics.store import MINUTE, MINUTES_KEPT, SECONDS_KEPT, Datum, Metric, MetricStore
from local.metrics.summary import MOST_VALUES, Summary, merged

METRIC = Metric("000000000000", "us-east-1", "N", "m", (("a", "b"),))
NOW = int(time.time()) // MINUTE * MINUTE


def datum(value: float, at: float = NOW, resolution: int = 60, unit: str = "Count") -> Datum:
    return Datum(METRIC, unit, at, resolution, Summary.of_values({value: 1.0}))


def minute(store: MetricStore, at: int = NOW, unit: str | None = None) -> Summary | None:
    return store.summaries(METRIC, unit, at, MINUTE, 1).get(at)


def test_values_of_a_period_are_taken_together(tmp_path: Path) -> None:
    store = MetricStore(tmp_path)
    store.put([datum(1, NOW + 3), datum(5, NOW + 59), datum(9, NOW + 60)])
    found = minute(store)
    assert found is not None
    assert [found.statistic(name) for name in ("SampleCount", "Sum", "Average", "Minimum", "Maximum", "p50")] == [
        2, 6, 3, 1, 5, 3,
    ]  # fmt: skip


def test_a_short_period_sees_high_resolution_only(tmp_path: Path) -> None:
    store = MetricStore(tmp_path)
    store.put([datum(1, NOW + 3), datum(2, NOW + 3, 1), datum(4, NOW + 14, 1)])
    assert {at: one.total for at, one in store.summaries(METRIC, None, NOW, 10, 6).items()} == {NOW: 2, NOW + 10: 4}
    found = minute(store)
    assert found is not None and found.total == 7


def test_units_are_apart_where_one_is_asked_for(tmp_path: Path) -> None:
    store = MetricStore(tmp_path)
    store.put([datum(1), datum(2, unit="Seconds")])
    of_seconds, of_all = minute(store, unit="Seconds"), minute(store)
    assert of_seconds is not None and of_seconds.total == 2
    assert of_all is not None and of_all.total == 3


def test_another_process_finds_what_was_put(tmp_path: Path) -> None:
    store = MetricStore(tmp_path)
    store.put([datum(1), datum(2, NOW + 1, 1)])
    # Nothing was closed, as after a kill; and the last put was cut off.
    journal = next(tmp_path.glob("journal-*.jsonl"))
    journal.write_text(journal.read_text() + '[["000000000000","us-ea')
    again = MetricStore(tmp_path)
    again.put([datum(4)])
    third = MetricStore(tmp_path)
    assert minute(third) == Summary(3, 7, 1, 4, {1: 1, 4: 1, 2: 1})


def test_a_rewrite_keeps_every_value_once(tmp_path: Path) -> None:
    store = MetricStore(tmp_path)
    for value in range(5):
        store.put([datum(value)])
        store.rewrite()
        store.put([datum(value + 100)])
    found = minute(MetricStore(tmp_path))
    assert found is not None and (found.samples, found.total) == (10, 520)
    assert len(list(tmp_path.glob("journal-*.jsonl"))) <= 2


def test_seconds_become_minutes_and_old_minutes_go(tmp_path: Path) -> None:
    store = MetricStore(tmp_path)
    old, too_old = NOW - SECONDS_KEPT - MINUTE, NOW - MINUTES_KEPT - MINUTE
    store.put([datum(1, old + 1, 1), datum(2, old + 2, 1), datum(4, too_old)])
    store.rewrite()
    assert store.summaries(METRIC, None, old, 10, 6) == {}
    found = minute(store, old)
    assert found is not None and found.total == 3
    assert minute(store, too_old) is None
    assert MetricStore(tmp_path).metrics("000000000000", "us-east-1") == [METRIC]


def test_many_values_are_kept_in_little_room_and_percentiles_stay_near() -> None:
    summary = merged(Summary.of_values({float(value): 1.0}) for value in range(1, 5001))
    assert summary.values is not None and len(summary.values) < 3 * MOST_VALUES
    assert (summary.samples, summary.total, summary.maximum) == (5000, 12502500, 5000)
    for percent in (50, 90, 99):
        assert summary.statistic(f"p{percent}") == pytest.approx(percent * 50, rel=0.02)


def test_sums_have_no_percentiles_where_they_hide_values() -> None:
    assert Summary.of_statistics(3, 6, 1, 3).statistic("p90") is None
    assert Summary.of_statistics(3, 6, 2, 2).statistic("p90") == 2
