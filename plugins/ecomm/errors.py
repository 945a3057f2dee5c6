"""The one error of this platform's own, what a repetition of the task cannot heal; and where Airflow keeps its own."""

from __future__ import annotations

try:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:  # Airflow 3.0 keeps them elsewhere
    from airflow.exceptions import AirflowFailException, AirflowSkipException  # type: ignore[no-redef]

__all__ = ["AirflowSkipException", "DataError"]


class DataError(AirflowFailException):
    """Something given is wrong (a file, a parameter, a result); the task fails at once, without its retries.

    Its message is a sentence that names the thing, what is wrong with it, and what to do.
    """
