"""What the processes of functions find on this machine, and the variables that they are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.config import ACCOUNT_ID
from local.function.settings import Function


@dataclass(frozen=True)
class Host:
    """What all environments of this machine share.

    python: of the runtime. packages: what the runtime brings. bytecode: where Python keeps it.
    endpoint: of the platform, where the function's clients go. clients: of whoever acts, by service.
    """

    python: Path
    packages: Path
    bytecode: Path
    endpoint: str
    clients: Callable[[str], Any]


def variables(function: Function, code: Path, stream: str, host: Host) -> dict[str, str]:
    """The environment of the process, as AWS gives it, and the way to the platform.

    Source: "Defined runtime environment variables", Lambda's developer guide.
    """
    return {
        "PATH": f"{host.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        # No configuration or key of the user's is found there.
        "HOME": str(code),
        "PYTHONPATH": str(host.packages),
        "LAMBDA_TASK_ROOT": str(code),
        "LAMBDA_RUNTIME_DIR": str(host.packages),
        "_HANDLER": function.handler,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        # The platform takes a key of twelve digits for the account that it serves.
        "AWS_ACCESS_KEY_ID": function.role if function.account == ACCOUNT_ID else function.account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_ENDPOINT_URL": host.endpoint,
        **dict(function.variables),
    }
