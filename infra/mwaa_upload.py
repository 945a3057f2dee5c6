"""The package of the Airflow environment (mwaa_package.py), and its copy in the environment's bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

FOLDER = Path("dist") / "mwaa"
DAGS = "dags/"
# The parameter of the template that takes the version of a file.
VERSIONS = {"plugins.zip": "PluginsVersion", "requirements.txt": "RequirementsVersion"}
NOT_UPLOADED = "(of the file to be uploaded)"


def files(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """The package's files by their keys in the bucket: those whose version the environment names, and the DAGs."""
    versioned = {key: folder / key for key in VERSIONS}
    dags = {path.relative_to(folder).as_posix(): path for path in sorted((folder / DAGS).iterdir())}
    return versioned, dags


def left_over(client: Any, bucket: str, dags: dict[str, Path]) -> list[str]:
    """The DAG files in the bucket that the package has no more; Airflow would go on showing them."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DAGS)
    return [entry["Key"] for page in pages for entry in page.get("Contents", []) if entry["Key"] not in dags]


def versions(client: Any, bucket: str) -> dict[str, str]:
    """By the template's parameter, the version of each file in the bucket."""
    return {parameter: _version(client, bucket, key) for key, parameter in VERSIONS.items()}


def _version(client: Any, bucket: str, key: str) -> str:
    try:
        return str(client.head_object(Bucket=bucket, Key=key)["VersionId"])
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return NOT_UPLOADED
        raise
