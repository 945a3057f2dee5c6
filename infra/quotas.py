"""What the stacks take of the account's quotas, and how much of each is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3


@dataclass(frozen=True)
class Quota:
    """stack: that which takes `needed` of it. service: as the console of Service Quotas names it."""

    stack: str
    what: str
    service: str
    needed: int
    left: Callable[[boto3.Session], float]


def _streams(session: boto3.Session) -> float:
    limits = session.client("kinesis").describe_limits()
    return float(limits["OnDemandStreamCountLimit"] - limits["OnDemandStreamCount"])


def _concurrency(session: boto3.Session) -> float:
    return float(session.client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"])


def _networks(session: boto3.Session) -> float:
    return _value(session, "vpc", "L-F678F1CE") - _count(session, "describe_vpcs", "Vpcs")


def _addresses(session: boto3.Session) -> float:
    return _value(session, "ec2", "L-0263D0A3") - len(session.client("ec2").describe_addresses()["Addresses"])


def _value(session: boto3.Session, service: str, code: str) -> float:
    quotas: Any = session.client("service-quotas")
    return float(quotas.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]["Value"])


def _count(session: boto3.Session, operation: str, member: str) -> int:
    return sum(len(page[member]) for page in session.client("ec2").get_paginator(operation).paginate())


QUOTAS = (
    Quota("streaming", "on-demand streams", "Amazon Kinesis Data Streams", 2, _streams),
    # Four shards are read by as many invocations, and mails and receipts by others.
    Quota("detection", "concurrent functions", "AWS Lambda", 10, _concurrency),
    Quota("mwaa", "networks (VPCs)", "Amazon VPC", 1, _networks),
    Quota("mwaa", "Elastic IP addresses", "Amazon EC2", 1, _addresses),
)
