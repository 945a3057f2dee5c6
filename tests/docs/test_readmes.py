"""Each top folder says what may live in it and what may not."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT


def top_folders() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    folders = {line.split("/")[0] for line in listed.splitlines() if "/" in line}
    return sorted(folder for folder in folders if not folder.startswith("."))


@pytest.mark.parametrize("folder", top_folders())
def test_a_top_folder_says_what_may_live_in_it(folder: str) -> None:
    text = (ROOT / folder / "README.md").read_text()
    assert text.startswith(f"# {folder}\n")
    assert "**Belongs here:**" in text
    assert "**Does not belong here:**" in text


@pytest.mark.parametrize("folder", [".", *top_folders()])
def test_links_of_its_pages_lead_to_files(folder: str) -> None:
    """Of the pages that stand beside the code; a folder of pages may have more."""
    for page in (ROOT / folder).glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if not target.startswith(("http://", "https://")):
                assert Path(page.parent, target).exists(), f"{page.relative_to(ROOT)} links to {target}"
