"""What a million clicks cost on AWS by list prices: our alerting against the published copies'.

Kinesis, Flink and the archive are the same for both and are shown apart. Bar: a tenth for the part that differs. What
a function calls for a batch is as `bench.function` measured it; `python -m bench.cost` brings docs/cost.md up to date
from the calls written down here, a benchmark's run takes those of this machine's last run.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass

from bench import function, prices
from bench.report import ROOT, Figure, console, folder, report

DOCUMENT = ROOT / "docs" / "cost.md"
BEGIN, END = "<!-- made by python -m bench.cost -->\n", "<!-- end -->\n"
CLICKS = 1_000_000
# The data set's average, and a large shop.
RATES = (26, 1_000)
BAR = 0.1

# Of the 17,434 real rows of 1 October: windows of 10 s with more than one click of a user, and users in them an hour.
ROWS_A_CLICK = 369 / 17_434
USER_HOURS_A_ROW = 288 / 369
# Users over the threshold, in a million clicks.
ATTACKS = 10
# An attack's early count, its replacement by the final one, the entry of the index of worst users and its change, the
# episode, its entry in the block list, two marks, and the minute's counter of mails.
WRITES_AN_ATTACK = 9
READS_AN_ATTACK = 4
CLICK_KB, COUNT_KB, ARCHIVE_KB = 1, 1, 5
SHARDS = 4
# Lambda asks each shard about once a second.
POLLS_A_SECOND = 1.0
CALL_MS = 10.0
START_AND_END_MS = 5.0
# What Lambda itself logs of an invocation.
LOG_BYTES = 270
# Five readers of the queue of mails, each waiting 20 s.
QUEUE_READS_AN_HOUR = 900
OUR_GB, PUBLISHED_GB = 0.5, 0.125
OUR_METRICS, OUR_ALARMS = 12, 5
# Calls of ours that go side by side, and items a call.
SIDE_BY_SIDE, ITEMS_A_CALL = 8, 25


@dataclass(frozen=True)
class Calls:
    """Of a batch of 1,000 counts, as measured. log_bytes: of ours an invocation."""

    our_metric_calls: float
    our_log_bytes: float
    published_puts: float
    published_metric_calls: float
    published_publishes: float


MEASURED = Calls(
    our_metric_calls=0,
    our_log_bytes=3_000,
    published_puts=1_000,
    published_metric_calls=1_000,
    published_publishes=1_000,
)


@dataclass(frozen=True)
class Line:
    """A line of the bill for a million clicks, in dollars."""

    what: str
    ours: float
    published: float


@dataclass(frozen=True)
class Traffic:
    rate: float

    @property
    def hours(self) -> float:
        return CLICKS / self.rate / 3600

    @property
    def rows(self) -> float:
        return CLICKS * ROWS_A_CLICK

    @property
    def rows_a_batch(self) -> float:
        return max(1.0, self.rate * ROWS_A_CLICK / SHARDS / POLLS_A_SECOND)

    @property
    def months(self) -> float:
        return self.hours / prices.MONTH_HOURS


def shared(traffic: Traffic) -> list[tuple[str, float]]:
    gigabyte = 1 << 20  # in KB
    clicks = CLICKS * CLICK_KB / gigabyte
    counts = traffic.rows * COUNT_KB / gigabyte
    streams = 2 * traffic.hours * prices.KINESIS_STREAM_HOUR
    # Stream 1 is read by Flink and by Firehose, stream 2 by Lambda.
    data = (clicks + counts) * prices.KINESIS_GB_IN + (2 * clicks + counts) * prices.KINESIS_GB_OUT
    # One that works and one that orchestrates.
    flink = traffic.hours * 2 * prices.FLINK_KPU_HOUR + 50 * traffic.months * prices.FLINK_STORAGE_GB_MONTH
    archive = CLICKS * ARCHIVE_KB / gigabyte * prices.FIREHOSE_GB
    return [
        ("Kinesis, two streams on demand", streams + data),
        ("Managed Flink, 2 KPU", flink),
        ("Firehose, archive of the clicks", archive),
    ]


def alerting(traffic: Traffic, calls: Calls) -> list[Line]:
    batches = traffic.rows / traffic.rows_a_batch
    thousands = traffic.rows / 1000
    our_rounds = math.ceil(math.ceil(traffic.rows_a_batch / ITEMS_A_CALL) / SIDE_BY_SIDE)
    published_calls = (calls.published_puts + calls.published_metric_calls + calls.published_publishes) / 1000
    seconds = {
        "ours": (START_AND_END_MS + our_rounds * CALL_MS) / 1000,
        "published": (START_AND_END_MS + published_calls * traffic.rows_a_batch * CALL_MS) / 1000,
    }
    publishes = calls.published_publishes * thousands
    return [
        Line(
            "DynamoDB, writes and reads",
            (traffic.rows + ATTACKS * WRITES_AN_ATTACK) * prices.DYNAMODB_WRITE
            + ATTACKS * READS_AN_ATTACK * prices.DYNAMODB_READ,
            calls.published_puts * thousands * prices.DYNAMODB_WRITE,
        ),
        Line("Lambda, invocations", batches * prices.LAMBDA_REQUEST, batches * prices.LAMBDA_REQUEST),
        Line(
            "Lambda, time",
            batches * seconds["ours"] * OUR_GB * prices.LAMBDA_GB_SECOND,
            batches * seconds["published"] * PUBLISHED_GB * prices.LAMBDA_GB_SECOND,
        ),
        Line(
            "CloudWatch, custom metrics",
            _metrics(OUR_METRICS * traffic.hours, traffic),
            _metrics(traffic.rows * USER_HOURS_A_ROW, traffic),
        ),
        Line(
            "CloudWatch, PutMetricData",
            calls.our_metric_calls * thousands * prices.METRIC_CALL,
            calls.published_metric_calls * thousands * prices.METRIC_CALL,
        ),
        Line(
            "CloudWatch, logs",
            batches * (calls.our_log_bytes + LOG_BYTES) / (1 << 30) * prices.LOGS_GB,
            batches * LOG_BYTES / (1 << 30) * prices.LOGS_GB,
        ),
        Line(
            "CloudWatch, alarms and dashboard",
            traffic.months * (OUR_ALARMS * prices.ALARM_MONTH + prices.DASHBOARD_MONTH),
            0,
        ),
        Line(
            "SNS, e-mails",
            ATTACKS * (prices.SNS_PUBLISH + prices.SNS_MAIL),
            publishes * (prices.SNS_PUBLISH + prices.SNS_MAIL),
        ),
        Line("SQS, mails that wait", traffic.hours * QUEUE_READS_AN_HOUR * prices.SQS_REQUEST, 0),
    ]


def _metrics(hours: float, traffic: Traffic) -> float:
    """hours: in which a metric gets a value, summed over the metrics of a million clicks."""
    a_month = hours / traffic.months / prices.MONTH_HOURS
    return prices.metric_months(a_month) * traffic.months


def run() -> bool:
    """Whether the bar was reached, with what the function called on this machine."""
    path = folder() / "function.json"
    if not path.exists():
        function.run()
    calls = measured(json.loads(path.read_text())["details"])
    figures, details = [], {}
    for rate in RATES:
        lines = alerting(Traffic(rate), calls)
        ours, published = sum(line.ours for line in lines), sum(line.published for line in lines)
        figures.append(Figure(f"alerting, {rate:,} clicks a second", ours, published, "$ a million clicks", BAR, True))
        details[str(rate)] = {line.what: (line.ours, line.published) for line in lines} | dict(shared(Traffic(rate)))
    return report("cost", figures, details)


def measured(found: dict[str, list[dict[str, object]]]) -> Calls:
    """From what `bench.function` wrote down."""

    def mean(way: str, call: str) -> float:
        batches = [batch["calls"] for batch in found[way]]
        return sum(dict(calls).get(call, 0) for calls in batches) / len(batches)  # type: ignore[call-overload]

    sizes = [float(str(batch["log_bytes"])) for batch in found["ours"]]
    return Calls(
        our_metric_calls=mean("ours", "cloudwatch.PutMetricData"),
        our_log_bytes=sum(sizes) / len(sizes),
        published_puts=mean("published", "dynamodb.PutItem"),
        published_metric_calls=mean("published", "cloudwatch.PutMetricData"),
        published_publishes=mean("published", "sns.Publish"),
    )


def tables() -> str:
    """The part of docs/cost.md that is made here."""
    traffics = [Traffic(rate) for rate in RATES]
    rates = [f"{rate:,} clicks/s" for rate in RATES]
    heads = [f"{rate}: {whose}" for rate in rates for whose in ("ours", "published")]
    lines = [["$ a million clicks", *heads], ["---", *["---:"] * len(heads)]]
    bills = [alerting(traffic, MEASURED) for traffic in traffics]
    for same in zip(*bills, strict=True):
        lines.append([same[0].what, *(_dollars(value) for line in same for value in (line.ours, line.published))])
    sums = [(sum(line.ours for line in bill), sum(line.published for line in bill)) for bill in bills]
    lines.append(["**alerting**", *(f"**{_dollars(value)}**" for pair in sums for value in pair)])
    lines.append(["ours / published", *(cell for ours, theirs in sums for cell in (f"{ours / theirs:.1%}", ""))])
    for same_shared in zip(*map(shared, traffics), strict=True):
        lines.append([same_shared[0][0], *(_dollars(value) for _, value in same_shared for _ in range(2))])
    wholes = [sum(value for _, value in shared(traffic)) for traffic in traffics]
    cells = [whole + part for whole, pair in zip(wholes, sums, strict=True) for part in pair]
    lines.append(["**all**", *(f"**{_dollars(value)}**" for value in cells)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def document() -> str:
    """docs/cost.md as it should be."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    return before + BEGIN + tables() + END + rest.partition(END)[2]


def _dollars(value: float) -> str:
    return "0" if value == 0 else f"{value:.2f}" if value >= 0.995 else f"{value:.4f}"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
    console.print(f"written to {DOCUMENT}")
    sys.exit(0)
