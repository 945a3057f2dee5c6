"""How long an invocation may still go on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

# Kept for the answer: what is begun later might be cut off by the time-out with its outcome unknown.
RESERVE_SECONDS = 3.0
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0


class OutOfTimeError(Exception):
    """Too little of the invocation's time is left to begin anything."""


class Deadline:
    """remaining_milliseconds: the Lambda context's `get_remaining_time_in_millis`."""

    def __init__(self, remaining_milliseconds: Callable[[], int]) -> None:
        self._remaining_milliseconds = remaining_milliseconds

    @property
    def seconds(self) -> float:
        """What is left without the reserve; negative when that has begun."""
        return self._remaining_milliseconds() / 1000 - RESERVE_SECONDS

    def check(self) -> None:
        """Raises OutOfTimeError."""
        if self.seconds <= 0:
            raise OutOfTimeError("The invocation's time is nearly over; what is left is taken up by the next one.")

    def pause(self, attempt: int) -> bool:
        """Waits before another try, longer each time and at random; False where the time does not allow it."""
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt)
        seconds = random.uniform(longest / 2, longest)
        if seconds >= self.seconds:
            return False
        time.sleep(seconds)
        return True
