"""Waits for something on AWS to end, or ends it: looked at often at first, then ever less, so that short work is seen
at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
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
    longest_pause: seconds between two looks. stop_operation, stop_arguments: the call that ends it before its time; no
    operation where it shall go on without the task that waits.
    """

    name: str
    service: str
    operation: str
    arguments: dict[str, Any]
    state: str
    busy: tuple[str, ...]
    longest_pause: float
    stop_operation: str = ""
    stop_arguments: dict[str, Any] = field(default_factory=dict)

    def state_in(self, answer: dict[str, Any]) -> str:
        import jmespath

        return str(jmespath.search(self.state, answer))


def pauses(longest: float) -> Iterator[float]:
    """Seconds to wait before each look but the first: short at first, then ever longer, up to `longest`."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * GROWTH, longest)


def wait(what: Wait) -> str:
    """Returns the first state that is not busy; it waits as long as that takes."""
    look = getattr(client(what.service), what.operation)
    seen = ""
    for pause in pauses(what.longest_pause):
        state = what.state_in(look(**what.arguments))
        if state not in what.busy:
            return state
        if state != seen:
            log.info("%s is %s.", what.name, state)
            seen = state
        time.sleep(pause)
    raise AssertionError("unreachable")


def stop(what: Wait) -> None:
    """Ends it before its time. That it has ended meanwhile, or may not be ended, is logged: there is no more to do."""
    if not what.stop_operation:
        return
    service = client(what.service)
    try:
        answer = getattr(service, what.stop_operation)(**what.stop_arguments)
    except service.exceptions.ClientError as error:
        log.warning("%s was not stopped: %s", what.name, error)
        return
    log.info("%s was told to stop. %s", what.name, answer.get("Errors") or "")
