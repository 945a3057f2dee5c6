"""Finds the files that travel with the DAGs: beside plugins/ in the repository, inside plugins.zip on MWAA."""

from __future__ import annotations

from pathlib import Path

_PLUGINS = Path(__file__).resolve().parent.parent


def resource(name: str) -> Path:
    """The folder or file `name` of the repository's top level, wherever this installation keeps it.

    Raises FileNotFoundError naming both places looked at.
    """
    candidates = (_PLUGINS.parent / name, _PLUGINS / name)
    for path in candidates:
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is neither {candidates[0]} nor {candidates[1]}; is the package complete?")


INCLUDE = resource("include")
SQL = INCLUDE / "sql"
