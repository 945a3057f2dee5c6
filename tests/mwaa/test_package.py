"""What `make package` makes: the same bytes always, all that the tasks read, and the settings of the stage."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.mwaa.conftest import make_package


def bytes_of(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


def plugins(package: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(package / "plugins.zip")


def test_it_is_what_mwaa_reads_and_nothing_more(package: Path) -> None:
    assert sorted(path.name for path in package.iterdir()) == ["dags", "plugins.zip", "requirements.txt"]
    assert (package / "requirements.txt").read_bytes() == (ROOT / "requirements.txt").read_bytes()
    dags = {path.name: path.read_bytes() for path in (ROOT / "dags").glob("*.py")}
    assert {path.name: path.read_bytes() for path in (package / "dags").iterdir()} == dags


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    """Else each package is a new version of plugins.zip, for which MWAA restarts every worker."""
    make_package(tmp_path / "one")
    for path in (ROOT / "plugins" / "ecomm").glob("*.py"):
        path.touch()
    make_package(tmp_path / "two")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_a_package_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    target = tmp_path / "dist" / "mwaa"
    make_package(target)
    (target / "dags" / "gone.py").touch()
    make_package(target)
    assert not (target / "dags" / "gone.py").exists()
    assert [path.name for path in target.parent.iterdir()] == ["mwaa"]


def test_plugins_and_what_tasks_read_travel_together(package: Path) -> None:
    names = set(plugins(package).namelist())
    for folder in ("plugins/ecomm", "include/sql", "include/contract"):
        for path in (ROOT / folder).rglob("*.*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT).as_posix().removeprefix("plugins/") in names
    assert "simulator/dataset_generator/__init__.py" in names
    assert {name.split("/")[0] for name in names} == {".airflowignore", "ecomm", "include", "simulator"}
    assert not [name for name in names if "target/" in name or "__pycache__" in name or name.endswith(".md")]


def test_the_unpacked_plugins_find_their_files_and_settings(package: Path, tmp_path: Path) -> None:
    """The resolver of the repository, in the other layout: from `plugins` alone, with no folder beside it."""
    plugins(package).extractall(tmp_path / "plugins")
    program = """
from pathlib import Path
from ecomm.resources import INCLUDE, resource
from ecomm.settings import settings
from ecomm.sql import render_query
from ecomm.tables import DERIVED
from ecomm.upload.sources import Generated

print(INCLUDE, settings().stage, settings().region, settings().raw_bucket, settings().curated_bucket)
assert all(render_query(table.name) for table in DERIVED)
assert len(b"".join(Generated(1000, 1).text(len)).splitlines()) == 1001
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "plugins")},
        check=True,
        capture_output=True,
        text=True,
    )
    include = tmp_path / "plugins" / "include"
    assert done.stdout.split() == [str(include), "test", "eu-west-1", "acme-raw", "acme-curated-eu-west-1-test"]


def test_a_stage_without_a_deployment_keeps_its_name(tmp_path: Path) -> None:
    said = make_package(tmp_path / "mwaa", "--stage", "new", "--settings", str(tmp_path / "none.json"))
    assert "no deployment of the stage new is known here" in said
    assert json.loads(plugins(tmp_path / "mwaa").read("include/deployment.json")) == {"stage": "new"}


def test_the_settings_of_another_stage_are_refused(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text('{"stage": "dev"}')
    with pytest.raises(subprocess.CalledProcessError) as error:
        make_package(tmp_path / "mwaa", "--stage", "test", "--settings", str(tmp_path / "dev.json"))
    assert "dev.json is of the stage dev, not test" in error.value.stderr
    assert not (tmp_path / "mwaa").exists()
