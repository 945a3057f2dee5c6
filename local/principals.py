"""Under whose name the engines call: the access key of a process is the name of the role that its work runs under.

The platform takes any key, so one that says the role costs nothing, and the record of calls says who made each. Work
within the platform's own process acts as its role too, for as long as `acting_as` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Of whoever the platform knows no role of: a person, a test, the platform itself.
ANYBODY = "local"
# Of Airflow's tasks, which on AWS have the role of the environment.
AIRFLOW = "airflow"
# Of all Flink applications: they share one cluster, and so its credentials.
FLINK = "flink"

_acting: ContextVar[str] = ContextVar("principal", default=ANYBODY)


def of_role(arn: str | None) -> str:
    """The access key for what runs under this role; `local` where there is none."""
    return (arn or ANYBODY).rpartition("/")[2]


@contextmanager
def acting_as(principal: str) -> Iterator[None]:
    """Meanwhile and in this thread, the platform's clients are the principal's, and what is read is read by it.

    Also a decorator: of what is handed to another thread, which begins as nobody.
    """
    before = _acting.set(principal)
    try:
        yield
    finally:
        _acting.reset(before)


def acting() -> str:
    """Whoever work is done for: of a request, who made it."""
    return _acting.get()
