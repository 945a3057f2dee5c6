"""The one error of this platform's own: what a repetition of the task cannot heal."""

from __future__ import annotations

try:
    from airflow.sdk.exceptions import AirflowFailException
except ImportError:  # Airflow 3.0 keeps it elsewhere
    from airflow.exceptions import AirflowFailException  # type: ignore[no-redef]


class DataError(AirflowFailException):
    """Something given is wrong (a file, a parameter, a result); the task fails at once, without its retries.

    Its message is a sentence that names the thing, what is wrong with it, and what to do.
    """
