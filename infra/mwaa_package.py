"""Packs what Amazon MWAA reads from its bucket; the same bytes from the same sources.

python -m infra.mwaa_package --stage dev --settings var/deploy/dev.json dist/mwaa

dags/ and requirements.txt are those of the repository. plugins.zip holds plugins/ and, beside the package `ecomm`, the
folders that its tasks read; ecomm.resources finds them in both places. No startup.sh: nothing is needed that pip does
not bring.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.reproducible_zip import add

ROOT = Path(__file__).resolve().parent.parent
# Beside the plugins, which MWAA puts on Python's path; so their names must be none that anybody imports.
BESIDE = ("include", "simulator")
SETTINGS = "include/deployment.json"
# A changed page would be a new version of plugins.zip, for which MWAA restarts every worker.
_LEFT_OUT = {"target", "__pycache__", "README.md"}


def package(target: Path, settings: dict[str, Any]) -> None:
    """Replaces the folder `target` by the package, whole or not at all.

    settings: of the deployment, as the deploy command writes them; at least its stage.
    """
    draft = target.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "dags").mkdir(parents=True)
    for path in sorted((ROOT / "dags").glob("*.py")):
        shutil.copyfile(path, draft / "dags" / path.name)
    shutil.copyfile(ROOT / "requirements.txt", draft / "requirements.txt")
    with zipfile.ZipFile(draft / "plugins.zip", "w") as archive:
        for name, content in sorted(_plugins(settings)):
            add(archive, name, content)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


def _plugins(settings: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    for name, path in _files(ROOT / "plugins"):
        yield name, path.read_bytes()
    for folder in BESIDE:
        for name, path in _files(ROOT / folder):
            # One of this machine's, if there is one, must not take the place of the stage's.
            if f"{folder}/{name}" != SETTINGS:
                yield f"{folder}/{name}", path.read_bytes()
    yield SETTINGS, (json.dumps(settings, indent=2, sort_keys=True) + "\n").encode()


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if path.is_file() and not _LEFT_OUT & set(name.parts):
            yield name.as_posix(), path


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Packs what Amazon MWAA reads from its bucket.")
    parser.add_argument("--stage", default="dev", help="which of several deployments (dev)")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="what `make deploy` of the stage wrote")
    parser.add_argument("target", type=Path, help="the folder to make, such as dist/mwaa")
    options = parser.parse_args(given)
    settings = {"stage": options.stage}
    source = f"no deployment of the stage {options.stage} is known here: its names follow from region and stage"
    if options.settings and options.settings.is_file():
        settings = json.loads(options.settings.read_text())
        source = f"with the settings in {options.settings}"
        if settings.get("stage") != options.stage:
            sys.exit(
                f"{options.settings} is of the stage {settings.get('stage')}, not {options.stage}; "
                "name the file that `make deploy` of that stage wrote."
            )
    package(options.target, settings)
    sys.stdout.write(f"{options.target}: dags/, plugins.zip, requirements.txt; {source}\n")


if __name__ == "__main__":
    main()
