"""Glue jobs: runs the uploaded script by spark-submit, as Glue would, on this machine."""

from local.glue_job.engine import ConcurrentRunsExceededError, JobEngine, UnknownRunError

__all__ = ["ConcurrentRunsExceededError", "JobEngine", "UnknownRunError"]
