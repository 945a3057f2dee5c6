"""Each image of Amazon MWAA loads the package: with its Airflow, its provider, and nothing else of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.mwaa.conftest import Image

LOAD_SECONDS = 0.5
PROVIDERS = {"3.0.6": "9.12.0", "3.2.1": "9.25.0", "3.3.1": "9.34.0"}
# What has no place at the top of a file, and how each is found out.
PLANTED = {
    "asks_the_network": "import socket\nsocket.create_connection(('203.0.113.1', 80), timeout=1)\n",
    "reads_a_variable": "from airflow.sdk import Variable\nVariable.get('stage')\n",
    "uses_what_is_deprecated": "import datetime\ndatetime.datetime.utcnow()\n",
    "needs_what_the_image_lacks": "import rich.nothing\n",
    "takes_its_time": "import time\nend = time.process_time() + 0.6\nwhile time.process_time() < end:\n    pass\n",
}


def test_the_image_is_the_one_it_is_called(image: Image, loaded: dict[str, Any]) -> None:
    assert (loaded["airflow"], loaded["provider"]) == (image.version, PROVIDERS[image.version])


def test_every_dag_loads(loaded: dict[str, Any]) -> None:
    assert loaded["import_errors"] == {}
    assert loaded["plugin_errors"] == {}
    assert sorted(loaded["dags"]) == sorted(path.stem for path in (ROOT / "dags").glob("*.py"))
    assert all(loaded["dags"].values())


def test_every_module_that_a_task_may_import_is_there(loaded: dict[str, Any]) -> None:
    files = [path.relative_to(ROOT / "plugins") for path in (ROOT / "plugins" / "ecomm").rglob("*.py")]
    modules = {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files}
    assert loaded["modules"] == dict.fromkeys(modules - {"ecomm"}, "")


def test_nothing_of_ours_is_deprecated_there(loaded: dict[str, Any]) -> None:
    assert loaded["warnings"] == []


def test_loading_calls_nobody(loaded: dict[str, Any]) -> None:
    """Neither network nor database: the DAG processor would do it again every few seconds, and each task too."""
    assert loaded["calls"] == []


def test_loading_takes_half_a_second_beyond_airflow(loaded: dict[str, Any]) -> None:
    assert loaded["loaded_early"] == []
    assert loaded["seconds"] <= LOAD_SECONDS


def test_what_must_not_be_is_found_out(image: Image, package: Path, tmp_path: Path) -> None:
    """So that the tests above can fail: each planted file is told by the report."""
    home = image.unpack(package, tmp_path / "home")
    for name, text in PLANTED.items():
        (home / "dags" / f"{name}.py").write_text(f"from airflow.sdk import dag as marked\n{text}")
    report = image.load(home)
    told = report["import_errors"]
    assert "PermissionError" in told["asks_the_network.py"]
    assert any("203.0.113.1" in call for call in report["calls"])
    assert "reads_a_variable.py" in told
    assert "needs_what_the_image_lacks.py" in told
    assert any("utcnow" in warning for warning in report["warnings"])
    assert report["seconds"] > LOAD_SECONDS


def test_the_requirements_ask_for_nothing_that_the_image_lacks(image: Image, package: Path) -> None:
    done = image.install("--requirement", str(package / "requirements.txt"))
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout


@pytest.mark.parametrize("asked", ["apache-airflow-providers-amazon==1.0.0", "rich-nothing"])
def test_a_requirement_that_does_not_fit_is_refused(image: Image, asked: str) -> None:
    assert image.install(asked).returncode != 0
