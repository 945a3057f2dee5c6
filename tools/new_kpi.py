"""Writes the files of a new KPI: a mart that works as it is, events per day and audience, for you to change.

Run by `make kpi NAME=kpi_brand_share`; docs/guides/add-a-kpi.md goes on from there.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = Path(__file__).with_name("kpi_template")
NAME = re.compile(r"kpi_[a-z][a-z0-9_]{0,100}")
# Of each template, the file that is made from it.
FILES = {
    "query.sql": "include/sql/{name}/query.sql",
    "check.sql": "include/sql/{name}/check.sql",
    "table.yaml": "include/sql/{name}/table.yaml",
    "expected.py.txt": "tests/include/sql/{name}.py",
}


def main(words: Sequence[str] | None = None) -> int:
    """Writes the files and names them; returns 1, with the reason, if the name is not valid or one of them exists."""
    parser = argparse.ArgumentParser(prog="make kpi", description="Writes the files of a new KPI.")
    parser.add_argument("name", help="the table's name, for example kpi_brand_share")
    name = parser.parse_args(words).name
    if not NAME.fullmatch(name):
        return _refuse(f"{name!r} is no name for a KPI. Use kpi_ and then small letters, digits and underscores.")
    paths = {template: ROOT / path.format(name=name) for template, path in FILES.items()}
    if existing := [path for path in paths.values() if path.exists()]:
        return _refuse(f"{existing[0].relative_to(ROOT)} exists already. Choose another name, or change that file.")
    for template, path in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((TEMPLATES / template).read_text().replace("kpi_template", name))
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    sys.stdout.write("Change them, then run `make docs` and the tests: docs/guides/add-a-kpi.md.\n")
    return 0


def _refuse(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
