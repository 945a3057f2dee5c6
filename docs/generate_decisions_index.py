"""Writes docs/decisions/README.md from the records themselves: number, title, date, and what became of each.

Any Python runs it: python3 docs/generate_decisions_index.py [--check]
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RECORDS = Path(__file__).resolve().parent / "decisions"
COMMAND = "python3 docs/generate_decisions_index.py"
INTRODUCTION = f"""# Decisions

Generated from the records by `{COMMAND}`; a test holds the two equal.

A record is half a page: the situation, the choice, what it costs. It keeps its reasons when a later one decides
otherwise, and gets a line below its date:

```
Superseded by [0110](0110-the-bucket-is-the-truth.md).
Superseded in part by [0107](0107-one-idea-of-a-click.md): what is a click.
```

A new record takes the number after the highest, and its file is named `<number>-<title>.md`."""

_TITLE = re.compile(r"# (\d{4}) (.+)")
_DATE = re.compile(r"20\d\d-\d\d-\d\d")
_SUPERSEDED = re.compile(r"Superseded (in part )?by \[(\d{4})\]\((\d{4}-[a-z0-9-]+\.md)\)(?:\.|: .+)")


@dataclass(frozen=True)
class Decision:
    """A record, as its first lines describe it."""

    file: str
    number: str
    title: str
    date: str
    superseded: tuple[str, ...]
    """Each `superseded by` with a link, empty if the record is accepted."""

    @property
    def status(self) -> str:
        return ", ".join(self.superseded) or "accepted"


def decisions(folder: Path = RECORDS) -> list[Decision]:
    """Reads every record of the folder, by number.

    Raises ValueError naming the file that does not begin as a record, or has the number of another.
    """
    by_number: dict[str, Decision] = {}
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        record = _read(path)
        if record.number in by_number:
            raise ValueError(
                f"{path.name} has the number of {by_number[record.number].file}; give it the next free one."
            )
        by_number[record.number] = record
    return list(by_number.values())


def _read(path: Path) -> Decision:
    lines = path.read_text().splitlines() + [""] * 3
    title, date = _TITLE.fullmatch(lines[0]), _DATE.fullmatch(lines[2])
    if not title or not date or lines[1]:
        raise ValueError(f"{path.name} does not begin with `# <number> <title>`, an empty line, and a date alone.")
    if not path.name.startswith(f"{title[1]}-"):
        raise ValueError(f"{path.name} has the number {title[1]} in its title; name the file for it.")
    return Decision(path.name, title[1], title[2], date[0], tuple(_superseded(path, lines)))


def _superseded(path: Path, lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.lower().startswith("superseded"):
            continue
        match = _SUPERSEDED.fullmatch(line)
        if not match or not match[3].startswith(match[2]) or not (path.parent / match[3]).is_file():
            form = "`Superseded by [0110](0110-<title>.md).` with a record that exists"
            raise ValueError(f"{path.name} says {line!r}; write {form}.")
        yield f"superseded {match[1] or ''}by [{match[2]}]({match[3]})"


def page(folder: Path = RECORDS) -> str:
    """Renders the whole index, as the records now stand."""
    rows = [
        f"| [{record.number}]({record.file}) | {record.title} | {record.date} | {record.status} |"
        for record in decisions(folder)
    ]
    return "\n".join([INTRODUCTION, "", "| number | title | date | status |", "|---|---|---|---|", *rows, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes docs/decisions/README.md from the records.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the index is not up to date")
    arguments = parser.parse_args()
    index, text = RECORDS / "README.md", page()
    if not arguments.check:
        index.write_text(text)
    elif not index.exists() or index.read_text() != text:
        sys.exit(f"docs/decisions/README.md is not up to date; run {COMMAND}")


if __name__ == "__main__":
    main()
