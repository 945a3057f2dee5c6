"""Writes docs/DAGs.md from the DAGs themselves: what each says of itself, its parameters, its tasks.

Run it in Airflow's environment: .venv/airflow/bin/python docs/generate_dags_page.py [--check]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "DAGs.md"
COMMAND = ".venv/airflow/bin/python docs/generate_dags_page.py"


def page() -> str:
    """The whole page, as the DAG files now say it. Raises RuntimeError where one of them does not load."""
    sys.path[:0] = [str(ROOT / "plugins")]
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "WARNING"
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(ROOT / "dags")
    for path, trace in bag.import_errors.items():
        raise RuntimeError(f"{path} does not load:\n{trace}")
    dags: list[Any] = [bag.dags[name] for name in sorted(bag.dags)]
    parts = [
        "# DAGs",
        f"Generated from the DAG files by `{COMMAND}`; a test holds the two equal.",
        "\n".join(_rows(("DAG", "starts", "does"), ((_link(dag), _start(dag), dag.description) for dag in dags))),
    ]
    for dag in dags:
        parts += [f"## {dag.dag_id}", _one_level_down(dag.doc_md.strip()), _parameters(dag), _tasks(dag)]
    return "\n\n".join(parts) + "\n"


def _link(dag: Any) -> str:
    return f"[`{dag.dag_id}`](#{dag.dag_id})"


def _start(dag: Any) -> str:
    assets = getattr(getattr(dag.timetable, "asset_condition", None), "objects", [])
    if assets:
        return f"on the asset {', '.join(f'`{asset.name}`' for asset in assets)}, or by hand"
    return f"at `{dag.schedule}` (cron, UTC), or by hand" if dag.schedule else "by hand"


def _one_level_down(text: str) -> str:
    """The page has a heading for the DAG already; the docstring's own becomes a sentence under it."""
    first, _, rest = text.partition("\n")
    return f"*{first.lstrip('# ')}.*\n{rest}"


def _parameters(dag: Any) -> str:
    def limits(schema: dict[str, Any]) -> str:
        if "enum" in schema:
            return ", ".join(f"`{choice}`" for choice in schema["enum"])
        named = {"minimum": "from", "maximum": "to", "maxItems": "at most"}
        found = [f"{word} {schema[key]:,}" for key, word in named.items() if key in schema]
        return " ".join([schema["type"], *found])

    def rows() -> Iterable[tuple[str, str, str, str]]:
        for name in dag.params:
            param = dag.params.get_param(name)
            yield f"`{name}`", f"`{json.dumps(param.value)}`", limits(param.schema), param.description

    return "\n".join(_rows(("parameter", "default", "limits", ""), rows()))


def _tasks(dag: Any) -> str:
    tasks = " → ".join(f"`{task.task_id}`" for task in dag.topological_sort())
    return f"Tasks, in an order in which they may run: {tasks}"


def _rows(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterable[str]:
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Writes docs/DAGs.md from the DAG files.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the page is not up to date")
    arguments = parser.parse_args()
    found = page()
    if arguments.check and (not PAGE.exists() or PAGE.read_text() != found):
        sys.exit(f"docs/DAGs.md is not up to date; run {COMMAND}")
    if not arguments.check:
        PAGE.write_text(found)


if __name__ == "__main__":
    main()
