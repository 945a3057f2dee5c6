"""AWS's list prices in us-east-1, in US dollars, without free tiers and discounts: the one place for them.

Source: the services' pricing pages (aws.amazon.com/<service>/pricing), as known on 24 November 2026. They were written
down on a machine that does not reach AWS, from copies of these pages: look there before money depends on a figure.
"""

from __future__ import annotations

MONTH_HOURS = 730

KINESIS_STREAM_HOUR = 0.04  # on demand
KINESIS_GB_IN = 0.08  # each record rounded up to 1 KB
KINESIS_GB_OUT = 0.04
FIREHOSE_GB = 0.029  # each record rounded up to 5 KB
FLINK_KPU_HOUR = 0.11
FLINK_STORAGE_GB_MONTH = 0.10
LAMBDA_REQUEST = 0.20e-6
LAMBDA_GB_SECOND = 0.0000166667  # x86
DYNAMODB_WRITE = 0.625e-6  # on demand, an item of up to 1 KB; each index that has the item is another
DYNAMODB_READ = 0.125e-6  # on demand, consistent, up to 4 KB
METRIC_CALL = 0.01 / 1000
LOGS_GB = 0.50
ALARM_MONTH = 0.10
DASHBOARD_MONTH = 3.00
SNS_PUBLISH = 0.50e-6
SNS_MAIL = 2.00 / 100_000
SQS_REQUEST = 0.40e-6
MWAA_ENVIRONMENT_HOUR = {"mw1.small": 0.49, "mw1.medium": 0.74, "mw1.large": 0.99}
MWAA_WORKER_HOUR = {"mw1.small": 0.055, "mw1.medium": 0.11, "mw1.large": 0.22}
MWAA_DATABASE_GB_MONTH = 0.10
NAT_GATEWAY_HOUR = 0.045
NAT_GB = 0.045
ENDPOINT_HOUR = 0.01  # of one service in one zone
PUBLIC_ADDRESS_HOUR = 0.005

# Custom metrics cost by the hour in which they get a value; so many of a month at so much each.
METRIC_MONTHS = ((10_000, 0.30), (240_000, 0.10), (750_000, 0.05), (float("inf"), 0.02))


def metric_months(count: float) -> float:
    """What so many custom metrics cost for a month."""
    total = 0.0
    for size, price in METRIC_MONTHS:
        total += min(count, size) * price
        count -= min(count, size)
    return total
