"""The journal of a state: nothing between two pictures is lost, and what a picture holds is not kept twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from local.state_journal import StateJournal


def save(state: Path, journal: StateJournal, **content: Any) -> None:
    state.write_text(json.dumps({"format": 2, "payload": journal.marked(lambda: content)}))


def since(folder: Path, state: Path) -> list[Any]:
    payload = json.loads(state.read_text())["payload"] if state.exists() else None
    return list(StateJournal(folder, state).since(payload))


def test_what_came_after_the_saved_state_comes_again_in_its_order(tmp_path: Path) -> None:
    folder, state = tmp_path / "journal", tmp_path / "state.json"
    journal = StateJournal(folder, state)
    journal.append("before")
    save(state, journal)
    journal.append(1)
    journal.append([2])
    assert since(folder, state) == [1, [2]]
    # Another process goes on without having saved.
    StateJournal(folder, state).append(3)
    assert since(folder, state) == [1, [2], 3]


def test_a_picture_that_was_not_written_forgets_nothing(tmp_path: Path) -> None:
    folder, state = tmp_path / "journal", tmp_path / "state.json"
    journal = StateJournal(folder, state)
    for number in range(3):
        journal.append(number)
        journal.marked(dict)
    assert since(folder, state) == [0, 1, 2]


def test_files_go_once_a_written_state_holds_them(tmp_path: Path) -> None:
    folder, state = tmp_path / "journal", tmp_path / "state.json"
    journal = StateJournal(folder, state)
    for number in range(5):
        journal.append(number)
        save(state, journal)
    journal.marked(dict)
    assert list(folder.glob("*.jsonl")) == []


def test_a_line_that_a_kill_has_cut_is_left_out(tmp_path: Path) -> None:
    folder, state = tmp_path / "journal", tmp_path / "state.json"
    journal = StateJournal(folder, state)
    journal.append({"whole": True})
    (path,) = folder.glob("*.jsonl")
    path.write_text(path.read_text() + '{"cut')
    assert since(folder, state) == [{"whole": True}]
