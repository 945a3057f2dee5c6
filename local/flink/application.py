"""What an application is to run with, read from DescribeApplication's answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.flink.errors import ApplicationError

RUNTIME = "FLINK-2_2"
RUN_OPTIONS = "kinesis.analytics.flink.run.options"


@dataclass(frozen=True)
class Application:
    """One application as configured when it was read.

    code: bucket, key and version of the zip (version None: the latest). groups: PropertyMap by PropertyGroupId.
    checkpoint_milliseconds: (interval, shortest pause), None where checkpoints are off.
    log_stream: (group, stream) of its CloudWatch logging option, None where it has none.
    """

    name: str
    code: tuple[str, str, str | None]
    groups: Mapping[str, Mapping[str, str]]
    parallelism: int
    checkpoint_milliseconds: tuple[int, int] | None
    allow_non_restored_state: bool
    log_stream: tuple[str, str] | None

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> Application:
        """detail: ApplicationDetail. Raises ApplicationError for what the local platform cannot run."""
        name, runtime = detail["ApplicationName"], detail["RuntimeEnvironment"]
        if runtime != RUNTIME:
            raise ApplicationError(f"Application {name} asks for {runtime}; the local platform runs {RUNTIME}.")
        configuration = detail.get("ApplicationConfigurationDescription") or {}
        flink = configuration.get("FlinkApplicationConfigurationDescription") or {}
        checkpoints = flink.get("CheckpointConfigurationDescription") or {}
        described = configuration.get("EnvironmentPropertyDescriptions") or {}
        groups = described.get("PropertyGroupDescriptions") or []
        run = configuration.get("RunConfigurationDescription") or {}
        options = detail.get("CloudWatchLoggingOptionDescriptions") or []
        return cls(
            name=name,
            code=_code(name, configuration),
            groups={group["PropertyGroupId"]: dict(group.get("PropertyMap") or {}) for group in groups},
            parallelism=int(flink.get("ParallelismConfigurationDescription", {}).get("Parallelism") or 1),
            checkpoint_milliseconds=(
                (int(checkpoints["CheckpointInterval"]), int(checkpoints["MinPauseBetweenCheckpoints"]))
                if checkpoints.get("CheckpointingEnabled", True)
                else None
            ),
            allow_non_restored_state=bool(
                run.get("FlinkRunConfigurationDescription", {}).get("AllowNonRestoredState", False)
            ),
            log_stream=_log_stream(options[0]["LogStreamARN"]) if options else None,
        )

    def run_option(self, key: str) -> str | None:
        return self.groups.get(RUN_OPTIONS, {}).get(key)


def _code(name: str, configuration: Mapping[str, Any]) -> tuple[str, str, str | None]:
    content = (configuration.get("ApplicationCodeConfigurationDescription") or {}).get("CodeContentDescription") or {}
    location = content.get("S3ApplicationCodeLocationDescription") or {}
    bucket = location.get("BucketARN", "").rpartition(":::")[2]
    if not bucket or not location.get("FileKey"):
        raise ApplicationError(f"Application {name} has no code in S3: give it a bucket and a file key.")
    return bucket, location["FileKey"], location.get("ObjectVersion")


def _log_stream(arn: str) -> tuple[str, str]:
    """arn:aws:logs:<region>:<account>:log-group:<group>:log-stream:<stream>"""
    group, separator, stream = arn.partition(":log-group:")[2].partition(":log-stream:")
    if not separator:
        raise ApplicationError(f"The logging option {arn!r} is not the ARN of a log stream.")
    return group, stream
