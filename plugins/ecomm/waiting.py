"""Waits for something on AWS to end: looked at often at first, then ever less, so that short work is seen at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ecomm.aws import client

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.4
GROWTH = 1.25


@dataclass(frozen=True)
class Wait:
    """How to look at one thing, in terms that can be stored: a triggerer in another process may do the looking.

    name: what it is, for the log. service, operation, arguments: the boto3 call, such as ("glue", "get_job_run", {…}).
    state: where in its answer the state stands, as a JMESPath. busy: the states in which the end has not come.
    longest_pause: seconds between two looks.
    """

    name: str
    service: str
    operation: str
    arguments: dict[str, Any]
    state: str
    busy: tuple[str, ...]
    longest_pause: float

    def state_in(self, answer: dict[str, Any]) -> str:
        import jmespath

        return str(jmespath.search(self.state, answer))

    def pauses(self) -> Iterator[float]:
        """Seconds to wait before each look but the first."""
        pause = FIRST_PAUSE
        while True:
            yield pause
            pause = min(pause * GROWTH, self.longest_pause)


def wait(what: Wait) -> str:
    """Returns the first state that is not busy; it waits as long as that takes."""
    look = getattr(client(what.service), what.operation)
    seen = ""
    for pause in what.pauses():
        state = what.state_in(look(**what.arguments))
        if state not in what.busy:
            return state
        if state != seen:
            log.info("%s is %s.", what.name, state)
            seen = state
        time.sleep(pause)
    raise AssertionError("unreachable")
