"""Loads a package as an image of Amazon MWAA does, and prints what was seen as JSON: run by the image's own Python.

AIRFLOW_HOME is the layout: dags/, plugins/, requirements.txt. Needs nothing but what the image brings.

While the package's code is loaded, whatever would leave the process (a connection, a look-up of a name, a database,
another process) is refused and told as a call: code at the top of a file runs every few seconds on MWAA, in every
task, and where there is neither network nor database.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

HOME = Path(os.environ["AIRFLOW_HOME"])
LEAVING = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "sqlite3.connect", "subprocess.Popen"}
ORDINARY = """
from airflow.sdk import Asset, Param, TaskGroup, chain, dag, task

@dag(schedule=[Asset("any")], params={"any": Param("", type="string")})
def ordinary():
    @task
    def nothing():
        pass
    with TaskGroup("group"):
        nothing()

ordinary()
"""


class Watch:
    """Refuses and notes what would leave the process, and notes every warning, while it is on."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.warnings: list[str] = []
        self._on = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._on and event in LEAVING:
            self.calls.append(f"{event} {arguments[:2]!r:.200}")
            raise PermissionError(f"{event} at the top of a file")

    @contextmanager
    def on(self) -> Iterator[None]:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            self._on = True
            try:
                yield
            finally:
                self._on = False
        self.warnings += [f"{each.category.__name__} at {each.filename}: {each.message}" for each in heard]


def load(folder: Path) -> Any:
    """The folder's DAGs."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 3.0
        from airflow.models.dagbag import DagBag  # type: ignore[no-redef]
    return DagBag(folder)


def serialize(dag: Any) -> None:
    """As the DAG processor does what is loaded, to keep it in the database."""
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialization
    except ImportError:  # Airflow 3.0
        from airflow.serialization.serialized_objects import SerializedDAG as Serialization  # type: ignore
    json.dumps(Serialization.to_dict(dag))


def load_plugins() -> dict[str, str]:
    """Errors of plugins, by file."""
    from airflow import plugins_manager

    plugins_manager.ensure_plugins_loaded()
    if hasattr(plugins_manager, "get_import_errors"):
        return dict(plugins_manager.get_import_errors())
    return dict(plugins_manager.import_errors)  # type: ignore[attr-defined]  # Airflow 3.0


def load_modules() -> dict[str, str]:
    """Every module of the package, those that tasks import when they run too, with what went wrong."""
    import ecomm

    found = {}
    for module in pkgutil.walk_packages(ecomm.__path__, "ecomm."):
        try:
            importlib.import_module(module.name)
            found[module.name] = ""
        except ImportError as error:
            found[module.name] = str(error)
    return found


def main() -> None:
    answer = sys.stdout
    sys.stdout = sys.stderr  # Airflow logs to it
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ordinary.py").write_text(ORDINARY)
        bag = load(Path(folder))
        assert bag.dags.keys() == {"ordinary"}
        serialize(bag.dags["ordinary"])
    plugin_errors = load_plugins()
    with watch.on():
        began = time.process_time()
        bag = load(HOME / "dags")
        seconds = time.process_time() - began
        for dag in bag.dags.values():
            serialize(dag)
    early = sorted(name for name in ("boto3", "pandas", "airflow.providers.amazon.aws") if name in sys.modules)
    # What these warn of is the provider's, not ours.
    importlib.import_module("airflow.providers.amazon.aws.hooks.base_aws")
    modules: dict[str, str] = {}
    if not bag.import_errors:
        with watch.on():
            modules = load_modules()
    report = {
        "airflow": version("apache-airflow"),
        "provider": version("apache-airflow-providers-amazon"),
        "dags": {name: len(dag.tasks) for name, dag in bag.dags.items()},
        "import_errors": {Path(path).name: trace for path, trace in bag.import_errors.items()},
        "plugin_errors": plugin_errors,
        "warnings": watch.warnings,
        "calls": watch.calls,
        "loaded_early": early,
        "modules": modules,
        "seconds": round(seconds, 3),
    }
    print(json.dumps(report), file=answer)


if __name__ == "__main__":
    main()
