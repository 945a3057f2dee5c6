"""What a function is, as far as its process depends on it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local import principals

RUNTIME = "python3.13"
# What a function's own variables may not change. Source: "Defined runtime environment variables", Lambda's guide.
_RESERVED = (
    "AWS_LAMBDA_",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_EXECUTION_ENV",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
)


@dataclass(frozen=True)
class Function:
    """One version of a function; processes of equal ones are interchangeable.

    arn: without version. code: the hash of its zip. role: the name of its role.
    """

    arn: str
    version: str
    handler: str
    memory_mb: int
    timeout_seconds: int
    variables: tuple[tuple[str, str], ...]
    code: str
    log_group: str
    role: str = principals.ANYBODY

    @property
    def name(self) -> str:
        return self.arn.split(":")[6]

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> Function:
        """From what GetFunctionConfiguration answers."""
        variables = (configuration.get("Environment") or {}).get("Variables") or {}
        logging = configuration.get("LoggingConfig") or {}
        return cls(
            arn=":".join(configuration["FunctionArn"].split(":")[:7]),
            version=configuration.get("Version") or "$LATEST",
            handler=configuration["Handler"],
            memory_mb=int(configuration["MemorySize"]),
            timeout_seconds=int(configuration["Timeout"]),
            variables=tuple(sorted((name, str(value)) for name, value in variables.items())),
            code=base64.b64decode(configuration["CodeSha256"]).hex(),
            log_group=logging.get("LogGroup") or f"/aws/lambda/{configuration['FunctionName']}",
            role=principals.of_role(configuration.get("Role")),
        )


def why_unsupported(configuration: Mapping[str, Any]) -> str | None:
    """A sentence where nothing here runs such a function. Takes the members of CreateFunction, or some of them."""
    runtime = configuration.get("Runtime", RUNTIME)
    variables = (configuration.get("Environment") or {}).get("Variables") or {}
    reserved = sorted(name for name in variables if name.startswith(_RESERVED))
    log_format = (configuration.get("LoggingConfig") or {}).get("LogFormat", "Text")
    reasons = {
        "runs functions from zip files, not from container images": configuration.get("PackageType") == "Image",
        f"runs functions of the runtime {RUNTIME}, not {runtime}": runtime != RUNTIME,
        "has no layers; put their packages into the function's zip": bool(configuration.get("Layers")),
        f"writes a function's log as text (LogFormat Text), not as {log_format}": log_format != "Text",
        "has no SnapStart": (configuration.get("SnapStart") or {}).get("ApplyOn", "None") != "None",
        "has no durable functions": bool((configuration.get("DurableConfig") or {}).get("Enabled")),
        f"sets these variables itself: {', '.join(reserved)}": bool(reserved),
    }
    return next((f"The local platform {reason}." for reason, holds in reasons.items() if holds), None)
