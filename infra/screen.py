"""What a deployment shows: change sets, events and failures, in colour where a terminal shows them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from infra.failures import Failure, way_out

RED, GREEN, YELLOW, BLUE, BOLD, DIM = "31", "32", "33", "34", "1", "2"

_ACTIONS = {
    "Add": ("add", GREEN),
    "Modify": ("change", YELLOW),
    "Remove": ("remove", RED),
    "Import": ("import", GREEN),
    "Dynamic": ("may change", YELLOW),
}
_REPLACEMENTS = {"True": ("replace", RED), "Conditional": ("may replace", RED)}


class Screen:
    """Writes lines to a stream, plain where the stream is not a terminal or NO_COLOR is set."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._colour = self._stream.isatty() and not os.environ.get("NO_COLOR")

    def paint(self, text: str, colour: str) -> str:
        return f"\033[{colour}m{text}\033[0m" if self._colour else text

    def line(self, text: str = "", colour: str | None = None) -> None:
        self._stream.write((self.paint(text, colour) if colour else text) + "\n")
        self._stream.flush()

    def ask(self, question: str) -> bool:
        """Whether a person at the terminal answers yes; a bare return means no."""
        self._stream.write(self.paint(f"{question} [y/N] ", BOLD))
        self._stream.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def change_set(self, changes: list[dict[str, Any]], parameters: Iterable[tuple[str, str | None, str]]) -> None:
        """One line a resource: what happens to it, its logical id, its type, and for a change which properties.

        parameters: name, value now (None where the stack is new or has no such parameter), value then.
        """
        for name, before, after in parameters:
            self.line(f"  {name}: {after if before is None else f'{before} → {after}'}", DIM)
        width = max((len(change["LogicalResourceId"]) for change in changes), default=0)
        types = max((len(change["ResourceType"]) for change in changes), default=0)
        for change in changes:
            action, colour = _REPLACEMENTS.get(change.get("Replacement", ""), _ACTIONS[change["Action"]])
            text = f"{change['LogicalResourceId']:<{width}}  {change['ResourceType']:<{types}}  {_what_changes(change)}"
            self.line(f"  {self.paint(f'{action:<11}', colour)} {text}".rstrip())

    def event(self, event: dict[str, Any]) -> None:
        status = event["ResourceStatus"]
        colour = RED if "FAILED" in status or "ROLLBACK" in status else GREEN if status.endswith("COMPLETE") else BLUE
        time = event["Timestamp"].astimezone().strftime("%H:%M:%S")
        self.line(
            f"  {self.paint(time, DIM)}  {self.paint(f'{status:<35}', colour)}"
            f" {event['LogicalResourceId']}  {self.paint(event['ResourceType'], DIM)}"
        )

    def failures(self, failures: Iterable[Failure]) -> None:
        for failure in failures:
            self.line(f"  {self.paint(failure.logical_id, BOLD)} ({failure.resource_type}): {failure.reason}", RED)
            if advice := way_out(failure):
                self.line(f"    → {advice}")


def _what_changes(change: dict[str, Any]) -> str:
    targets = [detail.get("Target", {}) for detail in change.get("Details", [])]
    # A list kept in order without doubles: a property is named once a cause.
    names = dict.fromkeys(target.get("Name") or target.get("Attribute", "") for target in targets)
    return ", ".join(name for name in names if name)
