"""Figures with their bars: printed as a table, written as JSON."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Figure:
    """One measured comparison. bar: what `ratio` must reach; or must not exceed, where `at_most`; None: no bar."""

    what: str
    ours: float
    peer: float
    unit: str
    bar: float | None
    at_most: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.peer

    @property
    def passed(self) -> bool:
        if self.bar is None:
            return True
        return self.ratio <= self.bar if self.at_most else self.ratio >= self.bar


def report(name: str, figures: Sequence[Figure], details: object) -> bool:
    """Prints the figures and writes them, with what they were made of, to var/bench/<name>.json; whether all passed."""
    table = Table("", "unit", "ours", "peer", "ratio", "bar", "", title=name, title_justify="left")
    for figure in figures:
        table.add_row(
            figure.what,
            figure.unit,
            _shown(figure.ours),
            _shown(figure.peer),
            _shown(figure.ratio),
            "" if figure.bar is None else f"{'≤' if figure.at_most else '≥'} {figure.bar:g}",
            "" if figure.bar is None else "reached" if figure.passed else "MISSED",
        )
    console.print(table)
    path = folder() / f"{name}.json"
    path.write_text(
        json.dumps(
            {
                "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "machine": {
                    "system": platform.platform(),
                    "python": sys.version.split()[0],
                    "cores": os.cpu_count(),
                    "load": os.getloadavg(),
                },
                "figures": [{**asdict(figure), "ratio": figure.ratio, "passed": figure.passed} for figure in figures],
                "details": details,
            },
            indent=2,
        )
        + "\n"
    )
    console.print(f"written to {path}")
    return all(figure.passed for figure in figures)


def folder() -> Path:
    """Where the figures of this machine are."""
    found = Path(os.environ.get("LOCAL_VAR", ROOT / "var")) / "bench"
    found.mkdir(parents=True, exist_ok=True)
    return found


def _shown(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
