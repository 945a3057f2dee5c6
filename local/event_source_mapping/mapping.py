"""What a mapping's owner has set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INFINITE = -1
# What holds where the owner has set nothing. Source: CreateEventSourceMapping, Lambda's API.
STREAM_DEFAULTS: dict[str, Any] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "BisectBatchOnFunctionError": False,
    "FunctionResponseTypes": [],
    "MaximumRetryAttempts": INFINITE,
    "MaximumRecordAgeInSeconds": INFINITE,
    "DestinationConfig": {"OnFailure": {}},
    "TumblingWindowInSeconds": 0,
}
QUEUE_DEFAULTS: dict[str, Any] = {
    "BatchSize": 10,
    "MaximumBatchingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
}


@dataclass(frozen=True)
class Mapping:
    """One event source mapping of a Kinesis stream; its readers begin anew where anything in it changes.

    role: of the function, as events name it. max_retries, max_age_seconds: INFINITE where there is no limit.
    starting_timestamp: seconds since 1970, for the starting position AT_TIMESTAMP.
    destination: the ARN that is told of discarded records. filters: patterns as JSON; empty: all records pass.
    """

    id: str
    stream_arn: str
    function_arn: str
    role: str
    enabled: bool
    batch_size: int
    window_seconds: int
    parallelization: int
    bisects: bool
    reports_failures: bool
    max_retries: int
    max_age_seconds: int
    starting_position: str
    starting_timestamp: float | None
    destination: str | None
    filters: tuple[str, ...]

    @property
    def region(self) -> str:
        return self.stream_arn.split(":")[3]

    @property
    def account(self) -> str:
        return self.stream_arn.split(":")[4]

    @property
    def stream_name(self) -> str:
        return self.stream_arn.rpartition("/")[2]

    @property
    def function_name(self) -> str:
        return self.function_arn.split(":")[6]
