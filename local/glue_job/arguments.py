"""What a run's arguments mean: some are Glue's own, the rest are the script's.

Source: AWS Glue guide, "Using job parameters in AWS Glue jobs". Parameters of what only AWS has (auto scaling, metrics,
Spark UI, bookmarks, the Data Catalog as Spark's metastore) change nothing here; the script sees them, as on Glue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LOG_GROUP = "/aws-glue/jobs"
_SPARK_OWN = ("--conf", "--extra-py-files", "--extra-jars", "--extra-files", "--custom-logGroup-prefix")


class JobError(Exception):
    """Why a run cannot start: a sentence for the run's ErrorMessage."""


@dataclass(frozen=True)
class Arguments:
    """script: what follows the script's name in sys.argv. configurations: Spark's, each `key=value`.

    python_files, jars, files: S3 locations to bring along. log_group: what the run's log groups begin with.
    """

    script: list[str]
    configurations: list[str]
    python_files: list[str]
    jars: list[str]
    files: list[str]
    log_group: str


def merged(job: Mapping[str, Any], run_arguments: Mapping[str, str]) -> dict[str, str]:
    """The job's defaults under the run's own arguments under what a run may not override."""
    return {
        **(job.get("DefaultArguments") or {}),
        **run_arguments,
        **(job.get("NonOverridableArguments") or {}),
    }


def resolve(arguments: Mapping[str, str], job_name: str, run_id: str) -> Arguments:
    """Sorts a run's merged arguments. Raises JobError for one that the local platform cannot honour."""
    if modules := arguments.get("--additional-python-modules"):
        raise JobError(
            f"--additional-python-modules {modules}: the local platform installs nothing for a run; add the modules to "
            "requirements/spark.in and run make setup."
        )
    script = [
        word
        for name, value in {**arguments, "--JOB_NAME": job_name, "--JOB_RUN_ID": run_id}.items()
        if name not in _SPARK_OWN
        for word in (name, str(value))
    ]
    return Arguments(
        script=script,
        # Glue takes several settings in one argument: "a=1 --conf b=2".
        configurations=[part.strip() for part in arguments.get("--conf", "").split("--conf") if part.strip()],
        python_files=_locations(arguments, "--extra-py-files"),
        jars=_locations(arguments, "--extra-jars"),
        files=_locations(arguments, "--extra-files"),
        log_group=arguments.get("--custom-logGroup-prefix", LOG_GROUP).rstrip("/"),
    )


def _locations(arguments: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in arguments.get(name, "").split(",") if part.strip()]
