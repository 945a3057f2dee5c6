"""The index of the decisions is up to date, and refuses records that it would misread."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate_decisions_index import decisions, page
from tests.conftest import ROOT

ACCEPTED = "# 0001 One endpoint\n\n2026-11-23\n\n**Situation.** …\n"


@pytest.fixture
def records(tmp_path: Path) -> Path:
    (tmp_path / "0001-one-endpoint.md").write_text(ACCEPTED)
    (tmp_path / "0002-two-endpoints.md").write_text("# 0002 Two endpoints\n\n2026-11-24\n\n**Situation.** …\n")
    return tmp_path


def test_the_index_is_up_to_date() -> None:
    subprocess.run([sys.executable, "docs/generate_decisions_index.py", "--check"], cwd=ROOT, check=True)


def test_a_record_is_superseded_from_its_line_on(records: Path) -> None:
    line = "\nSuperseded in part by [0002](0002-two-endpoints.md): how many there are.\n"
    (records / "0001-one-endpoint.md").write_text(ACCEPTED.replace("2026-11-23\n", f"2026-11-23\n{line}"))
    assert [record.status for record in decisions(records)] == [
        "superseded in part by [0002](0002-two-endpoints.md)",
        "accepted",
    ]
    assert "| [0002](0002-two-endpoints.md) | Two endpoints | 2026-11-24 | accepted |" in page(records)


def test_two_records_with_one_number_are_refused(records: Path) -> None:
    (records / "0001-a-third.md").write_text(ACCEPTED)
    with pytest.raises(ValueError, match=r"0001-one-endpoint\.md has the number of 0001-a-third\.md"):
        decisions(records)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ACCEPTED.replace("2026-11-23", "in November"), "0001-one-endpoint.md does not begin with"),
        (ACCEPTED.replace("# 0001", "# 0003"), "has the number 0003 in its title"),
        (ACCEPTED + "\nSuperseded by 0002.\n", "says 'Superseded by 0002.'"),
        (ACCEPTED + "\nSuperseded by [0003](0003-gone.md).\n", "with a record that exists"),
        (ACCEPTED + "\nSuperseded by [0003](0002-two-endpoints.md).\n", "with a record that exists"),
    ],
    ids=["no date", "another number", "no link", "no record", "another record's link"],
)
def test_what_is_no_record_is_refused(records: Path, text: str, reason: str) -> None:
    (records / "0001-one-endpoint.md").write_text(text)
    with pytest.raises(ValueError) as error:
        page(records)
    assert reason in str(error.value)
