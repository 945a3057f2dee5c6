"""All metrics: in memory for whoever asks, and in files so that neither a stop nor a kill loses one.

What was sent at high resolution is kept by the second for three hours, everything else by the minute for three days.
A journal takes each put before it is answered; once an hour all that is still kept is written anew without it.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from local.metrics.summary import Summary, merged

logger = logging.getLogger("local.metrics")

MINUTE = 60
SECONDS_KEPT = 3 * 3600
MINUTES_KEPT = 3 * 86400
REWRITE_SECONDS = 3600


class Metric(NamedTuple):
    """dimensions: pairs of name and value, sorted; a metric with others is another metric."""

    account: str
    region: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


class Datum(NamedTuple):
    """resolution: 1 or 60 seconds."""

    metric: Metric
    unit: str
    time: float
    resolution: int
    summary: Summary


@dataclass
class Series:
    """The values of a metric in one unit, by the time at which a second or minute begins."""

    seconds: dict[int, Summary] = field(default_factory=dict)
    minutes: dict[int, Summary] = field(default_factory=dict)

    def add(self, begin: int, resolution: int, summary: Summary) -> None:
        slots = self.seconds if resolution == 1 else self.minutes
        slots[begin] = merged((slots[begin], summary)) if begin in slots else summary

    def within(self, begin: int, end: int, high_resolution_only: bool) -> Iterator[tuple[int, Summary]]:
        for slots in (self.seconds,) if high_resolution_only else (self.seconds, self.minutes):
            yield from ((at, summary) for at, summary in slots.items() if begin <= at < end)

    def age(self, now: float) -> None:
        """Makes minutes of old seconds, and drops old minutes."""
        for at in [at for at in self.seconds if at < now - SECONDS_KEPT]:
            self.add(at // MINUTE * MINUTE, MINUTE, self.seconds.pop(at))
        for at in [at for at in self.minutes if at < now - MINUTES_KEPT]:
            del self.minutes[at]


class MetricStore:
    """Safe for threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._series: dict[Metric, dict[str, Series]] = {}
        self._tidying = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._load()
        self._number = max(map(_number, folder.glob("journal-*.jsonl")), default=0) + 1
        self._journal = self._path(self._number).open("a")
        self._rewritten = time.time()

    def put(self, data: Iterable[Datum]) -> None:
        """Kept when this returns."""
        lines = []
        with self._lock:
            for datum in data:
                begin = int(datum.time) if datum.resolution == 1 else int(datum.time) // MINUTE * MINUTE
                self._of(datum.metric, datum.unit).add(begin, datum.resolution, datum.summary)
                lines.append(_line(datum.metric, datum.unit, datum.resolution, {begin: datum.summary}))
            if lines:
                self._journal.writelines(lines)
                self._journal.flush()

    def summaries(self, metric: Metric, unit: str | None, begin: int, period: int, count: int) -> dict[int, Summary]:
        """By their begin, the periods that hold something, of `count` that follow each other from `begin` on.

        unit: None for all. A period of less than a minute sees only what was sent at high resolution.
        """
        found: dict[int, list[Summary]] = {}
        with self._lock:
            for of_unit, series in self._series.get(metric, {}).items():
                if unit in (None, of_unit):
                    for at, summary in series.within(begin, begin + period * count, period < MINUTE):
                        found.setdefault(begin + (at - begin) // period * period, []).append(summary)
        return {at: merged(parts) for at, parts in sorted(found.items())}

    def units(self, metric: Metric) -> list[str]:
        with self._lock:
            return list(self._series.get(metric, {}))

    def metrics(self, account: str, region: str) -> list[Metric]:
        """All that have a value."""
        with self._lock:
            return sorted(metric for metric in self._series if (metric.account, metric.region) == (account, region))

    def clear(self) -> None:
        with self._lock:
            self._series.clear()
        self.rewrite()

    def tidy(self) -> None:
        """To be called now and then, not in the event loop."""
        if time.time() >= self._rewritten + REWRITE_SECONDS:
            self.rewrite()

    def rewrite(self) -> None:
        """Drops what is too old, and writes all that is left into a file that stands for all journals before it."""
        with self._tidying:
            with self._lock:
                self._age()
                # Summaries do not change, so that shallow copies are a picture of this moment.
                picture = [
                    (metric, unit, dict(series.seconds), dict(series.minutes))
                    for metric, units in self._series.items()
                    for unit, series in units.items()
                ]
                replaced = self._number
                self._journal.close()
                self._number += 1
                self._journal = self._path(self._number).open("a")
                self._rewritten = time.time()
            unfinished = self._folder / "all.unfinished"
            with unfinished.open("w") as out:
                out.write(f"{replaced}\n")
                for metric, unit, seconds, minutes in picture:
                    for resolution, slots in ((1, seconds), (MINUTE, minutes)):
                        if slots:
                            out.write(_line(metric, unit, resolution, slots))
            unfinished.replace(self._folder / "all.jsonl")
            for path in self._folder.glob("journal-*.jsonl"):
                if _number(path) <= replaced:
                    path.unlink()

    def close(self) -> None:
        with self._lock:
            self._journal.flush()

    def _age(self) -> None:
        now = time.time()
        for metric, units in list(self._series.items()):
            for unit, series in list(units.items()):
                series.age(now)
                if not series.seconds and not series.minutes:
                    del units[unit]
            if not units:
                del self._series[metric]

    def _of(self, metric: Metric, unit: str) -> Series:
        return self._series.setdefault(metric, {}).setdefault(unit, Series())

    def _load(self) -> None:
        replaced = 0
        whole = self._folder / "all.jsonl"
        if whole.exists():
            with whole.open() as lines:
                replaced = int(next(lines))
                self._load_lines(whole, lines)
        for path in sorted(self._folder.glob("journal-*.jsonl"), key=_number):
            if _number(path) <= replaced:
                path.unlink()
                continue
            with path.open() as lines:
                self._load_lines(path, lines)
        self._age()

    def _load_lines(self, path: Path, lines: Iterable[str]) -> None:
        for line in lines:
            try:
                (account, region, namespace, name, dimensions), unit, resolution, slots = json.loads(line)
            except ValueError:
                # A kill in the middle of a put, which was not answered.
                logger.warning("A line of %s is broken and left out.", path)
                continue
            pairs = tuple((key, value) for key, value in dimensions)
            series = self._of(Metric(account, region, namespace, name, pairs), unit)
            for begin, samples, total, minimum, maximum, values in slots:
                kept = None if values is None else dict(values)
                series.add(begin, resolution, Summary(samples, total, minimum, maximum, kept))

    def _path(self, number: int) -> Path:
        return self._folder / f"journal-{number}.jsonl"


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("journal-"))


def _line(metric: Metric, unit: str, resolution: int, slots: Mapping[int, Summary]) -> str:
    kept = [
        (begin, *numbers, None if values is None else list(values.items()))
        for begin, (*numbers, values) in slots.items()
    ]
    return f"{json.dumps((metric, unit, resolution, kept), separators=(',', ':'))}\n"
