"""What has to end before the platform does."""

from __future__ import annotations

from collections.abc import Callable

_ends: list[Callable[[], None]] = []


def at_close(end: Callable[[], None]) -> None:
    """`end` is called when the platform is asked to stop."""
    _ends.append(end)


def close() -> None:
    """Ends what the engines run; called while the platform still answers and before its state is saved at the end."""
    for end in _ends:
        end()
