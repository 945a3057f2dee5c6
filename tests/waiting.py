"""Waiting for a state, whatever the machine's speed."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until[Found](
    look: Callable[[], Found | None], what: str = "it has not happened", seconds: float = 120
) -> Found:
    """What `look` gives once it gives something; fails with `what` is amiss after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"After {seconds} s {what}."
        time.sleep(0.05)
    return found
