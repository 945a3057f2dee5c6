"""Writes names and texts as SQL does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Runs a statement and returns its rows.
Query = Callable[[str], list[tuple[Any, ...]]]


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
