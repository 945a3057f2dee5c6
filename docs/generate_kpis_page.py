"""Writes the tables' sections of docs/kpis.md from include/sql: what a row is, the columns, formulas and caveats.

Run it in Airflow's environment: .venv/airflow/bin/python docs/generate_kpis_page.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "plugins")]

from ecomm.tables import AGGREGATES, CHECK, MARTS, QUERY, Derived, describe  # noqa: E402

PAGE = ROOT / "docs" / "kpis.md"
COMMAND = ".venv/airflow/bin/python docs/generate_kpis_page.py"
# What stands between these two is generated; the rest of the page is written by hand.
BEGIN, END = "<!-- generated: {} -->\n", "<!-- end -->"


def page() -> str:
    """Returns the whole page, with the generated parts as include/sql is now."""
    text = PAGE.read_text()
    for name, tables in (("marts", MARTS), ("aggregates", AGGREGATES)):
        begin = BEGIN.format(name)
        before, _, rest = text.partition(begin)
        after = rest.partition(END)[2]
        text = "".join((before, begin, "\n", *(f"{_section(table)}\n" for table in tables), END, after))
    return text


def _section(table: Derived) -> str:
    described = describe(table.name)
    lines = [f"### `{table.name}`", "", described["description"], "", f"One row per {_listed(described['grain'])}.", ""]
    lines += ["| column | type | unit | meaning | formula |", "|---|---|---|---|---|"]
    lines += [_column(name, column) for name, column in described["columns"].items()]
    lines += ["", *_caveats(described), f"Computed from {_listed(table.sources)}: {_files(table.name)}.", ""]
    return "\n".join(lines)


def _column(name: str, column: dict[str, Any]) -> str:
    formula = f"`{column['formula']}`" if "formula" in column else ""
    return f"| `{name}` | {column['type']} | {column.get('unit', '')} | {column['description']} | {formula} |"


def _caveats(described: dict[str, Any]) -> Iterator[str]:
    named = [f"`{name}`: {column['caveat']}" for name, column in described["columns"].items() if "caveat" in column]
    caveats = [*named, *described.get("caveats", ())]
    if caveats:
        yield from ("Caveats:", "", *(f"- {caveat}" for caveat in caveats), "")


def _listed(names: list[str] | tuple[str, ...]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _files(table: str) -> str:
    return f"[query](../include/sql/{table}/{QUERY}), [checks](../include/sql/{table}/{CHECK})"


if __name__ == "__main__":
    PAGE.write_text(page())
