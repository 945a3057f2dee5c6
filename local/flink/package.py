"""The application's zip, unpacked for its run."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.flink.application import RUN_OPTIONS, Application
from local.flink.errors import ApplicationError


@dataclass(frozen=True)
class Package:
    """script: the Python program. jar: what it brings for Java, None for nothing."""

    folder: Path
    script: Path
    jar: Path | None


def fetch(s3: Any, application: Application, folder: Path) -> Package:
    """Unpacks the zip into `folder`, emptied before. s3: a boto3 client. Raises ApplicationError."""
    bucket, key, version = application.code
    where = f"s3://{bucket}/{key}"
    try:
        answer = s3.get_object(Bucket=bucket, Key=key, **({"VersionId": version} if version else {}))
        content = answer["Body"].read()
    except ClientError as error:
        reason = error.response["Error"]["Message"]
        raise ApplicationError(
            f"The code of application {application.name} cannot be read from {where}: {reason}"
        ) from error
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            archive.extractall(folder)
    except zipfile.BadZipFile as error:
        raise ApplicationError(f"{where}, the code of application {application.name}, is not a zip file.") from error
    script = application.run_option("python")
    if not script:
        raise ApplicationError(
            f"Property python of group {RUN_OPTIONS} is missing; the local platform runs Python applications, "
            "and it names their program."
        )
    jar = application.run_option("jarfile")
    return Package(
        folder, _member(folder, script, "python", where), _member(folder, jar, "jarfile", where) if jar else None
    )


def _member(folder: Path, name: str, key: str, where: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise ApplicationError(f"Property {key} of group {RUN_OPTIONS} names {name}, which is not in {where}.")
    return path
