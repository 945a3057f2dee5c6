"""What a function's answer to a batch says of its records.

Source: "Configuring partial batch response", Lambda's developer guide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def failed_items(answer: Any, identifiers: Sequence[str]) -> list[int] | None:
    """Places of the items that the answer names as failed; None where it fails the whole batch.

    An answer without failures is a success; one that names what is not in the batch, or is no such answer, a failure.
    """
    if answer is None:
        return []
    if not isinstance(answer, dict):
        return None
    failures = answer.get("batchItemFailures")
    if failures is None:
        return []
    if not isinstance(failures, list):
        return None
    places = {identifier: place for place, identifier in enumerate(identifiers)}
    named = [failure.get("itemIdentifier") if isinstance(failure, dict) else None for failure in failures]
    failed = {places[name] for name in named if isinstance(name, str) and name in places}
    return sorted(failed) if len(failed) == len(set(map(str, named))) else None
