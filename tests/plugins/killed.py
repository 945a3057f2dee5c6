"""A process that is killed after each of its calls that changes something in S3; what it reads makes no difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CHANGES = ("Copy", "Complete", "Create", "Delete", "Put", "Upload")


class KilledError(Exception):
    """Stands for the end of a process: after it no call goes out, whatever is caught or cleaned up."""


@contextmanager
def killed_after(s3: Any, changes: int) -> Iterator[None]:
    """Ends what runs in the block with KilledError at its first call of S3 after so many changes."""
    answered = 0

    def before(**_: Any) -> None:
        if answered >= changes:
            raise KilledError

    def after(model: Any, **_: Any) -> None:
        nonlocal answered
        answered += model.name.startswith(CHANGES)

    s3.meta.events.register("before-call.s3", before)
    s3.meta.events.register("after-call.s3", after)
    try:
        yield
    finally:
        s3.meta.events.unregister("before-call.s3", before)
        s3.meta.events.unregister("after-call.s3", after)


def kill_after_each_change(s3: Any, prepare: Callable[[], object], run: Callable[[], object]) -> Iterator[int]:
    """Kills `run` after its first change in S3, after its second, and so on until it comes to its end.

    `prepare` is called before each. Yields the number of changes after each kill.
    """
    changes = 1
    while True:
        prepare()
        try:
            with killed_after(s3, changes):
                run()
        except KilledError:
            yield changes
            changes += 1
        else:
            return
