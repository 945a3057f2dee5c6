"""What can go wrong with an application, as sentences for its operation's record."""

from __future__ import annotations


class ApplicationError(Exception):
    """The application cannot be started, or its operation fails: a sentence that says why."""


class StoppedError(Exception):
    """The start was cut short by a forced stop or by the platform's end."""
