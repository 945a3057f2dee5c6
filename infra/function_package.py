"""Packs the Lambda function with the packages that its runtime lacks; the same bytes from the same sources.

python -m infra.function_package <folder of installed packages> <zip>
"""

from __future__ import annotations

import os
import py_compile
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from infra.reproducible_zip import add

FUNCTION = Path(__file__).resolve().parent.parent / "lambda" / "ecomm_detect_high_event_volume"
RUNTIME = (3, 13)
# A page that Powertools serves to browsers, half of its size.
_LEFT_OUT = ("aws_lambda_powertools/event_handler/openapi/swagger_ui/", "bin/")


def package(packages: Path, target: Path) -> None:
    """Writes the zip whole or not at all.

    Bytecode goes along: the runtime cannot keep what it compiles, and would do it again at each cold start.
    """
    draft = target.with_suffix(".draft")
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(_files(packages)):
            add(archive, name, path.read_bytes())
            if path.suffix == ".py":
                add(archive, _beside(name), _bytecode(name, path))
    draft.replace(target)


def _files(packages: Path) -> Iterator[tuple[str, Path]]:
    for path in packages.rglob("*"):
        name = path.relative_to(packages).as_posix()
        if path.is_file() and "__pycache__" not in path.parts and not name.startswith(_LEFT_OUT):
            yield name, path
    for path in FUNCTION.glob("*.py"):
        yield f"{FUNCTION.name}/{path.name}", path


def _beside(name: str) -> str:
    """Where Python looks for the bytecode of a source; importlib's function follows PYTHONPYCACHEPREFIX."""
    source = PurePosixPath(name)
    return str(source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc")


def _bytecode(name: str, path: Path) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        compiled = py_compile.compile(
            str(path),
            cfile=str(Path(folder) / "compiled"),
            dfile=name,
            doraise=True,
            # Times differ from one unpacking to the next; nobody changes the source beside it.
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        assert compiled is not None
        return Path(compiled).read_bytes()


def main() -> None:
    if sys.version_info[:2] != RUNTIME:
        version = ".".join(map(str, RUNTIME))
        sys.exit(f"The function's bytecode is for Python {version}; run this with .venv/lambda/bin/python.")
    if sys.flags.hash_randomization:
        # Sets of constants are written in the order of their hashes, which differ from one run to the next.
        os.execve(sys.executable, sys.orig_argv, os.environ | {"PYTHONHASHSEED": "0"})
    packages, target = map(Path, sys.argv[1:])
    package(packages, target)


if __name__ == "__main__":
    main()
