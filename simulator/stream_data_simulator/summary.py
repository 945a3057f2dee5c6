"""The closing account of a simulation: what was sent, how it spread over shards and keys, what it would need on AWS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

from .attacks import Label
from .delivery import Sender
from .kinesis import Stream
from .options import Options
from .reading import NAMED_ROWS, Reading, Unreadable
from .totals import ShardTotal, Totals

# AWS Kinesis Data Streams quotas: what one shard takes in a second.
SHARD_RECORDS, SHARD_BYTES = 1_000, 1 << 20
# AWS list prices of on-demand streams in us-east-1, 2026: a GB written, and an hour of the stream.
DOLLARS_PER_GB, DOLLARS_PER_HOUR = 0.08, 0.04


@dataclass(frozen=True)
class Needs:
    """What the run would need on AWS to go on at its pace; rates a second, of records and bytes of the stream."""

    shards: int  # for the mean rate, evenly spread
    shards_busiest_second: int
    shards_hottest_key: float  # a key lives in one shard: above 1 no number of shards is enough
    dollars_per_hour: float  # on demand, writing only
    dollars_per_million_events: float


@dataclass(frozen=True)
class Summary:
    """The account of one run; rates are a second, `shards` by shard id."""

    stream: str
    source: str
    seconds: float
    rows: int
    events_sent: int
    events_not_sent: int
    interrupted: bool
    last_line: int  # of the source, up to which every event was handed to the stream
    passes: int  # over the source, of which the last may be incomplete
    unreadable: Unreadable
    events_per_second: float
    records: int
    bytes: int
    requests: int
    retried: int
    perhaps_twice: int
    errors: dict[str, int]
    shards: dict[str, ShardTotal]
    open_shards: int
    partition_key: str
    hottest_key: str
    hottest_key_share: float
    hottest_key_exact: bool
    planted: list[Label]
    needs: Needs

    def as_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return asdict(self)

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def summarize(
    options: Options,
    stream: Stream,
    reading: Reading,
    totals: Totals,
    sender: Sender,
    *,
    labels: Sequence[Label],
    last_line: int,
    interrupted: bool,
) -> Summary:
    """The account of a run that has just ended."""
    seconds = max(monotonic() - totals.started, 1e-3)
    key, count = totals.keys.hottest()
    share = count / totals.keys.total if totals.keys.total else 0.0
    return Summary(
        stream=stream.name,
        source=options.source,
        seconds=seconds,
        rows=reading.rows,
        events_sent=totals.events,
        events_not_sent=sender.unsent.events,
        interrupted=interrupted,
        last_line=last_line,
        passes=reading.passes,
        unreadable=reading.unreadable,
        events_per_second=totals.events / seconds,
        records=totals.records,
        bytes=totals.bytes,
        requests=totals.requests,
        retried=totals.retried,
        perhaps_twice=totals.perhaps_twice,
        errors=dict(totals.errors),
        shards=dict(sorted(totals.shards.items())),
        open_shards=stream.shards,
        partition_key=options.partition_key,
        hottest_key=key,
        hottest_key_share=share,
        hottest_key_exact=not totals.keys.missed,
        planted=list(labels),
        needs=needs(totals, seconds, share),
    )


def needs(totals: Totals, seconds: float, hottest_share: float) -> Needs:
    """hottest_share: the share of the most frequent key in the records."""
    records, size = totals.records / seconds / SHARD_RECORDS, totals.bytes / seconds / SHARD_BYTES
    busiest = totals.busiest_second
    dollars = totals.billed_bytes / (1 << 30) * DOLLARS_PER_GB
    return Needs(
        shards=math.ceil(max(records, size)),
        shards_busiest_second=math.ceil(max(busiest.records / SHARD_RECORDS, busiest.bytes / SHARD_BYTES)),
        shards_hottest_key=hottest_share * max(records, size),
        dollars_per_hour=DOLLARS_PER_HOUR + dollars / seconds * 3600,
        dollars_per_million_events=dollars / totals.events * 1e6 if totals.events else 0.0,
    )


def _lines(summary: Summary) -> Sequence[str]:
    what = "interrupted" if summary.interrupted else "done"
    lines = [
        f"{summary.source} to {summary.stream}, {what}: {summary.events_sent:,} events sent "
        f"in {summary.seconds:,.1f} s, {summary.events_per_second:,.0f} a second",
        f"  read       {summary.rows:,} rows, up to line {summary.last_line:,} of pass {summary.passes}",
        f"  records    {summary.records:,} with {summary.bytes:,} bytes in {summary.requests:,} requests; "
        f"{summary.retried:,} sent again",
    ]
    if summary.errors:
        lines.append("  errors     " + ", ".join(f"{count:,} {code}" for code, count in summary.errors.items()))
    if summary.perhaps_twice:
        lines.append(f"  twice?     {summary.perhaps_twice:,} records got no answer and were sent again")
    if summary.events_not_sent:
        lines.append(f"  NOT SENT   {summary.events_not_sent:,} events")
    if summary.unreadable.rows:
        lines.append(f"  unreadable {summary.unreadable.rows:,} rows, left out:")
        lines += [f"             {row}" for row in summary.unreadable.first]
        if summary.unreadable.rows > NAMED_ROWS:
            lines += [
                f"             in all {count:,}: {reason}" for reason, count in summary.unreadable.reasons.items()
            ]
    lines += [
        f"  planted    {label.kind}: {label.events:,} events of {len(label.user_ids):,} users"
        for label in summary.planted
    ]
    for shard, total in sorted(summary.shards.items()):
        lines.append(
            f"  {shard} {total.records:>12,} records {total.bytes:>15,} bytes {total.records / summary.records:6.1%}"
        )
    empty = summary.open_shards - len(summary.shards)
    if empty > 0:
        lines.append(f"  {empty} of the {summary.open_shards} shards got nothing")
    if summary.records:
        about = "" if summary.hottest_key_exact else "at least "
        lines.append(
            f"  hottest key {summary.hottest_key} of {summary.partition_key}: {about}{summary.hottest_key_share:.1%}"
        )
    lines += _needs_lines(summary)
    return lines


def _needs_lines(summary: Summary) -> Sequence[str]:
    on_aws = summary.needs
    if not summary.records:
        return []
    lines = [
        f"  on AWS     {on_aws.shards:,} shards at this rate, {on_aws.shards_busiest_second:,} in its busiest second; "
        f"on demand {on_aws.dollars_per_hour:,.2f} $ an hour, "
        f"{on_aws.dollars_per_million_events:.3f} $ a million events written"
    ]
    if on_aws.shards_hottest_key > 1:
        lines.append(
            f"             the hottest key alone fills {on_aws.shards_hottest_key:.1f} shards, but lives in one: "
            f"send at most {summary.events_per_second / on_aws.shards_hottest_key:,.0f} events a second, "
            "or choose a key such as user_id"
        )
    return lines
