"""Messages of the two queues that the function reads: names of digests, and receipts of mails."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

# Attribute of a mail's message: the names of the alerts that it tells.
EPISODES = "episodes"

_DIGEST = re.compile(r"digest#[0-9]+")


class MessageError(Exception):
    """A message that no retry would mend: a sentence that says what is wrong with it."""


@dataclass(frozen=True)
class Digest:
    """Alerts wait in the table under this name, and their mail is due."""

    name: str


@dataclass(frozen=True)
class Receipt:
    """SNS has delivered a mail about these alerts: subject and name of each."""

    alerts: tuple[tuple[str, str], ...]


def read(body: str) -> Digest | Receipt:
    """Returns what a message's body says. Raises MessageError."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"It is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise MessageError("It is no JSON object.")
    if document.get("Type") == "Notification":
        return Receipt(_alerts(document))
    name = document.get("digest")
    if not isinstance(name, str) or not _DIGEST.fullmatch(name):
        raise MessageError(f"Its digest is {name!r:.100}, not a name such as 'digest#29412345'.")
    return Digest(name)


def _alerts(envelope: dict[str, object]) -> tuple[tuple[str, str], ...]:
    """Returns no alert for a message that someone else sent through the topic."""
    attributes = envelope.get("MessageAttributes") or {}
    if not isinstance(attributes, dict) or EPISODES not in attributes:
        return ()
    try:
        alerts = tuple((subject, name) for subject, name in json.loads(attributes[EPISODES]["Value"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MessageError(f"Its attribute {EPISODES} is no list of pairs: {type(error).__name__}.") from error
    if not all(isinstance(part, str) for alert in alerts for part in alert):
        raise MessageError(f"Its attribute {EPISODES} has a pair that is not of strings.")
    return alerts
