"""Finds the files that DATASET names, before anything starts."""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Sequence
from pathlib import Path

from demo import DemoError

ENDINGS = (".csv", ".zip")


def named(dataset: str, folder: Path) -> list[str]:
    """The paths in the text of DATASET: one path, or several with spaces between them, quoted where they hold spaces.

    A text that as a whole is the path of a file, seen from `folder`, is one path. Raises DemoError for an open quote.
    """
    if (folder / dataset.strip()).is_file():
        return [dataset.strip()]
    try:
        return shlex.split(dataset)
    except ValueError as error:
        raise DemoError(f"DATASET={dataset!r} cannot be read: {error}. Quote a path that holds spaces.") from error


def located(paths: Sequence[str], folder: Path) -> list[str]:
    """The same paths made absolute from `folder`; s3:// addresses stay as they are.

    Raises DemoError that names every path which is no readable CSV or zip.
    """
    found, wrong = [], []
    for path in paths:
        if path.startswith("s3://"):
            found.append(path)
            continue
        absolute = (folder / Path(path).expanduser()).resolve()
        reason = _unusable(absolute)
        if reason:
            wrong.append(f"{absolute} {reason}")
        found.append(str(absolute))
    if wrong:
        raise DemoError(f"The data set cannot be used: {'; '.join(wrong)}. Name CSV files or zips of them.")
    return found


def members(path: str) -> list[zipfile.ZipInfo] | None:
    """The files in a zip without what macOS adds; None for what is no zip, or one whose directory is damaged."""
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError):
        return None
    return [member for member in found if not member.is_dir() and not member.filename.startswith("__MACOSX/")]


def _unusable(path: Path) -> str | None:
    if not path.exists():
        return "does not exist"
    if not path.is_file():
        return "is not a file"
    if path.suffix.lower() not in ENDINGS:
        return "ends neither in .csv nor in .zip"
    try:
        with path.open("rb") as file:
            return None if file.read(1) else "is empty"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
