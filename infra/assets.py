"""The files that jobs on AWS read from the artifacts bucket, uploaded where they differ from what is there."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.failures import DeployError

GLUE_SCRIPTS = "glue_scripts"
FLINK = "flink"
FLINK_ZIP = Path("target") / "flink-application.zip"
# The jar in it has the official Kinesis connector; a local Flink brings its own.
FLINK_ZIP_FOR_AWS = Path("target") / "aws" / "flink-application.zip"
FUNCTIONS = "functions"
FUNCTION = Path("lambda") / "ecomm_detect_high_event_volume"
FUNCTION_ZIP = Path("target") / "function.zip"


def glue_scripts(include: Path) -> dict[str, Path]:
    """The Spark scripts under `include` by their keys in the artifacts bucket.

    Raises DeployError where there is none: the job would be deployed without anything to run.
    """
    scripts = {f"{GLUE_SCRIPTS}/{path.name}": path for path in sorted((include / GLUE_SCRIPTS).glob("*.py"))}
    if not scripts:
        raise DeployError(f"{include / GLUE_SCRIPTS} holds no script for the Glue job; is the checkout complete?")
    return scripts


def flink_application(include: Path, for_aws: bool) -> tuple[str, Path]:
    """The Flink application's zip and its key in the artifacts bucket, which names its bytes.

    Raises DeployError where it has not been built.
    """
    path = include / FLINK / (FLINK_ZIP_FOR_AWS if for_aws else FLINK_ZIP)
    builder = "mvn -f include/flink/pom.xml -P aws package" if for_aws else "make setup"
    return _named_by_its_bytes(f"{FLINK}/{path.stem}", path, builder), path


def function(root: Path) -> tuple[str, Path]:
    """The Lambda function's zip and its key in the artifacts bucket, which names its bytes.

    Raises DeployError where it has not been built.
    """
    path = root / FUNCTION / FUNCTION_ZIP
    return _named_by_its_bytes(f"{FUNCTIONS}/{FUNCTION.name}", path, "make setup"), path


def _named_by_its_bytes(name: str, path: Path, builder: str) -> str:
    """A key under which CloudFormation sees that the code has changed."""
    if not path.is_file():
        raise DeployError(f"{path} is missing; `{builder}` builds it.")
    return f"{name}-{_digest(path)[:16]}{path.suffix}"


def outdated(client: Any, bucket: str, files: dict[str, Path]) -> dict[str, Path]:
    """Those of `files` whose object in the bucket is missing or was made of other bytes."""
    return {key: path for key, path in files.items() if _stored_digest(client, bucket, key) != _digest(path)}


def upload(client: Any, bucket: str, files: dict[str, Path]) -> None:
    for key, path in files.items():
        client.put_object(
            Bucket=bucket,
            Key=key,
            Body=path.read_bytes(),
            ContentType=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            Metadata={"sha256": _digest(path)},
        )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stored_digest(client: Any, bucket: str, key: str) -> str | None:
    try:
        stored: dict[str, str] = client.head_object(Bucket=bucket, Key=key)["Metadata"]
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    return stored.get("sha256")
