"""The price model: docs/cost.md is what it says, and its parts add up by hand."""

from __future__ import annotations

import re

import pytest

from bench import cost, prices
from bench.cost import MEASURED, RATES, Traffic
from bench.report import ROOT


def test_the_document_is_up_to_date() -> None:
    assert cost.DOCUMENT.read_text() == cost.document(), "Run .venv/airflow/bin/python -m bench.cost"


@pytest.mark.parametrize(
    ("count", "dollars"),
    [(0, 0), (11, 3.3), (10_000, 3_000), (10_001, 3_000.10), (1_000_001, 3_000 + 24_000 + 37_500.02)],
)
def test_custom_metrics_become_cheaper_with_their_number(count: int, dollars: float) -> None:
    assert prices.metric_months(count) == pytest.approx(dollars)


def test_a_bill_by_hand() -> None:
    """At 26 clicks a second a million take 10.68 hours, and nearly all batches hold one of the 21,165 counts."""
    lines = {line.what: line for line in cost.alerting(Traffic(26), MEASURED)}
    assert lines["DynamoDB, writes and reads"].published == pytest.approx(21_165.5 * 0.625e-6, rel=1e-4)
    assert lines["CloudWatch, PutMetricData"].published == pytest.approx(0.2117, rel=1e-3)
    assert lines["CloudWatch, PutMetricData"].ours == 0
    # 16,519 hours of metrics, 730 of which are a month of one.
    assert lines["CloudWatch, custom metrics"].published == pytest.approx(16_519 / 730 * 0.30, rel=1e-3)
    assert lines["CloudWatch, custom metrics"].ours == pytest.approx(12 * 10.684 / 730 * 0.30, rel=1e-3)
    assert lines["SNS, e-mails"].ours == pytest.approx(10 * (0.5e-6 + 2e-5))


def test_our_metrics_and_alarms_are_as_many_as_are_deployed() -> None:
    template = (ROOT / "infra" / "detection.yaml").read_text()
    assert template.count("Type: AWS::CloudWatch::Alarm\n") == cost.OUR_ALARMS
    written = (ROOT / "lambda" / "ecomm_detect_high_event_volume" / "batch.py").read_text()
    names = re.findall(r'^ +"([A-Z]\w+)": ', written, re.M) + re.findall(r'"(HighestCount|AlertDelay)"', written)
    assert len(set(names)) == cost.OUR_METRICS


@pytest.mark.parametrize("rate", RATES)
def test_alerting_costs_a_tenth_of_the_published_way(rate: int) -> None:
    lines = cost.alerting(Traffic(rate), MEASURED)
    assert sum(line.ours for line in lines) <= cost.BAR * sum(line.published for line in lines)


def test_the_measured_calls_are_those_of_the_benchmark() -> None:
    def batch(calls: dict[str, int]) -> dict[str, object]:
        return {"calls": calls, "seconds": 1.0, "log_bytes": 2000.0}

    found = {
        "ours": [batch({"dynamodb.BatchExecuteStatement": 42, "sns.Publish": 1})] * 2,
        "published": [batch({"dynamodb.PutItem": 1000, "cloudwatch.PutMetricData": 1000, "sns.Publish": 1000})],
    }
    assert cost.measured(found) == cost.Calls(0, 2000, 1000, 1000, 1000)


def test_airflows_bill_is_that_of_the_document() -> None:
    hour = prices.MWAA_ENVIRONMENT_HOUR["mw1.small"] + prices.NAT_GATEWAY_HOUR + prices.PUBLIC_ADDRESS_HOUR
    month = prices.MONTH_HOURS * hour + 10 * prices.MWAA_DATABASE_GB_MONTH
    assert f"| **standing still** | **{hour:.2f}** | **{month:.2f}** |" in cost.DOCUMENT.read_text()
    assert f"That is {month:.0f} USD a month" in (ROOT / "docs" / "deploy.md").read_text()
    endpoints = 11 * 2 * prices.ENDPOINT_HOUR
    assert f"are {endpoints:.2f} USD an hour" in (ROOT / "docs" / "decisions" / "0094-one-nat-gateway.md").read_text()
