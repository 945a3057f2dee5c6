"""A function's code, unpacked into a folder a zip, where all processes of the function find it."""

from __future__ import annotations

import io
import shutil
import threading
import zipfile
from pathlib import Path


class CodeFolder:
    """Folders by the hash of the zip; emptied at the start, since they can be made again.

    bytecode: where Python keeps what it has compiled, by the path of its source.
    """

    def __init__(self, folder: Path, bytecode: Path) -> None:
        for left in (folder, bytecode / folder.relative_to(folder.anchor)):
            shutil.rmtree(left, ignore_errors=True)
        folder.mkdir(parents=True)
        self._folder = folder
        self._lock = threading.Lock()

    def unpacked(self, code: str, content: bytes) -> Path:
        """The folder of the zip `content`, whose hash is `code`."""
        found = self._folder / code
        with self._lock:
            if not found.exists():
                unfinished = self._folder / f"{code}.unfinished"
                shutil.rmtree(unfinished, ignore_errors=True)
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    archive.extractall(unfinished)
                unfinished.rename(found)
        return found
