"""Finds what an earlier demo started with the same data and what is still at work: that is followed, not repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demo.airflow_api import Airflow, Run

AT_WORK = ("running", "queued")


def upload_at_work(airflow: Airflow, dag_id: str, conf: Mapping[str, Any], files: Sequence[str]) -> Run | None:
    """The upload of the same files that has not ended; None where there is none, or a file was changed since."""
    runs = airflow.runs(dag_id, *AT_WORK)
    return next((run for run in runs if run.conf == conf and _is_of(files, run)), None)


def batch_at_work(
    airflow: Airflow, upload: str, batch: str, conf: Mapping[str, Any], files: Sequence[str]
) -> tuple[str, str] | None:
    """The last upload and the run of `batch` that its data started, where that has not ended; else None.

    An upload of other files, or of files that were changed since, has brought other data.
    """
    last = next(iter(airflow.runs(upload, "success", limit=1)), None)
    at_work = {run.run_id for run in airflow.runs(batch, *AT_WORK)}
    if last is None or not at_work or last.conf != conf or not _is_of(files, last):
        return None
    caused = airflow.find_caused(upload, last.run_id, batch)
    return (last.run_id, caused) if caused in at_work else None


def _is_of(files: Sequence[str], run: Run) -> bool:
    """Whether the run read the files as they are now; nobody knows it of a file in S3."""
    if run.start is None:
        return not any(file.startswith("s3://") for file in files)
    return all(not file.startswith("s3://") and Path(file).stat().st_mtime < run.start.timestamp() for file in files)
